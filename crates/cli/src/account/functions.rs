//! The functions, and their event source mappings.

use std::collections::HashMap;

use aws_tags_aws::Error;

use super::regional_clients::RegionalClients;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Function {
    /// `Active`, `Pending`, `Inactive` or `Failed`, and why.
    pub(crate) state: (String, Option<String>),
    /// `Successful`, `InProgress` or `Failed`, and why.
    pub(crate) last_update: (String, Option<String>),
    pub(crate) environment: HashMap<String, String>,
    pub(crate) role: String,
    /// Reserved concurrency: 0 stops it.
    pub(crate) reserved: Option<i32>,
    pub(crate) event_source_mappings: Vec<EventSourceMapping>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventSourceMapping {
    pub(crate) id: String,
    /// What it reads, e.g. a queue.
    pub(crate) arn: String,
    /// `Enabled`, `Disabled`, …
    pub(crate) state: String,
    /// Whether `ReportBatchItemFailures` is on.
    pub(crate) reports_failures: bool,
    /// How many of its batches are handled at the same time, if that is limited.
    pub(crate) maximum_concurrency: Option<i32>,
}

/// How many invocations an account may run at the same time in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Concurrency {
    /// The quota.
    pub(crate) all: i32,
    /// What no function has reserved.
    pub(crate) unreserved: i32,
}

impl RegionalClients {
    /// The quota of concurrent executions.
    pub(crate) async fn concurrency(&self) -> Result<Concurrency, Error> {
        let limit = self.lambda.get_account_settings().send().await?.account_limit;
        let limit = limit.ok_or_else(|| Error::incomplete("lambda:GetAccountSettings names no quota"))?;
        let unreserved = limit.unreserved_concurrent_executions.unwrap_or(limit.concurrent_executions);
        Ok(Concurrency { all: limit.concurrent_executions, unreserved })
    }

    /// A function by its name; `None` if there is none.
    pub(crate) async fn function(&self, name: &str) -> Result<Option<Function>, Error> {
        let asked = self.lambda.get_function_configuration().function_name(name).send().await;
        let found = match asked.map_err(Error::from) {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let concurrency = self.lambda.get_function_concurrency().function_name(name).send().await?;
        let mappings = self.lambda.list_event_source_mappings().function_name(name).send().await?;
        let source = |mapping: aws_sdk_lambda::types::EventSourceMappingConfiguration| EventSourceMapping {
            maximum_concurrency: mapping.scaling_config().and_then(|scaling| scaling.maximum_concurrency()),
            id: mapping.uuid.clone().unwrap_or_default(),
            reports_failures: !mapping.function_response_types().is_empty(),
            arn: mapping.event_source_arn.unwrap_or_default(),
            state: mapping.state.unwrap_or_default(),
        };
        let text = |word: Option<&str>| word.unwrap_or_default().to_owned();
        Ok(Some(Function {
            state: (text(found.state().map(|state| state.as_str())), found.state_reason.clone()),
            last_update: (
                text(found.last_update_status().map(|status| status.as_str())),
                found.last_update_status_reason.clone(),
            ),
            role: text(found.role()),
            reserved: concurrency.reserved_concurrent_executions,
            event_source_mappings: mappings
                .event_source_mappings
                .unwrap_or_default()
                .into_iter()
                .map(source)
                .collect(),
            environment: found.environment.and_then(|all| all.variables).unwrap_or_default(),
        }))
    }
}
