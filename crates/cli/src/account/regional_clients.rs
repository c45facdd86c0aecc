//! The AWS services of a deployment, in one Region.

use aws_config::Region;
use aws_tags_aws::Aws;

/// Clients of the services, in one Region.
#[derive(Clone, Debug)]
pub(crate) struct RegionalClients {
    pub(super) cloudtrail: aws_sdk_cloudtrail::Client,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) eventbridge: aws_sdk_eventbridge::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
}

impl RegionalClients {
    pub(crate) fn new(aws: &Aws, region: &str) -> Self {
        let config = aws.config().to_builder().region(Region::new(region.to_owned())).build();
        Self {
            cloudtrail: aws_sdk_cloudtrail::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        }
    }
}
