//! Finds what a call created, by its rows and its record: resources, and lookups for the rest.

use std::borrow::Cow;
use std::fmt;

use time::{Duration, OffsetDateTime};

use super::operation::{Found, Question};
use super::parents::row_of;
use super::place::{Problem, arn_prefix, belongs, in_record, is_of_type};
use super::row::{CreationTime, Ending, Locator, LookupKind, Read, Route, Row, Service};
use crate::record::{Arn, Event, is_account, timestamp};
use crate::tags::TagMap;

/// A created resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub arn: Arn,
    /// Resource type of the Service Authorization Reference, e.g. `ec2:volume`.
    pub resource_type: &'static str,
    /// Which API tags it.
    pub route: Route,
    /// Which API reads its tags.
    pub read: Read,
    /// Whether its ARN ends in an id that AWS never gives twice.
    pub unique: bool,
    /// Which API tells when it was created.
    pub creation_time: CreationTime,
    /// What the record says of the age of a resource with a name.
    pub answered: Answered,
    /// The Region in which it is tagged.
    pub region: String,
    /// User tags that it takes.
    pub max_tags: usize,
    /// The tags that the lookup told which found it.
    pub told: Option<TagMap>,
    /// Why it is tagged only where the setting `ALSO_TAG` names its type.
    pub opt_in: Option<&'static str>,
    /// The same, if an AWS service created it on its own.
    pub opt_in_if_service_created: Option<&'static str>,
}

impl Resource {
    /// Whether two keys name the same tag of this resource. IAM replaces a tag whose key differs only
    /// in case; elsewhere both stand side by side.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
    pub(crate) fn same_key(&self, one: &str, other: &str) -> bool {
        match self.resource_type.starts_with("iam:") {
            true => one.eq_ignore_ascii_case(other),
            false => one == other,
        }
    }
}

/// Whether a call that succeeded created the resource, or answered for one that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The call fails if the resource is there.
    New,
    /// The call answers for what is there, too, and the record does not tell which it was.
    NewOrOld,
    /// The resource is older than the call.
    Old,
}

/// A creation time next to that of the call that may have created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// It is older, whatever the clocks say.
    Older,
    /// It is older by seconds, or the clocks differ.
    LittleOlder,
    /// It is no older.
    Fits,
}

impl Age {
    const CLOCKS_DIFFER: Duration = Duration::seconds(60);
    /// Both times are cut to seconds.
    const ROUNDED: Duration = Duration::seconds(2);

    pub(crate) fn of(created: OffsetDateTime, called: OffsetDateTime) -> Self {
        if created.saturating_add(Self::CLOCKS_DIFFER) < called {
            Self::Older
        } else if created.saturating_add(Self::ROUNDED) < called {
            Self::LittleOlder
        } else {
            Self::Fits
        }
    }
}

impl Answered {
    fn of(row: &Row, event: &Event) -> Self {
        if !row.idempotent {
            return Self::New;
        }
        let created =
            row.created_at.and_then(|path| event.text(path)).and_then(|text| timestamp::parse(&text));
        Self::by_time(created, event.time())
    }

    /// By the creation time of what may be older than the call.
    fn by_time(created: Option<OffsetDateTime>, called: Option<OffsetDateTime>) -> Self {
        match created.zip(called).map(|(created, called)| Age::of(created, called)) {
            Some(Age::Older) => Self::Old,
            Some(Age::Fits) => Self::New,
            Some(Age::LittleOlder) | None => Self::NewOrOld,
        }
    }
}

/// Resources to be found by asking AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// What to ask for.
    pub kind: LookupKind,
    /// Ids or names to ask about, and what else the record says of them.
    pub question: Question,
    /// The Region to ask in.
    pub region: String,
    /// The account of the resources.
    pub account: String,
    row: RowRef,
    partition: &'static str,
    /// When the call was made.
    called: Option<OffsetDateTime>,
}

/// The resources that a call created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Creation {
    /// Named in the record.
    pub resources: Vec<Resource>,
    /// To be looked up in AWS.
    pub lookups: Vec<Lookup>,
    /// Resources that the record should name and does not.
    pub missing: Vec<LocateError>,
}

