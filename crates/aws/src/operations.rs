//! What `aws-tags doctor` and `aws-tags redrive` ask of AWS, as plain facts: nothing is judged here.

mod functions;
mod permissions;
mod queues;
mod rules;
mod table;
mod trails;

use aws_config::Region;

pub use functions::{Function, Source};
pub use queues::{Queue, Received};
pub use rules::{Rule, Target};
pub use table::Table;
pub use trails::Trail;

use crate::Aws;

/// The services that an installation is made of, in one Region.
#[derive(Clone, Debug)]
pub struct Installation {
    cloudtrail: aws_sdk_cloudtrail::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    eventbridge: aws_sdk_eventbridge::Client,
    iam: aws_sdk_iam::Client,
    lambda: aws_sdk_lambda::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Aws {
    /// The Region of the configuration.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// The installation's part in a Region.
    pub fn installation(&self, region: &str) -> Installation {
        let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
        Installation {
            cloudtrail: aws_sdk_cloudtrail::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        }
    }
}
