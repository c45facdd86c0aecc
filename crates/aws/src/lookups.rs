//! Looks up resources that records do not name, in EC2, in Secrets Manager, and by services' own operations.

use aws_sdk_ec2::types::{Filter, ImportImageTask, InstanceStateName, NatGatewayState, SnapshotTaskDetail};
use aws_tags::ports::{Failure, Lookups};
use aws_tags::table::operation::{Found, LookupOperation, Unanswered};
use aws_tags::table::{Lookup, LookupKind};
use time::OffsetDateTime;

use crate::client::{Aws, Regional};
use crate::error::Error;
use crate::operation::{OperationCaller, name_of};
use crate::pace::Paces;
use crate::retry::client;

/// A resource that the call created is not older than the call, as far as clocks agree, nor much
/// younger: a volume that is attached later may have another creator.
const BEFORE: time::Duration = time::Duration::minutes(1);
const AFTER: time::Duration = time::Duration::minutes(5);

/// Asks EC2 and Secrets Manager, with a client for each Region, and other services by their operations.
#[derive(Debug)]
pub struct AwsLookups {
    ec2: Regional<aws_sdk_ec2::Client>,
    secrets: Regional<aws_sdk_secretsmanager::Client>,
    operations: OperationCaller,
    paces: Paces,
}

impl AwsLookups {
    pub fn new(aws: &Aws) -> Self {
        Self {
            ec2: Regional::new(aws.config(), |config| client!(aws_sdk_ec2, config)),
            secrets: Regional::new(aws.config(), |config| client!(aws_sdk_secretsmanager, config)),
            operations: OperationCaller::new(aws.config().clone()),
            paces: aws.paces().clone(),
        }
    }