/// A record that does not name a resource where its row says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event_name} {problem}")]
pub struct LocateError {
    pub event_name: String,
    pub problem: Problem,
}

/// A row of the table, compared by call and resource type.
#[derive(Clone, Copy, Debug)]
struct RowRef(&'static Row, &'static Service);

impl PartialEq for RowRef {
    fn eq(&self, other: &Self) -> bool {
        (self.0.event_name, self.0.resource_type) == (other.0.event_name, other.0.resource_type)
    }
}

impl Eq for RowRef {}

/// Why a known call leaves nothing for us to tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nothing {
    Ending(Ending),
    /// The response names a resource of another account, or the request names its owner.
    NotOurs(LocateError),
}

/// How a call ends that could have created what it names by ARN or id.
const CHANGE: Ending = Ending::Update("the request names what is there");

impl LookupKind {
    /// Whether a record shows that the call changed what is there.
    fn finds_change(self, event: &Event) -> bool {
        match self {
            Self::Operation(operation) => operation.changes.iter().any(|path| event.text(path).is_some()),
            _ => false,
        }
    }
}

/// Members of requests that name the account whose resources a call creates.
const OWNERS: &[&str] = &["catalogId", "domainOwner", "ownerAccount", "ownerAccountId", "registryId"];

/// The resources that the rows of a call find in its record.
pub fn created(service: &'static Service, rows: &'static [Row], event: &Event) -> Result<Creation, Nothing> {
    let error = |problem| LocateError { event_name: event.name.clone(), problem };
    if let Some(problem) = other_owner(event) {
        return Err(Nothing::NotOurs(error(problem)));
    }
    let mut creation = Creation::default();
    let mut missing = Vec::new();
    for row in rows {
        if creation.resources.iter().any(|resource| resource.resource_type == row.resource_type) {
            continue;
        }
        let found = match row.locator {
            Locator::None(ending) => return Err(Nothing::Ending(ending)),
            Locator::Place(place) => creation.add(in_record(&[place], row, event), row, service, event),
            Locator::Places(places) => creation.add(in_record(places, row, event), row, service, event),
            Locator::Custom(place) => {
                let place = place(event).map_err(Nothing::Ending)?;
                creation.add(in_record(&[place], row, event), row, service, event)
            }
            Locator::Lookup { kind, .. } if kind.finds_change(event) => {
                return Err(Nothing::Ending(CHANGE));
            }
            Locator::Lookup { kind, by } => {
                lookup(kind, by, row, service, event).map(|lookup| creation.lookups.push(lookup))
            }
        };
        match found {
            Ok(()) => {}
            Err(_) if row.optional => {}
            // Whatever could still be built from names in this record would be ours by name only.
            Err(problem @ Problem::NotOurs(_)) => return Err(Nothing::NotOurs(error(problem))),
            Err(problem) => missing.push((row.resource_type, problem)),
        }
    }
    // An alternative row of the same type may have found it.
    missing.retain(|(resource_type, _)| {
        let found = creation.resources.iter().any(|resource| resource.resource_type == *resource_type);
        !found && !creation.lookups.iter().any(|lookup| lookup.resource_type() == *resource_type)
    });
    creation.missing = missing.into_iter().map(|(_, problem)| error(problem)).collect();
    Ok(creation)
}

/// The account that the request names as the owner of what it creates, if that is not the record's.
fn other_owner(event: &Event) -> Option<Problem> {
    let own = event.account()?;
    OWNERS.iter().find_map(|member| {
        let text = event.text(&format!("requestParameters.{member}"))?;
        // Glue has catalogs within an account: `111122223333:s3tablescatalog/…`.
        let account = text.split(':').next().filter(|account| is_account(account) && **account != own)?;
        Some(Problem::OtherOwner { member, account: account.to_owned() })
    })
}

impl Creation {
    /// Adds resources, each once: a call may name one twice, e.g. a route table that is both defaults.
    fn add(
        &mut self,
        found: Result<Vec<Arn>, Problem>,
        row: &Row,
        service: &Service,
        event: &Event,
    ) -> Result<(), Problem> {
        let excluded = row.excluding.map(|path| event.texts(path)).unwrap_or_default();
        for arn in found? {
            let existed = excluded.iter().any(|id| id == arn.id());
            if !existed && !self.resources.iter().any(|known| known.arn == arn) {
                self.resources.push(resource(arn, row, service, event.region(), Answered::of(row, event)));
            }
        }
        Ok(())
    }
}

