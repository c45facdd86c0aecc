//! Looks up resources that records do not name, in EC2 and Secrets Manager.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{Filter, InstanceStateName};
use aws_tags::ports::{Failure, Lookups};
use aws_tags::table::{Lookup, LookupKind};
use time::OffsetDateTime;

use crate::client::Regional;
use crate::error::Error;

/// Volumes are attached while an instance is pending, most within seconds. After these attempts the
/// queue delivers the event again.
const TRIES: usize = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
/// A resource that the call created is not older than the call, as far as clocks agree, nor much
/// younger: a volume that is attached later may have another creator.
const BEFORE: time::Duration = time::Duration::minutes(1);
const AFTER: time::Duration = time::Duration::minutes(5);

/// Asks EC2 and Secrets Manager, with a client for each Region.
#[derive(Debug)]
pub struct AwsLookups {
    ec2: Regional<aws_sdk_ec2::Client>,
    secrets: Regional<aws_sdk_secretsmanager::Client>,
}

impl AwsLookups {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: Regional::new(config, aws_sdk_ec2::Client::new),
            secrets: Regional::new(config, aws_sdk_secretsmanager::Client::new),
        }
    }

    async fn ask(&self, lookup: &Lookup, at: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        let ec2 = self.ec2.client(&lookup.region);
        let of_vpc = |name: &str| filter(name, &lookup.by);
        match lookup.kind {
            LookupKind::VolumesOfInstances => volumes(&ec2, &lookup.by, at).await,
            LookupKind::SnapshotsOfImage => snapshots(&ec2, &lookup.by, at).await,
            LookupKind::SecurityGroupOfVpc => {
                let name = filter("group-name", &["default".to_owned()]);
                let call = ec2.describe_security_groups().filters(of_vpc("vpc-id")).filters(name).send();
                let groups = call.await.map_err(Error::from)?.security_groups.unwrap_or_default();
                found_or_retry(
                    "default security group",
                    groups.into_iter().filter_map(|group| group.group_id),
                )
            }
            LookupKind::NetworkAclOfVpc => {
                let default = filter("default", &["true".to_owned()]);
                let call = ec2.describe_network_acls().filters(of_vpc("vpc-id")).filters(default).send();
                let acls = call.await.map_err(Error::from)?.network_acls.unwrap_or_default();
                found_or_retry("default network ACL", acls.into_iter().filter_map(|acl| acl.network_acl_id))
            }
            LookupKind::RouteTableOfVpc => {
                let main = filter("association.main", &["true".to_owned()]);
                let call = ec2.describe_route_tables().filters(of_vpc("vpc-id")).filters(main).send();
                let tables = call.await.map_err(Error::from)?.route_tables.unwrap_or_default();
                found_or_retry(
                    "main route table",
                    tables.into_iter().filter_map(|table| table.route_table_id),
                )
            }
            LookupKind::SubnetsOfVpc => {
                let default = filter("default-for-az", &["true".to_owned()]);
                let call = ec2.describe_subnets().filters(of_vpc("vpc-id")).filters(default).send();
                let subnets = call.await.map_err(Error::from)?.subnets.unwrap_or_default();
                found_or_retry("default subnet", subnets.into_iter().filter_map(|subnet| subnet.subnet_id))
            }
            LookupKind::InternetGatewayOfVpc => {
                let call = ec2.describe_internet_gateways().filters(of_vpc("attachment.vpc-id")).send();
                let gateways = call.await.map_err(Error::from)?.internet_gateways.unwrap_or_default();
                found_or_retry(
                    "internet gateway",
                    gateways.into_iter().filter_map(|gateway| gateway.internet_gateway_id),
                )
            }
            LookupKind::SecretByName => self.secrets(lookup, at).await,
        }
    }

    async fn secrets(&self, lookup: &Lookup, at: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        let mut arns = Vec::new();
        for name in &lookup.by {
            let call = self.secrets.client(&lookup.region).describe_secret().secret_id(name).send();
            let secret = call.await.map_err(Error::from)?;
            let created = secret.created_date.and_then(instant);
            // A secret of this name that was created at another time is another secret.
            if created_by_call(created, at) {
                arns.extend(secret.arn);
            }
        }
        found_or_retry("secret of the call", arns.into_iter())
    }
}

