//! The table: which calls create which resources, where a record names them, how they are tagged.
//!
//! One file per event source, one row per call and kind of resource. Rows are `const`: a cold
//! start pays nothing for them, and the index of calls is made at compile time. What is written by hand wins;
//! `generated.rs` holds the rest of AWS, made by `crates/catalog` from AWS's own descriptions.

mod athena;
mod dynamodb;
mod ec2;
mod ecs;
mod eks;
mod elasticache;
mod elasticloadbalancing;
#[rustfmt::skip]
mod generated;
mod glue;
mod index;
mod lambda;
mod rds;
mod s3;
mod secretsmanager;
mod sns;
mod sqs;
mod ssm;
pub mod tag_operation;
#[rustfmt::skip]
mod tag_operations;
mod tier;

pub use tier::{Tier, tier};

use std::borrow::Cow;
use std::fmt;

use crate::arn::{Arn, Piece, pieces};
use crate::event::Event;
use crate::tags::TAGS_PER_RESOURCE;
use tag_operation::TagOperation;

pub use generated::SERVICES as GENERATED;

/// The services whose rows are written by hand, sorted by event source.
pub const SERVICES: &[Service] = &[
    athena::SERVICE,
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
    secretsmanager::SERVICE,
    sns::SERVICE,
    sqs::SERVICE,
    ssm::SERVICE,
];

/// One event source.
#[derive(Debug)]
pub struct Service {
    /// The event source without `.amazonaws.com`; also the name of the folder in `events/`.
    pub name: &'static str,
    /// The service's name as AWS writes it.
    pub title: &'static str,
    /// How its resources are tagged where a row does not say otherwise.
    pub route: Route,
    /// The IAM actions that tagging needs, besides `tag:TagResources` where that is the route.
    pub actions: &'static [&'static str],
    /// Its rows, sorted by call. Several rows of one call and kind are alternatives: the first
    /// that finds something counts.
    pub rows: &'static [Row],
}

/// One creating call and one kind of resource that it creates.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `eventName`, without the API date that Lambda appends.
    pub call: &'static str,
    /// Resource type of the Service Authorization Reference, e.g. `ec2:volume`.
    pub kind: &'static str,
    /// Where the resources are.
    pub found: Found,
    /// How they are tagged; `None` means as the service says.
    pub route: Option<Route>,
    /// The IAM actions that tagging needs; `None` means as the service says.
    pub actions: Option<&'static [&'static str]>,
    /// Why the kind is tagged only where the setting `ALSO_TAG` names it.
    pub opt_in: Option<&'static str>,
    /// The same of resources that AWS services create on their own.
    pub opt_in_of_services: Option<&'static str>,
    /// User tags that the resource takes.
    pub limit: usize,
    /// Whether a record without this resource is fine, as only some calls create it.
    pub optional: bool,
    /// Path to ids that the request itself names: they were there before the call.
    pub but: Option<&'static str>,
    /// Whether the service stores names in lower case, whatever the request said.
    pub lower_case: bool,
    /// The service in its ARNs, where that is not the first part of `kind`.
    pub arn_service: Option<&'static str>,
    /// How the resource part of its ARNs begins, e.g. `topic/`, where the record names them whole.
    pub begins: &'static str,
    /// What the row rests on.
    pub evidence: Evidence,
}

/// What a row rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// A published record confirms it.
    Recorded,
    /// The model of the API and the ARN format of the authorization data say so.
    Modelled,
}

impl Evidence {
    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Modelled => "modelled",
        }
    }
}

/// Where the resources of a row are.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// In the record, at the first of these places that has any. A place is a path to ARNs, or
    /// an ARN format whose variables are `Partition`, `Region`, `Account` and paths.
    InRecord(&'static [&'static str]),
    /// Where the function says, which reads the record; an ending where the call made nothing.
    Custom(fn(&Event) -> Result<&'static str, Ending>),
    /// Not in the record: AWS is asked.
    LookUp {
        /// What to ask for.
        what: LookUp,
        /// Path to the ids or names of what to ask about.
        of: &'static str,
        /// ARN format of the answer, with `${Id}`.
        arn: &'static str,
    },
    /// The call is known, and there is nothing to tag.
    Nothing(Ending),
}

