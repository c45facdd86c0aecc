//! The functions, and what they are fed from.

use std::collections::HashMap;

use super::Installation;
use crate::Error;

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// `Active`, `Pending`, `Inactive` or `Failed`, and why.
    pub state: (String, Option<String>),
    /// `Successful`, `InProgress` or `Failed`, and why.
    pub last_update: (String, Option<String>),
    /// Its environment variables.
    pub environment: HashMap<String, String>,
    /// ARN of its role.
    pub role: String,
    /// Reserved concurrency: 0 stops it.
    pub reserved: Option<i32>,
    /// Its event source mappings.
    pub sources: Vec<Source>,
}

/// An event source mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it reads, e.g. a queue.
    pub arn: String,
    /// `Enabled`, `Disabled`, …
    pub state: String,
    /// Whether it understands that single messages failed.
    pub reports_failures: bool,
}

impl Installation {
    /// A function by its name; `None` where there is none.
    pub async fn function(&self, name: &str) -> Result<Option<Function>, Error> {
        let asked = self.lambda.get_function_configuration().function_name(name).send().await;
        let found = match asked.map_err(Error::from) {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let concurrency = self.lambda.get_function_concurrency().function_name(name).send().await?;
        let mappings = self.lambda.list_event_source_mappings().function_name(name).send().await?;
        let source = |mapping: aws_sdk_lambda::types::EventSourceMappingConfiguration| Source {
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
            sources: mappings.event_source_mappings.unwrap_or_default().into_iter().map(source).collect(),
            environment: found.environment.and_then(|all| all.variables).unwrap_or_default(),
        }))
    }
}
