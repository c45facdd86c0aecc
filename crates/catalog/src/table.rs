//! The table: rules, overrides and routes combined, one row per call and resource type.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use aws_tags::probing::ProbedTypes;
use aws_tags::table::BY_HAND;

use crate::authorization::{Authorization, authorizations};
use crate::endpoints::Endpoints;
use crate::event_sources::{self, EventSource, event_source, event_sources, prefixes};
use crate::locate::places;
use crate::lookups::{Lookup, LookupOperation};
use crate::models::{Api, Operation, apis};
use crate::newness::{answers_for_old, created_at, is_idempotent, is_unique};
use crate::operations::{ReadOperation, Search, TagOperation, TimeOperation};
use crate::overrides::{Placed, overrides};
use crate::probed;
use crate::registry::{Registered, registry};
use crate::rules::{Because, Known, creation};
use crate::tagging_api;

/// Everything that the packages say.
pub struct Catalog {
    /// API models.
    pub apis: Vec<Api>,
    /// Authorization data by prefix.
    pub authorizations: BTreeMap<String, Authorization>,
    /// CloudFormation's types.
    pub registry: Vec<Registered>,
    /// Where services are called.
    pub endpoints: Endpoints,
    /// What AWS has answered.
    pub probed: ProbedTypes,
}

/// How a row's resources are tagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// EC2 `CreateTags`.
    Ec2CreateTags,
    /// Resource Groups Tagging API `TagResources`, else the service's own operation.
    TaggingApi(Option<Box<TagOperation>>),
    /// The service's own operation.
    TagOperation(Box<TagOperation>),
    /// No operation only adds tags to it.
    Unknown,
}

impl Route {
    /// The service's own operation, which may be the second choice.
    pub fn own(&self) -> Option<&TagOperation> {
        match self {
            Self::TaggingApi(own) => own.as_deref(),
            Self::TagOperation(own) => Some(own),
            Self::Ec2CreateTags | Self::Unknown => None,
        }
    }
}

/// How the tags of a row's resources are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// EC2 `DescribeTags`.
    Ec2DescribeTags,
    /// The service's own operation.
    Operation(Box<ReadOperation>),
    /// The lookup of this constant tells them.
    Told(String),
    /// No operation lists them.
    Never,
}

/// User tags that a resource takes, as a rule.
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html>
pub const USUAL_MAX_TAGS: usize = 50;

/// Why a row's resources are left alone by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptIn {
    /// The call also changes what is there.
    Upsert,
    Because(&'static str),
}

/// A row of the generated table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Event source without `.amazonaws.com`.
    pub source: String,
    /// Name of the call, without a date.
    pub event_name: String,
    /// Resource type, e.g. `ec2:volume`.
    pub resource_type: String,
    /// Where the record names it; empty if it does not.
    pub places: Vec<String>,
    /// How it is looked up, where the record does not name it.
    pub lookup: Option<Lookup>,
    /// ARN formats of the type.
    pub formats: Vec<String>,
    /// The service in its ARNs.
    pub arn_service: String,
    /// How it is tagged.
    pub route: Route,
    /// IAM actions that tagging needs.
    pub actions: Vec<String>,
    /// How its tags are read.
    pub read: Read,
    /// How its creation time is read.
    pub creation_time: Option<TimeOperation>,
    /// Why it is left alone by default.
    pub opt_in: Option<OptIn>,
    /// Whether the call also changes existing resources.
    pub upsert: bool,
    /// Whether its ARN is never given twice.
    pub unique: bool,
    /// Whether the call also answers for what is there.
    pub idempotent: bool,
    /// Path to its creation time in the response of such a call.
    pub created_at: Option<String>,
    /// Whether the service keeps names in lower case.
    pub lower_case: bool,
    /// User tags that it takes.
    pub max_tags: usize,
    /// Whether a record without it is fine.
    pub optional: bool,
    /// Whether AWS has shown that it is tagged by its route.
    pub probed: bool,
    /// CloudFormation's type.
    pub registered: Option<String>,
    /// Why it counts as a creation.
    pub because: Because,
    /// API and operation that it comes from.
    pub from: (String, String),
}