/// A question to AWS about resources that a record does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookUp {
    /// EBS volumes that came to be with instances.
    VolumesOfInstances,
    /// EBS snapshots that came to be with an image.
    SnapshotsOfImage,
    /// The default security group of a VPC.
    SecurityGroupOfVpc,
    /// The default network ACL of a VPC.
    NetworkAclOfVpc,
    /// The main route table of a VPC.
    RouteTableOfVpc,
    /// The subnets that a default VPC starts with.
    SubnetsOfVpc,
    /// The internet gateway that a default VPC starts with.
    InternetGatewayOfVpc,
    /// A secret whose ARN ends in a random suffix, by its name.
    SecretNamed,
}

/// How a known call ends without anything to tag, and why.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The call makes no resource (yet).
    NothingCreated(&'static str),
    /// What it makes takes no tags.
    NotTaggable(&'static str),
    /// It changed something that was there before.
    Update(&'static str),
    /// The record does not tell a creation from a change.
    Unresolvable(&'static str),
}

/// Which API tags a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// EC2 `CreateTags`.
    Ec2CreateTags,
    /// Resource Groups Tagging API `TagResources`.
    TaggingApi,
    /// S3 `PutObjectTagging`, which replaces: the tags are read and merged first.
    S3Object,
    /// The service's own operation, which adds tags to one resource.
    Native(&'static TagOperation),
}

impl Route {
    /// The API call, as documentation names it.
    pub const fn call(self) -> &'static str {
        match self {
            Self::Ec2CreateTags => "ec2:CreateTags",
            Self::TaggingApi => "tag:TagResources",
            Self::S3Object => "s3:PutObjectTagging",
            Self::Native(operation) => operation.call,
        }
    }
}

/// A created resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its ARN.
    pub arn: Arn,
    /// Resource type, e.g. `ec2:volume`.
    pub kind: &'static str,
    /// How it is tagged.
    pub route: Route,
    /// The Region in which it is tagged.
    pub region: String,
    /// User tags that it takes.
    pub limit: usize,
    /// Why it is tagged only where the setting `ALSO_TAG` names its kind.
    pub opt_in: Option<&'static str>,
    /// The same if an AWS service created it on its own.
    pub opt_in_of_services: Option<&'static str>,
}

/// Resources to be found by asking AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to ask for.
    pub what: LookUp,
    /// Ids or names to ask about.
    pub of: Vec<String>,
    /// Turns an answer into a resource.
    row: RowRef,
    partition: &'static str,
    /// The Region to ask in.
    pub region: String,
    account: String,
}

/// What a creating call made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Creation {
    /// What the record names.
    pub resources: Vec<Resource>,
    /// What AWS must be asked for.
    pub questions: Vec<Question>,
    /// What should be in the record and is not.
    pub missing: Vec<String>,
}

impl Row {
    /// A kind that every successful call creates.
    const fn new(call: &'static str, kind: &'static str, places: &'static [&'static str]) -> Self {
        Self::with(call, kind, Found::InRecord(places))
    }

    /// A kind for which a function says where the record has it, or that the call made none.
    const fn custom(
        call: &'static str,
        kind: &'static str,
        place: fn(&Event) -> Result<&'static str, Ending>,
    ) -> Self {
        Self::with(call, kind, Found::Custom(place))
    }

    /// A kind that the record does not name.
    const fn look_up(
        call: &'static str,
        kind: &'static str,
        what: LookUp,
        of: &'static str,
        arn: &'static str,
    ) -> Self {
        Self::with(call, kind, Found::LookUp { what, of, arn }).optional()
    }

    /// A known call without anything to tag.
    const fn nothing(call: &'static str, ending: Ending) -> Self {
        Self::with(call, "", Found::Nothing(ending))
    }

    const fn with(call: &'static str, kind: &'static str, found: Found) -> Self {
        Self {
            call,
            kind,
            found,
            route: None,
            actions: None,
            opt_in: None,
            opt_in_of_services: None,
            limit: TAGS_PER_RESOURCE,
            optional: false,
            but: None,
            lower_case: false,
            arn_service: None,
            begins: "",
            evidence: Evidence::Recorded,
        }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    const fn but(self, there_before: &'static str) -> Self {
        Self { but: Some(there_before), ..self }
    }

    const fn via(self, route: Route) -> Self {
        Self { route: Some(route), ..self }
    }

    /// The IAM actions that tagging the row's resources needs.
    pub fn needed_actions(&self, service: &Service) -> Vec<&'static str> {
        let (by_route, otherwise): (&[&str], _) = match self.route.unwrap_or(service.route) {
            Route::TaggingApi => (&["tag:TagResources"], service.actions),
            Route::Ec2CreateTags | Route::S3Object => (&[], service.actions),
            // The service's actions are those of its own route.
            Route::Native(operation) => (operation.actions, &[]),
        };
        by_route.iter().chain(self.actions.unwrap_or(otherwise)).copied().collect()
    }

    const fn actions(self, actions: &'static [&'static str]) -> Self {
        Self { actions: Some(actions), ..self }
    }

    const fn opt_in(self, why: &'static str) -> Self {
        Self { opt_in: Some(why), ..self }
    }

    const fn opt_in_of_services(self, why: &'static str) -> Self {
        Self { opt_in_of_services: Some(why), ..self }
    }

    const fn at_most(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    const fn lower_case(self) -> Self {
        Self { lower_case: true, ..self }
    }

    const fn arn_service(self, service: &'static str) -> Self {
        Self { arn_service: Some(service), ..self }
    }

    const fn begins(self, begins: &'static str) -> Self {
        Self { begins, ..self }
    }

    const fn modelled(self) -> Self {
        Self { evidence: Evidence::Modelled, ..self }
    }
}

