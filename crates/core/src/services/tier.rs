//! How widely used a service is: what a deployment listens to is chosen by it.

use super::SERVICES;

/// A set of event sources; each contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The services whose rows are written by hand.
    Original,
    /// What most accounts use: compute, storage, databases, networks, identity, messaging, delivery.
    Common,
    /// Everything that has a row.
    All,
}

impl Tier {
    /// One word, as settings and `aws-tags services` say it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Common => "common",
            Self::All => "all",
        }
    }
}

/// Event sources of [`Tier::Common`] besides the original ones, sorted. Chosen by hand: services
/// of general use, in which people and pipelines create resources every week. Special fields
/// (media, games, contact centres, quantum computing, …) are left to [`Tier::All`].
const COMMON: &[&str] = &[
    "acm",
    "amazonmq",
    "apigateway",
    "appsync",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "codebuild",
    "codecommit",
    "codedeploy",
    "codepipeline",
    "cognito-idp",
    "config",
    "dms",
    "ecr",
    "elasticbeanstalk",
    "elasticfilesystem",
    "elasticmapreduce",
    "es",
    "events",
    "firehose",
    "fsx",
    "guardduty",
    "iam",
    "kafka",
    "kinesis",
    "kms",
    "logs",
    "monitoring",
    "organizations",
    "pipes",
    "redshift",
    "redshift-serverless",
    "route53",
    "route53resolver",
    "sagemaker",
    "scheduler",
    "servicediscovery",
    "ses",
    "sso",
    "states",
    "transfer",
    "wafv2",
];

/// The tier of an event source, named without `.amazonaws.com`.
pub fn tier(event_source_name: &str) -> Tier {
    let original = SERVICES.binary_search_by(|service| service.name.cmp(event_source_name));
    if original.is_ok() {
        Tier::Original
    } else if COMMON.binary_search(&event_source_name).is_ok() {
        Tier::Common
    } else {
        Tier::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_source_has_one_tier() {
        assert!(COMMON.is_sorted_by(|a, b| a < b));
        assert_eq!(tier("ec2"), Tier::Original);
        assert_eq!(tier("kms"), Tier::Common);
        assert_eq!(tier("medialive"), Tier::All);
        let both = COMMON.iter().find(|name| SERVICES.iter().any(|service| service.name == **name));
        assert_eq!(both, None);
    }
}
