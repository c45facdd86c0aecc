//! The services whose rows are written by hand, one file each.

mod appstream;
mod athena;
mod backup;
mod dynamodb;
mod ec2;
mod ecs;
mod eks;
mod elasticache;
mod elasticloadbalancing;
mod glue;
mod lambda;
mod rds;
mod s3;
mod s3express;
mod secretsmanager;
mod sns;
mod sqs;
mod ssm;

use super::row::Service;

/// Sorted by event source.
pub const BY_HAND: &[Service] = &[
    appstream::SERVICE,
    athena::SERVICE,
    backup::SERVICE,
    dynamodb::SERVICE,
    ec2::SERVICE,
    ecs::SERVICE,
    eks::SERVICE,
    elasticache::SERVICE,
    elasticloadbalancing::SERVICE,
    glue::SERVICE,
    lambda::SERVICE,
    rds::SERVICE,
    s3::SERVICE,
    s3express::SERVICE,
    secretsmanager::SERVICE,
    sns::SERVICE,
    sqs::SERVICE,
    ssm::SERVICE,
];