/// A row by address: rows live in a `const` table and are compared by what they say.
#[derive(Clone, Copy, Debug)]
struct RowRef(&'static Row, Route);

impl PartialEq for RowRef {
    fn eq(&self, other: &Self) -> bool {
        (self.0.call, self.0.kind) == (other.0.call, other.0.kind)
    }
}

impl Eq for RowRef {}

/// The rows of a call, and their service: `CreateFunction20150331v2` finds those of
/// `CreateFunction`. What is written by hand wins.
pub fn rows(event_source: &str, event_name: &str) -> Option<(&'static Service, &'static [Row])> {
    let service = name_of(event_source)?;
    let dateless = || Some(without_date(event_name)).filter(|name| *name != event_name);
    index::find(service, event_name).or_else(|| index::find(service, dateless()?))
}

/// The service of an event source, e.g. `ec2.amazonaws.com`, whichever table knows it.
pub fn service(event_source: &str) -> Option<&'static Service> {
    let name = name_of(event_source)?;
    [SERVICES, GENERATED].into_iter().find_map(|table| named(table, name))
}

/// `ec2` of `ec2.amazonaws.com`, which may end in `.cn`.
fn name_of(event_source: &str) -> Option<&str> {
    event_source.strip_suffix(".cn").unwrap_or(event_source).strip_suffix(".amazonaws.com")
}

fn named(table: &'static [Service], name: &str) -> Option<&'static Service> {
    let nth = table.binary_search_by(|service| service.name.cmp(name)).ok()?;
    table.get(nth)
}

/// Every service with its rows, by hand and generated, sorted by event source. An event source may
/// be in both tables.
pub fn all() -> impl Iterator<Item = &'static Service> {
    let mut generated = GENERATED.iter().peekable();
    let mut by_hand = SERVICES.iter().peekable();
    std::iter::from_fn(move || match (by_hand.peek(), generated.peek()) {
        (Some(one), Some(other)) if other.name < one.name => generated.next(),
        (None, _) => generated.next(),
        _ => by_hand.next(),
    })
}

/// Kinds of resources that are tagged only where the setting `ALSO_TAG` names them.
pub fn opt_in_kinds() -> impl Iterator<Item = &'static str> {
    let rows = all().flat_map(|service| service.rows);
    rows.filter(|row| row.opt_in.or(row.opt_in_of_services).is_some()).map(|row| row.kind)
}