    /// An EC2 call in its turn.
    async fn ec2<T, E>(
        &self,
        operation: &'static str,
        region: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Error: From<E>,
    {
        Ok(self.paces.call(("EC2", operation), region, call).await?)
    }

    /// The ids or ARNs that EC2 and Secrets Manager tell.
    async fn ids(&self, lookup: &Lookup, at: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        let (region, ec2) = (lookup.region.as_str(), self.ec2.client(&lookup.region));
        let of_vpc = |name: &str| filter(name, &lookup.question.subjects);
        match lookup.kind {
            LookupKind::VolumesOfInstances => self.volumes(&ec2, lookup, at).await,
            LookupKind::SnapshotsOfImage => self.snapshots(&ec2, lookup, at).await,
            LookupKind::SecurityGroupOfVpc => {
                let name = filter("group-name", &["default".to_owned()]);
                let call = ec2.describe_security_groups().filters(of_vpc("vpc-id")).filters(name).send();
                let groups = self
                    .ec2("DescribeSecurityGroups", region, call)
                    .await?
                    .security_groups
                    .unwrap_or_default();
                found_or_retry(
                    "default security group",
                    groups.into_iter().filter_map(|group| group.group_id),
                )
            }
            LookupKind::NetworkAclOfVpc => {
                let default = filter("default", &["true".to_owned()]);
                let call = ec2.describe_network_acls().filters(of_vpc("vpc-id")).filters(default).send();
                let acls =
                    self.ec2("DescribeNetworkAcls", region, call).await?.network_acls.unwrap_or_default();
                found_or_retry("default network ACL", acls.into_iter().filter_map(|acl| acl.network_acl_id))
            }
            LookupKind::RouteTableOfVpc => {
                let main = filter("association.main", &["true".to_owned()]);
                let call = ec2.describe_route_tables().filters(of_vpc("vpc-id")).filters(main).send();
                let tables =
                    self.ec2("DescribeRouteTables", region, call).await?.route_tables.unwrap_or_default();
                found_or_retry(
                    "main route table",
                    tables.into_iter().filter_map(|table| table.route_table_id),
                )
            }
            LookupKind::SubnetsOfVpc => {
                let default = filter("default-for-az", &["true".to_owned()]);
                let call = ec2.describe_subnets().filters(of_vpc("vpc-id")).filters(default).send();
                let subnets = self.ec2("DescribeSubnets", region, call).await?.subnets.unwrap_or_default();
                found_or_retry("default subnet", subnets.into_iter().filter_map(|subnet| subnet.subnet_id))
            }
            LookupKind::InternetGatewayOfVpc => {
                let call = ec2.describe_internet_gateways().filters(of_vpc("attachment.vpc-id")).send();
                let gateways = self
                    .ec2("DescribeInternetGateways", region, call)
                    .await?
                    .internet_gateways
                    .unwrap_or_default();
                found_or_retry(
                    "internet gateway",
                    gateways.into_iter().filter_map(|gateway| gateway.internet_gateway_id),
                )
            }
            LookupKind::InterfacesOfNatGateway => self.interfaces(&ec2, lookup).await,
            LookupKind::SnapshotOfImport => self.imported_snapshots(&ec2, lookup).await,
            LookupKind::ImageOfImport => {
                let tasks = self.imported_images(&ec2, lookup).await?.into_iter();
                Ok(tasks.filter_map(|task| task.image_id).collect())
            }
            LookupKind::SnapshotsOfImageImport => {
                let tasks = self.imported_images(&ec2, lookup).await?.into_iter();
                let details = tasks.flat_map(|task| task.snapshot_details.unwrap_or_default());
                Ok(details.filter_map(|detail| detail.snapshot_id).collect())
            }
            LookupKind::AddressByIp => {
                let call = ec2.describe_addresses().filters(filter("public-ip", &lookup.question.subjects));
                let answer = self.ec2("DescribeAddresses", region, call.send()).await?;
                let addresses = answer.addresses.unwrap_or_default().into_iter();
                found_or_retry("address", addresses.filter_map(|address| address.allocation_id))
            }
            LookupKind::SecretByName => self.secrets(lookup, at).await,
            LookupKind::Operation(_) => Err(Failure::other("an operation tells it")),
        }
    }

    /// What a service's own operation tells of each subject.
    async fn told(
        &self,
        operation: &'static LookupOperation,
        lookup: &Lookup,
    ) -> Result<Vec<Found>, Failure> {
        let mut found = Vec::new();
        for subject in &lookup.question.subjects {
            let mut told = self.told_of(operation, lookup, subject).await?;
            let mut next = operation.then;
            while let Some(then) = next {
                let mut further = Vec::new();
                for Found { name, .. } in told {
                    further.extend(self.told_of(then, lookup, &name).await?);
                }
                (told, next) = (further, then.then);
            }
            found.extend(told);
        }
        Ok(found)
    }

    async fn told_of(
        &self,
        operation: &'static LookupOperation,
        lookup: &Lookup,
        subject: &str,
    ) -> Result<Vec<Found>, Failure> {
        let call = self.operations.look_up(operation, lookup, subject);
        let body = self.paces.call(name_of(&operation.operation), &lookup.region, call).await?;
        operation.found(&lookup.question, subject, &body).map_err(failure)
    }

    async fn secrets(&self, lookup: &Lookup, at: Option<OffsetDateTime>) -> Result<Vec<String>, Failure> {
        let mut arns = Vec::new();
        for name in &lookup.question.subjects {
            let call = self.secrets.client(&lookup.region).describe_secret().secret_id(name).send();
            let secret = self.paces.call(("Secrets Manager", "DescribeSecret"), &lookup.region, call).await?;
            let created = secret.created_date.and_then(instant);
            // A secret of this name that was created at another time is another secret.
            if created_by_call(created, at) {
                arns.extend(secret.arn);
            }
        }
        found_or_retry("secret of the call", arns.into_iter())
    }

    async fn interfaces(
        &self,
        ec2: &aws_sdk_ec2::Client,
        Lookup { region, question, .. }: &Lookup,
    ) -> Result<Vec<String>, Failure> {
        let call = ec2.describe_nat_gateways().set_nat_gateway_ids(Some(question.subjects.clone())).send();
        let gateways = self.ec2("DescribeNatGateways", region, call).await?.nat_gateways.unwrap_or_default();
        if let Some(gateway) =
            gateways.iter().find(|gateway| gateway.state() == Some(&NatGatewayState::Pending))
        {
            let id = gateway.nat_gateway_id().unwrap_or_default();
            return Err(Failure::other(format!("NAT gateway {id} is pending: it has no interface yet")));
        }
        // One that failed has none.
        Ok(gateways
            .iter()
            .flat_map(|gateway| gateway.nat_gateway_addresses())
            .filter_map(|address| Some(address.network_interface_id()?.to_owned()))
            .collect())
    }

    async fn imported_snapshots(
        &self,
        ec2: &aws_sdk_ec2::Client,
        Lookup { region, question, .. }: &Lookup,
    ) -> Result<Vec<String>, Failure> {
        let ids = Some(question.subjects.clone());
        let call = ec2.describe_import_snapshot_tasks().set_import_task_ids(ids).send();
        let tasks = self.ec2("DescribeImportSnapshotTasks", region, call).await?;
        let mut snapshots = Vec::new();
        for task in tasks.import_snapshot_tasks.unwrap_or_default() {
            let detail = task.snapshot_task_detail.unwrap_or_else(|| SnapshotTaskDetail::builder().build());
            if is_completed(detail.status())? {
                snapshots.extend(detail.snapshot_id);
            }
        }
        Ok(snapshots)
    }

    async fn imported_images(
        &self,
        ec2: &aws_sdk_ec2::Client,
        Lookup { region, question, .. }: &Lookup,
    ) -> Result<Vec<ImportImageTask>, Failure> {
        let ids = Some(question.subjects.clone());
        let call = ec2.describe_import_image_tasks().set_import_task_ids(ids).send();
        let tasks = self.ec2("DescribeImportImageTasks", region, call).await?;
        let mut completed = Vec::new();
        for task in tasks.import_image_tasks.unwrap_or_default() {
            if is_completed(task.status())? {
                completed.push(task);
            }
        }
        Ok(completed)
    }

    async fn volumes(
        &self,
        ec2: &aws_sdk_ec2::Client,
        Lookup { region, question, .. }: &Lookup,
        at: Option<OffsetDateTime>,
    ) -> Result<Vec<String>, Failure> {
        let call = ec2.describe_instances().set_instance_ids(Some(question.subjects.clone())).send();
        let reservations =
            self.ec2("DescribeInstances", region, call).await?.reservations.unwrap_or_default();
        let described = || reservations.iter().flat_map(|reservation| reservation.instances());
        let pending = described().find(|instance| {
            instance.state().and_then(|state| state.name()) == Some(&InstanceStateName::Pending)
        });
        if let Some(instance) = pending {
            let id = instance.instance_id().unwrap_or_default();
            return Err(Failure::other(format!(
                "instance {id} is pending: its volumes may not be attached yet"
            )));
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
        let volumes = self.ec2("DescribeVolumes", region, call).await?.volumes.unwrap_or_default();
        Ok(volumes
            .into_iter()
            .filter(|volume| created_by_call(volume.create_time.and_then(instant), at))
            .filter_map(|volume| volume.volume_id)
            .collect())
    }

    async fn snapshots(
        &self,
        ec2: &aws_sdk_ec2::Client,
        Lookup { region, question, .. }: &Lookup,
        at: Option<OffsetDateTime>,
    ) -> Result<Vec<String>, Failure> {
        let call = ec2.describe_images().set_image_ids(Some(question.subjects.clone())).send();
        let images = self.ec2("DescribeImages", region, call).await?.images.unwrap_or_default();
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
        let snapshots = self.ec2("DescribeSnapshots", region, call).await?.snapshots.unwrap_or_default();
        Ok(snapshots
            .into_iter()
            // The request may name snapshots that existed before.
            .filter(|snapshot| created_by_call(snapshot.start_time.and_then(instant), at))
            .filter_map(|snapshot| snapshot.snapshot_id)
            .collect())
    }
}

impl Lookups for AwsLookups {
    async fn look_up(&self, lookup: &Lookup, at: Option<OffsetDateTime>) -> Result<Vec<Found>, Failure> {
        if let LookupKind::Operation(operation) = lookup.kind {
            return self.told(operation, lookup).await;
        }
        // Their times were compared already.
        Ok(self.ids(lookup, at).await?.into_iter().map(Found::from).collect())
    }
}

/// What is not there may come, and what has not ended may end.
fn failure(unanswered: Unanswered) -> Failure {
    match unanswered {
        Unanswered::NotFound(_) => Failure::not_found(unanswered.to_string()),
        _ => Failure::other(unanswered.to_string()),
    }
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

/// Whether an import has ended with what it should make; a failure while it runs. It may run for longer than an
/// event is kept: then the event is a dead letter, to be redriven.
/// <https://docs.aws.amazon.com/vm-import/latest/userguide/import-vm-image.html#check-import-task-status>
fn is_completed(status: Option<&str>) -> Result<bool, Failure> {
    match status {
        Some("completed") => Ok(true),
        Some("deleting" | "deleted") => Ok(false),
        running => Err(Failure::other(format!("the import is {}", running.unwrap_or("in no state")))),
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