/// A resource of that type which was there before, with what the table says of the type; `None` where no call
/// creates it.
pub(crate) fn of_type(resource_type: &str, arn: Arn, event_region: &str) -> Option<Resource> {
    let (service, row) = row_of(resource_type)?;
    Some(resource(arn, row, service, event_region, Answered::Old))
}

fn resource(arn: Arn, row: &Row, service: &Service, event_region: &str, answered: Answered) -> Resource {
    // Replicas are in other Regions than the call; buckets and global clusters name none.
    let region = if is_global(&arn) { event_region } else { arn.region() };
    Resource {
        region: region.to_owned(),
        resource_type: row.resource_type,
        route: row.route(service),
        read: row.read_by(service),
        unique: row.unique,
        creation_time: row.creation_time,
        answered,
        max_tags: row.max_tags,
        told: None,
        opt_in: row.opt_in,
        opt_in_if_service_created: row.opt_in_if_service_created,
        arn,
    }
}

/// Whether an ARN names no Region that can be called. Lightsail's domains are in `global`.
/// <https://docs.aws.amazon.com/lightsail/2016-11-28/api-reference/API_Domain.html>
fn is_global(arn: &Arn) -> bool {
    matches!(arn.region(), "" | "global")
}

fn lookup(
    kind: LookupKind,
    path: &str,
    row: &'static Row,
    service: &'static Service,
    event: &Event,
) -> Result<Lookup, Problem> {
    let subjects: Vec<String> = event.texts_at_place(path).into_iter().map(Cow::into_owned).collect();
    let account = event.account().ok_or(Problem::NoAccount)?;
    if subjects.is_empty() {
        return Err(match event.leaves_out(path) {
            Some(_) => Problem::absent(path, event),
            None => Problem::NothingToLookUpBy(row.resource_type),
        });
    }
    let question = match kind {
        LookupKind::Operation(operation) => {
            let text = |path: &str| event.text(path).map(Cow::into_owned);
            let question = Question::new(operation, subjects, text);
            question.map_err(|path| Problem::Absent(path.to_owned()))?
        }
        _ => Question::about(subjects),
    };
    Ok(Lookup {
        kind,
        question,
        row: RowRef(row, service),
        partition: event.partition(),
        region: event.region().to_owned(),
        account: account.into_owned(),
        called: event.time(),
    })
}

impl Lookup {
    /// The resource type that is asked for.
    pub fn resource_type(&self) -> &'static str {
        self.row.0.resource_type
    }

    /// Why it is looked up only where the setting `ALSO_TAG` names its type.
    pub(crate) fn opt_in(&self) -> Option<&'static str> {
        self.row.0.opt_in
    }

    /// The resource that an answer names, by id or whole ARN; none if it is another account's, or of another
    /// type or Region.
    pub(crate) fn resource_for(&self, found: &Found) -> Option<Resource> {
        let RowRef(row, service) = self.row;
        let arn = Arn::parse(&found.name).or_else(|| {
            let prefix = arn_prefix(row, self.partition, &self.region, &self.account);
            Arn::parse(&format!("{prefix}{}/{}", row.type_name(), found.name))
        })?;
        let is_here = is_global(&arn) || arn.region() == self.region;
        let is_ours = belongs(&arn, self.partition, Some(&self.account)) && is_of_type(&arn, row) && is_here;
        let answered = match found.created {
            Some(_) => Answered::by_time(found.created, self.called),
            None if row.idempotent => Answered::NewOrOld,
            None => Answered::New,
        };
        let told = found.tags.clone();
        is_ours.then(|| Resource { told, ..resource(arn, row, service, &self.region, answered) })
    }

    /// Whether an answer names what was created so long after the call that it is another's.
    pub(crate) fn is_younger(&self, found: &Found) -> bool {
        /// As far as clocks agree, and services take their time.
        const AFTER: Duration = Duration::minutes(5);
        let times = found.created.zip(self.called);
        times.is_some_and(|(created, called)| called.saturating_add(AFTER) < created)
    }
}