impl Lookups for AwsLookups {
    async fn look_up(&self, lookup: &Lookup, at: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        let mut answer = self.ask(lookup, at).await;
        // A resource of an old event that does not exist now will not appear.
        let recent = at.is_some_and(|at| OffsetDateTime::now_utc() < at.saturating_add(AFTER));
        let mut tries = 1;
        while answer.is_err() && recent && tries < TRIES {
            tokio::time::sleep(BETWEEN_TRIES).await;
            answer = self.ask(lookup, at).await;
            tries += 1;
        }
        answer
    }
}

async fn volumes(
    ec2: &aws_sdk_ec2::Client,
    instances: &[String],
    at: Option<OffsetDateTime>,
) -> Result<Vec<String>, Failure> {
    let call = ec2.describe_instances().set_instance_ids(Some(instances.to_vec())).send();
    let reservations = call.await.map_err(Error::from)?.reservations.unwrap_or_default();
    let described = || reservations.iter().flat_map(|reservation| reservation.instances());
    let pending = described().find(|instance| {
        instance.state().and_then(|state| state.name()) == Some(&InstanceStateName::Pending)
    });
    if let Some(instance) = pending {
        let id = instance.instance_id().unwrap_or_default();
        return Err(Failure::other(format!("instance {id} is pending: its volumes may not be attached yet")));
    }
    let attached: Vec<String> = described()
        .flat_map(|instance| instance.block_device_mappings())
        .filter_map(|mapping| Some(mapping.ebs()?.volume_id()?.to_owned()))
        .collect();
    if attached.is_empty() {
        // Instance store only, or terminated.
        return Ok(Vec::new());
    }
    let call = ec2.describe_volumes().set_volume_ids(Some(attached)).send();
    let volumes = call.await.map_err(Error::from)?.volumes.unwrap_or_default();
    Ok(volumes
        .into_iter()
        .filter(|volume| created_by_call(volume.create_time.and_then(instant), at))
        .filter_map(|volume| volume.volume_id)
        .collect())
}

async fn snapshots(
    ec2: &aws_sdk_ec2::Client,
    images: &[String],
    at: Option<OffsetDateTime>,
) -> Result<Vec<String>, Failure> {
    let call = ec2.describe_images().set_image_ids(Some(images.to_vec())).send();
    let images = call.await.map_err(Error::from)?.images.unwrap_or_default();
    let named: Vec<String> = images
        .iter()
        .flat_map(|image| image.block_device_mappings())
        .filter_map(|mapping| Some(mapping.ebs()?.snapshot_id()?.to_owned()))
        .collect();
    if named.is_empty() {
        // An image names its snapshots once they are started.
        return found_or_retry("snapshot of the image", std::iter::empty());
    }
    let call = ec2.describe_snapshots().set_snapshot_ids(Some(named)).send();
    let snapshots = call.await.map_err(Error::from)?.snapshots.unwrap_or_default();
    Ok(snapshots
        .into_iter()
        // The request may name snapshots that existed before.
        .filter(|snapshot| created_by_call(snapshot.start_time.and_then(instant), at))
        .filter_map(|snapshot| snapshot.snapshot_id)
        .collect())
}

/// Whether a resource that was created at one time may be of a call at another.
fn created_by_call(created: Option<OffsetDateTime>, at: Option<OffsetDateTime>) -> bool {
    match (created, at) {
        (Some(created), Some(at)) => {
            (at.saturating_sub(BEFORE)..=at.saturating_add(AFTER)).contains(&created)
        }
        // Without times nothing tells it apart from older ones.
        _ => false,
    }
}

fn instant(at: aws_smithy_types::DateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.secs()).ok()
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

/// The resources found; an error if there are none, as they may not exist yet.
fn found_or_retry(what: &str, found: impl Iterator<Item = String>) -> Result<Vec<String>, Failure> {
    let found: Vec<String> = found.collect();
    match found.is_empty() {
        true => Err(Failure::not_found(format!("{what} not found"))),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn resources_older_or_much_younger_than_the_call_are_not_its_own() {
        let at = Some(datetime!(2026-05-04 09:00:00 UTC));
        assert!(created_by_call(Some(datetime!(2026-05-04 09:00:20 UTC)), at));
        assert!(!created_by_call(Some(datetime!(2026-05-04 08:58:00 UTC)), at));
        assert!(!created_by_call(Some(datetime!(2026-05-04 09:06:00 UTC)), at));
        assert!(!created_by_call(None, at));
    }
}
