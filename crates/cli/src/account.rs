//! What `doctor` and `redrive` read of an account, as plain facts: nothing is judged here.

mod functions;
mod history;
mod permissions;
mod queues;
mod regional_clients;
mod rules;
mod table;
mod trails;

#[cfg(test)]
pub(crate) use functions::EventSourceMapping;
pub(crate) use functions::Function;
pub(crate) use history::History;
pub(crate) use queues::{Queue, ReceivedMessage};
pub(crate) use regional_clients::RegionalClients;
pub(crate) use rules::Rule;
#[cfg(test)]
pub(crate) use rules::Target;
pub(crate) use table::Table;
pub(crate) use trails::Trail;

use aws_tags_aws::{Access, Aws};
use clap::Args;

/// Which account, Region and endpoint are asked.
#[derive(Args)]
pub(crate) struct AccessOptions {
    /// A profile of the shared AWS configuration.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The home Region of the deployment.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Send all calls to this address, e.g. to a local AWS.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

impl AccessOptions {
    /// Connects with the credentials of the environment or the profile.
    pub(crate) async fn connect(&self) -> Aws {
        let (profile, region) = (self.profile.clone(), self.region.clone());
        Aws::connect(&Access {
            profile,
            region,
            endpoint_url: self.endpoint_url.clone(),
            ..Access::default()
        })
        .await
    }
}

/// The Region of the configuration.
pub(crate) fn region(aws: &Aws) -> Option<&str> {
    aws.config().region().map(AsRef::as_ref)
}