/// `ec2:volume of i-0abc`: what is asked for, and by what.
impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.resource_type(), self.question.subjects.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::rows;
    use super::*;
    use serde_json::{Value, json};

    fn created_by(source: &str, name: &str, fields: Value) -> Result<Creation, Nothing> {
        let mut record = json!({"eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
                                "recipientAccountId": "111122223333"});
        let object = record.as_object_mut().expect("object");
        object.extend(fields.as_object().expect("object").clone());
        let event = Event::from_json(record).expect("a record");
        let (service, rows) = rows(source, name).expect("a row");
        created(service, rows, &event)
    }

    fn arns(creation: &Creation) -> Vec<&str> {
        creation.resources.iter().map(|resource| resource.arn.as_str()).collect()
    }

    #[test]
    fn an_arn_in_place_of_a_name_builds_nothing_and_a_repeated_part_counts_once() {
        let record = |id: &str| json!({"responseElements": {"hostedZone": {"id": id}}});
        let zone =
            |id| created_by("route53.amazonaws.com", "CreateHostedZone", record(id)).expect("a creation");
        assert_eq!(arns(&zone("/hostedzone/Z1")), ["arn:aws:route53:::hostedzone/Z1"]);
        assert_eq!(arns(&zone("Z1")), ["arn:aws:route53:::hostedzone/Z1"]);
        assert!(matches!(
            zone("arn:aws:route53:::hostedzone/Z1").missing[0].problem,
            Problem::ArnInsteadOfName { .. }
        ));
    }

    #[test]
    fn an_arn_of_another_service_is_rejected() {
        let creation = created_by(
            "sns.amazonaws.com",
            "CreateTopic",
            json!({
            "responseElements": {"topicArn": "arn:aws:sqs:eu-west-1:111122223333:q"}}),
        )
        .expect("a creation");
        assert!(creation.resources.is_empty());
        let found = "arn:aws:sqs:eu-west-1:111122223333:q".to_owned();
        assert_eq!(creation.missing[0].problem, Problem::OtherService { found, service: "sns" });
    }

    fn key(arn: &str) -> Result<Creation, Nothing> {
        let answer = json!({"responseElements": {"keyMetadata": {"arn": arn}}});
        created_by("kms.amazonaws.com", "CreateKey", answer)
    }

    #[test]
    fn an_arn_of_another_type_is_rejected() {
        let made = key("arn:aws:kms:eu-west-1:111122223333:key/1").expect("a creation");
        assert_eq!(made.resources.len(), 1);
        let other = key("arn:aws:kms:eu-west-1:111122223333:alias/1").expect("a creation");
        assert!(other.resources.is_empty() && !other.missing.is_empty());
    }

    #[test]
    fn an_arn_of_another_account_or_partition_is_final_and_no_place_is_tried_after_it() {
        for other in
            ["arn:aws:kms:eu-west-1:444455556666:key/1", "arn:aws-cn:kms:eu-west-1:111122223333:key/1"]
        {
            assert!(matches!(key(other), Err(Nothing::NotOurs(_))), "{other}");
        }
        // The second place of this row would build an ARN of ours from the name.
        let topic = json!({"requestParameters": {"name": "t"},
                           "responseElements": {"topicArn": "arn:aws:sns:eu-west-1:444455556666:t"}});
        let nothing = created_by("sns.amazonaws.com", "CreateTopic", topic).expect_err("not ours");
        assert!(matches!(nothing, Nothing::NotOurs(error) if error.to_string().contains("another account")));
    }

    #[test]
    fn a_request_that_names_another_account_as_owner_creates_nothing_of_ours() {
        let database = |catalog: &str| {
            let request =
                json!({"requestParameters": {"catalogId": catalog, "databaseInput": {"name": "d"}}});
            created_by("glue.amazonaws.com", "CreateDatabase", request)
        };
        for ours in ["111122223333", "111122223333:s3tablescatalog/b", "a-catalog", ""] {
            assert_eq!(database(ours).expect("a creation").resources.len(), 1, "{ours}");
        }
        let nothing = database("444455556666").expect_err("not ours");
        let Nothing::NotOurs(error) = nothing else { panic!("{nothing:?}") };
        assert_eq!(error.to_string(), "CreateDatabase names the account 444455556666 as `catalogId`");
    }

    #[test]
    fn a_missing_resource_names_call_and_path() {
        let creation = created_by("ec2.amazonaws.com", "CreateVolume", json!({"responseElements": null}))
            .expect("a creation");
        assert_eq!(creation.missing[0].to_string(), "CreateVolume has no `responseElements.volumeId`");
    }

    #[test]
    fn a_resource_named_twice_is_tagged_once() {
        let creation = created_by(
            "ec2.amazonaws.com",
            "CreateTransitGateway",
            json!({
            "responseElements": {"CreateTransitGatewayResponse": {"transitGateway": {
                "transitGatewayId": "tgw-1", "options": {
                    "associationDefaultRouteTableId": "tgw-rtb-1",
                    "propagationDefaultRouteTableId": "tgw-rtb-1"}}}}}),
        )
        .expect("a creation");
        assert_eq!(
            arns(&creation),
            [
                "arn:aws:ec2:eu-west-1:111122223333:transit-gateway/tgw-1",
                "arn:aws:ec2:eu-west-1:111122223333:transit-gateway-route-table/tgw-rtb-1"
            ]
        );
    }

    #[test]
    fn a_resource_listed_twice_is_tagged_once() {
        let items = json!({"items": [{"instanceId": "i-1"}, {"instanceId": "i-1"}]});
        let run = json!({"responseElements": {"instancesSet": items}});
        let creation = created_by("ec2.amazonaws.com", "RunInstances", run).expect("a creation");
        assert_eq!(arns(&creation), ["arn:aws:ec2:eu-west-1:111122223333:instance/i-1"]);
    }

    #[test]
    fn a_resource_is_tagged_in_the_region_of_its_arn() {
        let replica = "arn:aws:kms:us-east-1:111122223333:key/mrk-1";
        let answer = json!({"responseElements": {"replicaKeyMetadata": {"arn": replica}}});
        let region = |source: &str, name: &str, fields: Value| {
            created_by(source, name, fields).expect("a creation").resources[0].region.clone()
        };
        assert_eq!(region("kms.amazonaws.com", "ReplicateKey", answer), "us-east-1");
        let bucket = json!({"requestParameters": {"bucketName": "b"}});
        assert_eq!(region("s3.amazonaws.com", "CreateBucket", bucket), "eu-west-1");
    }

    #[test]
    fn resources_that_the_request_names_existed_before_the_call() {
        let creation = created_by(
            "ec2.amazonaws.com",
            "RunInstances",
            json!({
            "requestParameters": {"networkInterfaceSet": {"items": [{"networkInterfaceId": "eni-old"}]}},
            "responseElements": {"instancesSet": {"items": [{"instanceId": "i-1", "networkInterfaceSet": {
                "items": [{"networkInterfaceId": "eni-old"}, {"networkInterfaceId": "eni-new"}]}}]}}}),
        )
        .expect("a creation");
        assert_eq!(
            arns(&creation),
            [
                "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
                "arn:aws:ec2:eu-west-1:111122223333:network-interface/eni-new"
            ]
        );
    }

    #[test]
    fn an_answer_becomes_a_resource_of_the_lookups_account() {
        let creation = created_by(
            "ec2.amazonaws.com",
            "CreateVpc",
            json!({
            "responseElements": {"vpc": {"vpcId": "vpc-1"}}}),
        )
        .expect("a creation");
        let lookup = creation.lookups.iter().find(|lookup| lookup.kind == LookupKind::RouteTableOfVpc);
        let arn = |answer: &str| Some(lookup?.resource_for(&answer.into())?.arn.as_str().to_owned());
        let ours = "arn:aws:ec2:eu-west-1:111122223333:route-table/rtb-1";
        assert_eq!((arn("rtb-1").as_deref(), arn(ours).as_deref()), (Some(ours), Some(ours)));
        assert_eq!(arn("arn:aws:ec2:eu-west-1:444455556666:route-table/rtb-1"), None);
    }
}
