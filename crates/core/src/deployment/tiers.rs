//! How widely used a service is: a deployment chooses its services by tier.

use std::str::FromStr;

/// A set of event sources; each contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Compute, containers, storage, databases, messaging, secrets: what costs most in most accounts.
    Essential,
    /// What most accounts use as well: networks, identity, delivery, analytics.
    Common,
    /// Everything that has a row.
    All,
}

impl Tier {
    /// As the parameter `Services` and the command line name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Common => "common",
            Self::All => "all",
        }
    }
}

/// A name that is not a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed: essential, common or all")]
pub struct UnknownTier;

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(name: &str) -> Result<Self, UnknownTier> {
        let all = [Self::Essential, Self::Common, Self::All];
        all.into_iter().find(|tier| tier.as_str() == name).ok_or(UnknownTier)
    }
}

/// Event sources of [`Tier::Essential`], sorted.
const ESSENTIAL: &[&str] = &[
    "athena",
    "dynamodb",
    "ec2",
    "ecs",
    "eks",
    "elasticache",
    "elasticloadbalancing",
    "glue",
    "lambda",
    "rds",
    "s3",
    "s3express",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
];

/// Event sources that [`Tier::Common`] adds to the essential ones, sorted: services of general use, in
/// which people and pipelines create resources every week. Special fields (media, games, contact
/// centers, quantum computing, …) are left to [`Tier::All`].
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
    if ESSENTIAL.binary_search(&event_source_name).is_ok() {
        Tier::Essential
    } else if COMMON.binary_search(&event_source_name).is_ok() {
        Tier::Common
    } else {
        Tier::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn every_event_source_has_one_tier_and_every_listed_one_a_row() {
        assert!(ESSENTIAL.is_sorted_by(|a, b| a < b) && COMMON.is_sorted_by(|a, b| a < b));
        assert_eq!(COMMON.iter().find(|name| ESSENTIAL.contains(name)), None);
        for name in ESSENTIAL.iter().chain(COMMON) {
            assert!(table::all().any(|service| service.name == *name), "{name}");
        }
        assert_eq!(tier("ec2"), Tier::Essential);
        assert_eq!(tier("kms"), Tier::Common);
        assert_eq!(tier("medialive"), Tier::All);
    }
}