/// `CreateFunction20150331v2` → `CreateFunction`, `CreateDistribution2020_05_31` →
/// `CreateDistribution`: some services append the date of their API.
fn without_date(name: &str) -> &str {
    if !name.ends_with(|c: char| c.is_ascii_digit()) {
        return name;
    }
    let versionless = match name.rsplit_once('v') {
        Some((start, version)) if is_digits(version) && start.ends_with(|c: char| c.is_ascii_digit()) => {
            start
        }
        _ => name,
    };
    let start = versionless.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let digits = versionless[start.len()..].bytes().filter(u8::is_ascii_digit).count();
    if digits == 8 { start } else { name }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// What the rows of a call find in its record; an ending where there is nothing to tag.
pub fn created(service: &Service, rows: &'static [Row], event: &Event) -> Result<Creation, Ending> {
    let mut creation = Creation::default();
    let mut missing = Vec::new();
    for row in rows {
        if creation.resources.iter().any(|resource| resource.kind == row.kind) {
            continue;
        }
        match find(service, row, event)? {
            Ok(Finding::Resources(resources)) => creation.add(resources),
            Ok(Finding::Question(question)) => creation.questions.push(question),
            Err(_) if row.optional => {}
            Err(reason) => missing.push((row.kind, reason)),
        }
    }
    // An alternative row of the same kind may have found it.
    missing.retain(|(kind, _)| {
        let found = creation.resources.iter().any(|resource| resource.kind == *kind);
        !found && !creation.questions.iter().any(|question| question.kind() == *kind)
    });
    creation.missing = missing.into_iter().map(|(_, reason)| reason).collect();
    Ok(creation)
}

impl Creation {
    /// One call may name a resource twice, e.g. a route table that is both defaults.
    fn add(&mut self, resources: Vec<Resource>) {
        for resource in resources {
            if !self.resources.iter().any(|known| known.arn == resource.arn) {
                self.resources.push(resource);
            }
        }
    }
}

enum Finding {
    Resources(Vec<Resource>),
    Question(Question),
}

/// What a row finds, or what the record lacks for it.
fn find(service: &Service, row: &'static Row, event: &Event) -> Result<Result<Finding, String>, Ending> {
    let route = row.route.unwrap_or(service.route);
    Ok(match row.found {
        Found::Nothing(ending) => return Err(ending),
        Found::InRecord(places) => in_record(places, row, route, event),
        Found::Custom(place) => in_record(&[place(event)?], row, route, event),
        Found::LookUp { what, of, .. } => look_up(what, of, row, route, event),
    })
}

fn look_up(
    what: LookUp,
    of: &str,
    row: &'static Row,
    route: Route,
    event: &Event,
) -> Result<Finding, String> {
    let of: Vec<String> = event.texts(of).into_iter().map(Cow::into_owned).collect();
    let account = event.account().ok_or("the record names no account")?;
    if of.is_empty() {
        return Err(format!("{} has nothing to look up a {} by", event.name, row.kind));
    }
    Ok(Finding::Question(Question {
        what,
        of,
        row: RowRef(row, route),
        partition: event.partition(),
        region: event.region().to_owned(),
        account: account.into_owned(),
    }))
}

/// The first place that has any resources; if none has, what the first and best place lacks.
fn in_record(places: &[&str], row: &Row, route: Route, event: &Event) -> Result<Finding, String> {
    let mut reason = String::new();
    for place in places {
        match arns_at(place, row, event) {
            Ok(arns) => {
                let there_before = row.but.map(|path| event.texts(path)).unwrap_or_default();
                let new = arns.into_iter().filter(|arn| !there_before.iter().any(|id| id == arn.id()));
                let resources = new.map(|arn| resource(arn, row, route, event.region()));
                return Ok(Finding::Resources(resources.collect()));
            }
            Err(why) if reason.is_empty() => reason = why,
            Err(_) => {}
        }
    }
    // No task was placed, no rule was new: a success that made nothing.
    if places.iter().flat_map(|place| paths(place)).any(|path| event.lists_nothing(path)) {
        return Ok(Finding::Resources(Vec::new()));
    }
    Err(reason)
}

/// The paths in a place: itself, or the variables of its format.
fn paths(place: &str) -> impl Iterator<Item = &str> {
    let of_format = pieces(place).filter_map(|piece| match piece {
        Piece::Variable(path) => Some(path),
        Piece::Text(_) => None,
    });
    let itself = (!place.starts_with("arn:")).then_some(place);
    itself.into_iter().chain(of_format)
}

fn resource(arn: Arn, row: &Row, route: Route, event_region: &str) -> Resource {
    // Replicas lie in other Regions than the call; buckets and global clusters name none.
    let region = if arn.region().is_empty() { event_region } else { arn.region() };
    let Row { kind, limit, opt_in, opt_in_of_services, .. } = *row;
    Resource { region: region.to_owned(), kind, route, limit, opt_in, opt_in_of_services, arn }
}

/// `ec2:volume of i-0abc`: what is asked for, and by what.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind(), self.of.join(", "))
    }
}

