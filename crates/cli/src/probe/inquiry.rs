//! What is asked about one type of resources.

use std::collections::BTreeMap;

use aws_tags::probing::{Invented, Location, Spelling};
use aws_tags::table::operation::{ReadOperation, TagOperation};
use aws_tags::table::{self, Read, Route, Row, Service};

/// A type that the tagging API tags, or might.
pub(super) struct Inquiry {
    pub(super) resource_type: &'static str,
    /// The service's own operations.
    pub(super) tag: Option<&'static TagOperation>,
    pub(super) read: Option<&'static ReadOperation>,
    formats: &'static [&'static str],
}

/// The types of these services, or of all, sorted. EC2's resources and S3's objects are not among them: their
/// own APIs take as many at once.
pub(super) fn inquiries(services: &[String]) -> Vec<Inquiry> {
    let mut all: BTreeMap<&str, Inquiry> = BTreeMap::new();
    for service in table::all() {
        for row in service.rows.iter().filter(|row| row.creates() && is_wanted(services, service, row)) {
            if let Some(inquiry) = Inquiry::of(service, row) {
                all.entry(row.resource_type).or_insert(inquiry);
            }
        }
    }
    all.into_values().collect()
}

/// The first of these services that no row is of.
pub(super) fn unknown_service(services: &[String]) -> Option<&String> {
    services.iter().find(|name| {
        let only = std::slice::from_ref(*name);
        !table::all().any(|service| service.rows.iter().any(|row| is_wanted(only, service, row)))
    })
}

/// Services are known by their event sources and by the prefixes of their types.
fn is_wanted(services: &[String], service: &Service, row: &Row) -> bool {
    let prefix = row.resource_type.split(':').next();
    services.is_empty() || services.iter().any(|name| name == service.name || Some(name.as_str()) == prefix)
}

impl Inquiry {
    fn of(service: &Service, row: &Row) -> Option<Self> {
        let tag = match row.route(service) {
            Route::TaggingApi(own) => own,
            Route::TagOperation(own) => Some(own),
            Route::Ec2CreateTags | Route::S3Object => return None,
        };
        let read = match row.read_by(service) {
            // Nothing is asked that answers for what exists.
            Read::Operation(read) => Some(read).filter(|read| read.names_it()),
            Read::Ec2DescribeTags | Read::S3Bucket | Read::S3Object | Read::Told(_) | Read::Never => None,
        };
        let formats = table::arn_formats(row.resource_type);
        Some(Self { resource_type: row.resource_type, tag, read, formats })
    }

    /// Whether its ARNs name no Region: AWS is asked where its global services are.
    pub(super) fn is_global(&self) -> bool {
        self.formats.first().is_some_and(|format| format.split(':').nth(3) == Some(""))
    }

    /// A resource that does not exist, in all formats and spellings, the likeliest first.
    pub(super) fn invented(&self, location: Location<'_>) -> Vec<Invented> {
        let mut all = Vec::new();
        for spelling in Spelling::ALL {
            all.extend(
                self.formats.iter().filter_map(|format| Invented::of(format, location, spelling, random)),
            );
        }
        all
    }

    /// Why nothing is asked about it.
    pub(super) fn why_not(&self) -> &'static str {
        match self.formats.is_empty() {
            true => "the Service Authorization Reference has no ARN format of it",
            false => "its ARN has no part to invent: an account has one of it",
        }
    }
}

/// 128 bits of the system's random numbers: an id that nobody has, or will have.
pub(super) fn random() -> Option<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok().map(|()| u128::from_ne_bytes(bytes))
}