impl Row {
    /// Whether its resource is found, in the record or by a lookup.
    pub fn finds(&self) -> bool {
        !self.places.is_empty() || self.lookup.is_some()
    }

    /// The common prefix of the resource parts of its ARN formats, e.g. `topic/`.
    pub fn resource_prefix(&self) -> String {
        let fixed = |format: &String| {
            let resource = format.splitn(6, ':').nth(5).unwrap_or_default();
            resource.split(['$', '*', '[']).next().unwrap_or_default().to_owned()
        };
        let common = |a: String, b: String| {
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
            same.map(|(char, _)| char).collect()
        };
        self.formats.iter().map(fixed).reduce(common).unwrap_or_default()
    }
}

impl Catalog {
    /// Reads all packages; `probed` is what AWS has answered.
    pub fn read(probed: ProbedTypes) -> Result<Self> {
        let apis = apis()?;
        event_sources::check(&apis)?;
        Ok(Self {
            probed,
            apis,
            authorizations: authorizations()?,
            registry: registry()?,
            endpoints: Endpoints::read()?,
        })
    }

    /// The rows of all calls that have no row by hand and whose resources an API tags, sorted.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.all_rows();
        rows.retain(|row| !by_hand(&row.source, &row.event_name) && row.route != Route::Unknown);
        rows
    }

    /// The rows of all calls, sorted.
    pub fn all_rows(&self) -> Vec<Row> {
        let mut by_action: BTreeMap<String, Vec<&Registered>> = BTreeMap::new();
        for one in &self.registry {
            for action in &one.creates_with {
                by_action.entry(action.clone()).or_default().push(one);
            }
        }
        let mut rows = Vec::new();
        for api in &self.apis {
            let found =
                prefixes(api).into_iter().filter_map(|prefix| self.authorizations.get_key_value(prefix));
            let authorizations = found.map(|(prefix, known)| (prefix.as_str(), known)).collect();
            let known = Known { authorizations, registry: &by_action };
            rows.extend(api.operations.values().filter_map(|operation| row(api, operation, &known)));
        }
        let mut rows = merged(without_untaggable(rows, &self.authorizations));
        add_companions(&mut rows);
        add_other_sources(&mut rows);
        let search = self.search();
        for row in &mut rows {
            (row.route, row.read) = (route(row, search, &self.probed), read(row, search));
            row.probed = probed::shows(&self.probed, &row.resource_type, &row.route);
            row.creation_time = search.telling_time(&row.resource_type);
            if row.places.is_empty() {
                row.lookup = search.looking_up(row);
            } else if row.read == Read::Never {
                let all = search.listing_all(row);
                row.read = all.map_or(Read::Never, |all| Read::Operation(Box::new(all)));
            }
            if let Some(lookup) = &row.lookup {
                row.unique = lookup.unique;
                if row.read == Read::Never && lookup.operation.tags.is_some() {
                    row.read = Read::Told(lookup.operation.constant());
                }
                row.idempotent |= row.upsert;
                // Whoever knows the age can tell a creation from a change.
                if lookup.operation.created_at.is_some() && row.opt_in == Some(OptIn::Upsert) {
                    row.opt_in = None;
                }
            }
        }
        rows
    }

    /// The operations for the rows that are written by hand.
    pub fn operations_by_hand(&self) -> (Vec<TagOperation>, Vec<ReadOperation>, Vec<TimeOperation>) {
        let search = self.search();
        let (mut adding, mut listing, mut telling_time) = (Vec::new(), Vec::new(), Vec::new());
        for service in BY_HAND.iter().filter(|service| service.name != "ec2") {
            // DocumentDB and Neptune log as RDS, whose operations take their ARNs.
            let is_own = |api: &&Api| {
                let serves = |name: &str| name == service.name || (name, service.name) == ("s3", "s3express");
                serves(event_source(api)) && !matches!(api.name.as_str(), "docdb" | "neptune")
            };
            for api in self.apis.iter().filter(is_own) {
                for row in service.rows.iter().filter(|row| row.creates()) {
                    adding.extend(search.adding(&api.name, row.resource_type));
                    listing.extend(search.listing(&api.name, row.resource_type));
                    telling_time.extend(search.telling_time(row.resource_type));
                }
            }
        }
        (adding, listing, telling_time)
    }

    /// The lookups for the rows that are written by hand.
    pub fn lookups_by_hand(&self) -> Vec<LookupOperation> {
        let (search, known) = (self.search(), overrides().lookups.iter());
        let of_hand = known.filter(|one| one.calls.iter().any(|call| by_hand(&one.source, call)));
        of_hand.filter_map(|one| Some(search.known(one)?.operation)).collect()
    }

    pub(crate) fn search(&self) -> Search<'_> {
        Search { apis: &self.apis, authorizations: &self.authorizations, endpoints: &self.endpoints }
    }
}