impl Question {
    /// What kind of resource is asked for.
    pub fn kind(&self) -> &'static str {
        self.row.0.kind
    }

    /// The resource that an answer names: an id, or a whole ARN.
    pub fn answered(&self, answer: &str) -> Option<Resource> {
        let Found::LookUp { arn: format, .. } = self.row.0.found else {
            return None;
        };
        let arn = Arn::parse(answer).or_else(|| {
            let text: String = pieces(format)
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    Piece::Variable("Partition") => self.partition,
                    Piece::Variable("Region") => &self.region,
                    Piece::Variable("Account") => &self.account,
                    Piece::Variable(_) => answer,
                })
                .collect();
            Arn::parse(&text)
        })?;
        Some(resource(arn, self.row.0, self.row.1, &self.region))
    }
}

/// The ARNs at a place: a path, or a format that starts with `arn:`.
fn arns_at(place: &str, row: &Row, event: &Event) -> Result<Vec<Arn>, String> {
    let texts: Vec<Cow<'_, str>> = if place.starts_with("arn:") {
        fill(place, row.lower_case, event)?.into_iter().map(Cow::Owned).collect()
    } else {
        event.texts(place)
    };
    if texts.is_empty() {
        return Err(format!("{} has no `{place}`", event.name));
    }
    let service = row.arn_service.or_else(|| row.kind.split(':').next()).unwrap_or_default();
    texts
        .iter()
        .map(|text| match Arn::parse(text) {
            Some(arn) if arn.service() != service => {
                Err(format!("{}: `{text}` is no ARN of {service}", event.name))
            }
            Some(arn) if !belongs(&arn, event) => {
                Err(format!("{}: `{text}` is of another account or partition", event.name))
            }
            Some(arn) if !begins(arn.resource(), row.begins) => {
                Err(format!("{}: `{text}` is no ARN of a {}", event.name, row.kind))
            }
            Some(arn) => Ok(arn),
            None => Err(format!("{}: `{text}` is no ARN", event.name)),
        })
        .collect()
}

/// Records name resources of others too. Some ARNs have no account.
fn belongs(arn: &Arn, event: &Event) -> bool {
    let own = event.account().is_none_or(|account| account == arn.account());
    arn.partition() == event.partition() && (own || arn.account().is_empty())
}

fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Fills an ARN format; a variable with several values gives several ARNs.
fn fill(format: &str, lower_case: bool, event: &Event) -> Result<Vec<String>, String> {
    let mut arns = vec![String::new()];
    for piece in pieces(format) {
        let values = match piece {
            Piece::Text(text) => vec![Cow::Borrowed(text)],
            Piece::Variable("Partition") => vec![Cow::Borrowed(event.partition())],
            Piece::Variable("Region") if event.region().is_empty() => Vec::new(),
            Piece::Variable("Region") => vec![Cow::Borrowed(event.region())],
            Piece::Variable("Account") => event.account().into_iter().collect(),
            Piece::Variable(path) if lower_case => {
                let texts = event.texts(path).into_iter();
                texts.map(|text| Cow::Owned(text.to_lowercase())).collect()
            }
            Piece::Variable(path) => event.texts(path),
        };
        let Piece::Variable(name) = piece else {
            arns.iter_mut().for_each(|arn| arn.extend(values.iter().map(|text| text.as_ref())));
            continue;
        };
        if values.is_empty() {
            return Err(format!("{} has no `{name}`", event.name));
        }
        // Requests take ARNs where names and ids are meant.
        if let Some(arn) = values.iter().find(|value| value.starts_with("arn:")) {
            return Err(format!("{}: `{name}` is `{arn}`, and an ARN was to be built from it", event.name));
        }
        let whole = |start: &String, value: &str| format!("{start}{}", without_repetition(start, value));
        arns = arns.iter().flat_map(|start| values.iter().map(|value| whole(start, value))).collect();
    }
    Ok(arns)
}

