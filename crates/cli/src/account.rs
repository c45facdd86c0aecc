//! What commands read of an account, as plain facts: nothing is judged here.

mod functions;
mod history;
mod logs;
mod metrics;
mod permissions;
mod principals;
mod queues;
mod regional_clients;
mod removals;
mod resource_policies;
mod rules;
mod table;
mod trails;

#[cfg(test)]
pub(crate) use functions::EventSourceMapping;
pub(crate) use functions::{Concurrency, Function};
pub(crate) use history::{ATTEMPTS as HISTORY_ATTEMPTS, History};
pub(crate) use metrics::{RuleCounts, rule_counts};
pub(crate) use principals::{Decision, Principal, simulate_in_turn};
pub(crate) use queues::{Queue, ReceivedMessage};
pub(crate) use regional_clients::RegionalClients;
pub(crate) use removals::Removal;
pub(crate) use resource_policies::key_policy;
pub(crate) use rules::Rule;
#[cfg(test)]
pub(crate) use rules::Target;
pub(crate) use table::Table;
pub(crate) use trails::Trail;

use aws_tags_aws::{Access, Aws, Error};
use clap::Args;

use crate::shell::flag;

/// Which account, Region and endpoint are asked.
#[derive(Args, Clone)]
pub(crate) struct AccessOptions {
    /// A profile of the shared AWS configuration.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The Region to ask, e.g. the home Region of the deployment.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Send all calls to this address, e.g. to a local AWS.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

impl AccessOptions {
    /// Whether any of them is given.
    pub(crate) const fn is_given(&self) -> bool {
        self.profile.is_some() || self.region.is_some() || self.endpoint_url.is_some()
    }

    /// As they were given.
    pub(crate) fn words(&self) -> Vec<String> {
        let all = [
            ("--profile", &self.profile),
            ("--region", &self.region),
            ("--endpoint-url", &self.endpoint_url),
        ];
        all.into_iter().flat_map(|(name, value)| flag(name, value.as_deref())).collect()
    }

    /// What was asked for in vain: the account that the credentials belong to.
    pub(crate) fn cannot_ask(&self, aws: &Aws, error: &Error) -> String {
        self.cannot("ask whose credentials these are", aws, error)
    }

    /// What could not be done, where, and what to do about it.
    pub(crate) fn cannot(&self, what: &str, aws: &Aws, error: &Error) -> String {
        let place = match (&self.endpoint_url, region(aws)) {
            (Some(url), _) => format!(" at {url}"),
            (None, Some(region)) => format!(" in {region}"),
            (None, None) => String::new(),
        };
        let profile = self.profile.as_ref().map(|name| format!(" with profile `{name}`")).unwrap_or_default();
        let hint = Self::hint(error);
        format!("AWS{place}{profile}: cannot {what}: {error}{hint}")
    }

    /// What to do about credentials that AWS does not take; empty for all other errors.
    pub(crate) fn hint(error: &Error) -> &'static str {
        let expired = ["Expired", "InvalidClientToken", "UnrecognizedClient"];
        let code = error.code.as_deref().unwrap_or_default();
        match expired.iter().any(|part| code.contains(part)) {
            true => "; log in again, or check the credentials",
            false => "",
        }
    }

    /// Connects with the credentials of the environment or the profile. Gives the Region that is asked, too, or why
    /// there is nothing to ask.
    pub(crate) async fn connect(&self) -> Result<(Aws, String), String> {
        let (profile, region) = (self.profile.clone(), self.region.clone());
        let access = Access { profile, region, endpoint_url: self.endpoint_url.clone(), ..Access::default() };
        if let Some(flaw) = access.flaw().await {
            return Err(flaw);
        }
        let aws = Aws::connect(&access).await;
        match self::region(&aws).map(str::to_owned) {
            Some(region) => Ok((aws, region)),
            None => Err("no Region: give one with --region, AWS_REGION, or a profile".to_owned()),
        }
    }

    /// The same, and the account that the credentials belong to.
    pub(crate) async fn connect_to_account(&self) -> Result<(Aws, String, String), String> {
        let (aws, region) = self.connect().await?;
        let account = match aws.scope().await {
            Ok(scope) => scope.account.clone().unwrap_or_default(),
            Err(error) => return Err(self.cannot_ask(&aws, &error)),
        };
        Ok((aws, region, account))
    }
}

/// The Region of the configuration.
pub(crate) fn region(aws: &Aws) -> Option<&str> {
    aws.config().region().map(AsRef::as_ref)
}