fn read(row: &Row, search: Search<'_>) -> Read {
    if row.resource_type.starts_with("ec2:") {
        return Read::Ec2DescribeTags;
    }
    search
        .listing(&row.from.0, &row.resource_type)
        .map_or(Read::Never, |operation| Read::Operation(Box::new(operation)))
}

fn route(row: &Row, search: Search<'_>, probed: &ProbedTypes) -> Route {
    let prefix = row.resource_type.split(':').next().unwrap_or_default();
    if prefix == "ec2" {
        return Route::Ec2CreateTags;
    }
    let own = search.adding(&row.from.0, &row.resource_type).map(Box::new);
    match own {
        // The tagging API does not take what its tags say besides.
        Some(own) if !own.each.is_empty() => Route::TagOperation(own),
        own if tagging_api::tags(prefix) && !probed.refused(&row.resource_type) => Route::TaggingApi(own),
        Some(own) => Route::TagOperation(own),
        None => Route::Unknown,
    }
}

/// Whether the call has a row by hand.
pub fn by_hand(source: &str, event_name: &str) -> bool {
    BY_HAND
        .iter()
        .any(|service| service.name == source && service.rows.iter().any(|row| row.event_name == event_name))
}

fn row(api: &Api, operation: &Operation, known: &Known<'_>) -> Option<Row> {
    let creation = creation(api, operation, known)?;
    let places = places(api, operation, &creation);
    // Without a type and without an ARN there is no row to write.
    if places.is_empty() && creation.formats.is_empty() {
        return None;
    }
    let source = event_source(api);
    let (prefix, key) = creation.resource_type.split_once(':')?;
    let authorization =
        known.authorizations.iter().find(|(other, _)| *other == prefix).map(|(_, known)| *known);
    let in_format = creation.formats.first().and_then(|format| format.split(':').nth(2));
    let opt_in = overrides().opt_in.iter().find(|one| one.resource_type == creation.resource_type);
    let opt_in = opt_in.map(|one| OptIn::Because(&one.reason));
    let upserts = creation.upsert.then_some(OptIn::Upsert);
    let unique = is_unique(api, operation, &creation.formats, &places);
    let idempotent = answers_for_old(source, creation.event_name)
        || !unique && is_idempotent(source, operation, creation.upsert);
    Some(Row {
        source: source.to_owned(),
        event_name: creation.event_name.to_owned(),
        places,
        lookup: None,
        formats: creation.formats.iter().map(|format| (*format).to_owned()).collect(),
        arn_service: in_format.unwrap_or(prefix).to_owned(),
        route: Route::Unknown,
        actions: tag_actions(prefix, key, authorization),
        read: Read::Never,
        creation_time: None,
        opt_in: upserts.or(opt_in),
        upsert: creation.upsert,
        unique,
        idempotent,
        created_at: idempotent.then(|| created_at(api, operation)).flatten(),
        lower_case: overrides().lower_case.iter().any(|one| one.source == source),
        max_tags: max_tags(&creation.resource_type),
        optional: false,
        probed: false,
        registered: creation.registered.map(|one| one.name.clone()),
        because: creation.because,
        from: (api.name.clone(), operation.name.clone()),
        resource_type: creation.resource_type,
    })
}