/// Route 53 answers with the id `/hostedzone/Z1`, and the ARN ends in `hostedzone/Z1`.
fn without_repetition<'a>(start: &str, value: &'a str) -> &'a str {
    let repeated = value.strip_prefix('/').and_then(|rest| {
        let (first, id) = rest.split_once('/')?;
        start.strip_suffix('/')?.ends_with(first).then_some(id)
    });
    repeated.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn created_by(source: &str, name: &str, fields: Value) -> Result<Creation, Ending> {
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
    fn services_and_rows_are_sorted() {
        assert!(SERVICES.is_sorted_by(|a, b| a.name < b.name));
        assert!(GENERATED.is_sorted_by(|a, b| a.name < b.name));
        assert!(all().is_sorted_by(|a, b| a.name <= b.name));
        for service in all() {
            assert!(service.rows.is_sorted_by(|a, b| a.call <= b.call), "{}", service.name);
        }
    }

    #[test]
    fn every_place_is_a_path_or_a_format_with_at_most_one_list() {
        for row in all().flat_map(|service| service.rows) {
            let Found::InRecord(places) = row.found else {
                continue;
            };
            assert!(!places.is_empty(), "{}", row.call);
            for place in places {
                assert!(place.matches("[]").count() <= 3, "{place}");
                let lists = pieces(place).filter(|p| matches!(p, Piece::Variable(v) if v.contains("[]")));
                assert!(lists.count() <= 1, "{place}");
                let paths = place.contains("responseElements.") || place.contains("requestParameters.");
                assert!(paths || place.ends_with("/default"), "{place}");
            }
        }
    }

    #[test]
    fn what_is_written_by_hand_wins() {
        for service in GENERATED {
            for row in service.rows {
                let source = format!("{}.amazonaws.com", service.name);
                let (_, found) = rows(&source, row.call).expect("a row");
                assert!(found.iter().any(|other| std::ptr::eq(other, row)), "{source} {}", row.call);
            }
        }
    }

    #[test]
    fn an_arn_in_place_of_a_name_builds_nothing_and_a_repeated_part_counts_once() {
        let record = |id: &str| json!({"responseElements": {"hostedZone": {"id": id}}});
        let zone =
            |id| created_by("route53.amazonaws.com", "CreateHostedZone", record(id)).expect("a creation");
        assert_eq!(arns(&zone("/hostedzone/Z1")), ["arn:aws:route53:::hostedzone/Z1"]);
        assert_eq!(arns(&zone("Z1")), ["arn:aws:route53:::hostedzone/Z1"]);
        assert!(zone("arn:aws:route53:::hostedzone/Z1").missing[0].contains("an ARN was to be built"));
    }

    #[test]
    fn api_dates_are_no_part_of_a_calls_name() {
        for (name, call) in [
            ("CreateFunction20150331", "CreateFunction"),
            ("CreateFunction20150331v2", "CreateFunction"),
            ("CreateDistribution2020_05_31", "CreateDistribution"),
            ("CreateFunction", "CreateFunction"),
            ("CreateVpc", "CreateVpc"),
            ("PublishLayerVersion20181031", "PublishLayerVersion"),
        ] {
            assert_eq!(without_date(name), call);
        }
    }

    #[test]
    fn an_arn_of_another_service_is_not_taken() {
        let creation = created_by(
            "sns.amazonaws.com",
            "CreateTopic",
            json!({
            "responseElements": {"topicArn": "arn:aws:sqs:eu-west-1:111122223333:q"}}),
        )
        .expect("a creation");
        assert!(creation.resources.is_empty());
        assert!(creation.missing[0].contains("is no ARN of sns"), "{creation:?}");
    }

    #[test]
    fn an_arn_of_another_account_partition_or_type_is_not_taken() {
        let made = |arn: &str| {
            let answer = json!({"responseElements": {"keyMetadata": {"arn": arn}}});
            created_by("kms.amazonaws.com", "CreateKey", answer).expect("a creation")
        };
        assert_eq!(made("arn:aws:kms:eu-west-1:111122223333:key/1").resources.len(), 1);
        for other in [
            "arn:aws:kms:eu-west-1:444455556666:key/1",
            "arn:aws-cn:kms:eu-west-1:111122223333:key/1",
            "arn:aws:kms:eu-west-1:111122223333:alias/1",
        ] {
            assert_eq!(arns(&made(other)), [""; 0], "{other}");
        }
    }

    #[test]
    fn a_missing_resource_names_call_and_path() {
        let creation = created_by("ec2.amazonaws.com", "CreateVolume", json!({"responseElements": null}))
            .expect("a creation");
        assert_eq!(creation.missing, ["CreateVolume has no `responseElements.volumeId`"]);
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
    fn what_the_request_names_was_there_before_the_call() {
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
    fn an_answer_becomes_a_resource_of_the_questions_account() {
        let creation = created_by(
            "ec2.amazonaws.com",
            "CreateVpc",
            json!({
            "responseElements": {"vpc": {"vpcId": "vpc-1"}}}),
        )
        .expect("a creation");
        let question = creation.questions.iter().find(|q| q.what == LookUp::RouteTableOfVpc);
        let resource = question.expect("a question").answered("rtb-1").expect("a resource");
        assert_eq!(resource.arn.as_str(), "arn:aws:ec2:eu-west-1:111122223333:route-table/rtb-1");
    }
}