fn max_tags(resource_type: &str) -> usize {
    let most = overrides().max_tags.iter().find(|one| one.resource_type == resource_type);
    most.map_or(USUAL_MAX_TAGS, |one| one.most)
}

fn tag_actions(prefix: &str, key: &str, authorization: Option<&Authorization>) -> Vec<String> {
    if let Some(known) = overrides().tag_actions.iter().find(|one| one.prefix == prefix) {
        return known.actions.clone();
    }
    let Some(authorization) = authorization else { return vec![format!("{prefix}:TagResource")] };
    let mut actions = authorization.tag_actions(key);
    if actions.is_empty() {
        actions = authorization.actions.values().filter(|action| action.tags()).collect();
    }
    let mut names: Vec<String> = actions
        .iter()
        .flat_map(|action| {
            std::iter::once(format!("{prefix}:{}", action.name)).chain(action.dependent_actions.clone())
        })
        .collect();
    if names.is_empty() {
        names.push(format!("{prefix}:TagResource"));
    }
    names.sort();
    names.dedup();
    names
}

/// Drops types that no request tags and no tagging action lists: API Gateway has condition keys for
/// tags on every method and model.
fn without_untaggable(rows: Vec<Row>, authorizations: &BTreeMap<String, Authorization>) -> Vec<Row> {
    let by_request = rows.iter().filter(|row| row.because != Because::Name);
    let surely: BTreeSet<String> = by_request.map(|row| row.resource_type.clone()).collect();
    let listed = |row: &Row| {
        row.resource_type.split_once(':').is_some_and(|(prefix, key)| {
            authorizations.get(prefix).is_some_and(|known| known.listed_as_taggable().contains(key))
        })
    };
    rows.into_iter().filter(|row| surely.contains(&row.resource_type) || listed(row)).collect()
}

/// Adds the further resources of calls, as optional rows.
fn add_companions(rows: &mut Vec<Row>) {
    for Placed { source, call, resource_type, places, .. } in &overrides().also_creates {
        let Some(main) = rows.iter().find(|row| row.source == *source && row.event_name == *call) else {
            continue;
        };
        let places = places.clone();
        let formats = rows
            .iter()
            .find(|row| row.resource_type == *resource_type)
            .map(|row| row.formats.clone())
            .unwrap_or_default();
        let companion = Row {
            resource_type: resource_type.clone(),
            places,
            formats,
            optional: true,
            unique: false,
            idempotent: false,
            registered: None,
            ..main.clone()
        };
        rows.push(companion);
    }
}

/// Adds the rows of an API once more under each of its other event sources.
fn add_other_sources(rows: &mut Vec<Row>) {
    let mut more = Vec::new();
    for row in rows.iter() {
        let others = event_sources(&row.from.0).iter().filter(|other| other.source != row.source);
        more.extend(others.map(|EventSource { source, .. }| Row { source: source.clone(), ..row.clone() }));
    }
    rows.append(&mut more);
    rows.sort_by(|a, b| {
        (&a.source, &a.event_name, a.optional, &a.resource_type).cmp(&(
            &b.source,
            &b.event_name,
            b.optional,
            &b.resource_type,
        ))
    });
}

/// Two APIs of one event source may share a call: their places are alternatives.
fn merged(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| {
        (&a.source, &a.event_name, &a.resource_type, a.because as u8).cmp(&(
            &b.source,
            &b.event_name,
            &b.resource_type,
            b.because as u8,
        ))
    });
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        match merged.last_mut() {
            Some(last)
                if (&last.source, &last.event_name, &last.resource_type)
                    == (&row.source, &row.event_name, &row.resource_type) =>
            {
                // What one of two APIs is unsure about, the row is.
                last.unique &= row.unique;
                last.idempotent |= row.idempotent;
                let new = row.places.into_iter().filter(|place| !last.places.contains(place));
                last.places.extend(new.collect::<Vec<_>>());
                for format in row.formats {
                    if !last.formats.contains(&format) {
                        last.formats.push(format);
                    }
                }
                // ARNs of the record before ARNs that are built.
                last.places.sort_by_key(|place| place.starts_with("arn:"));
            }
            _ => merged.push(row),
        }
    }
    merged
}
