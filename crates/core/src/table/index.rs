//! Finds the rows of a call by hashing: the index is made at compile time, so that neither the start
//! nor an event pays for the size of the table. Rows written by hand win over generated ones.

use super::generated::{ARN_FORMATS, EVIDENCE, SERVICES as GENERATED};
use super::row::{Evidence, Row, Service};
use super::services::BY_HAND;

/// The rows of a call, and their service: `CreateFunction20150331v2` finds those of
/// `CreateFunction`. Rows written by hand win over generated ones.
pub fn rows(event_source: &str, event_name: &str) -> Option<(&'static Service, &'static [Row])> {
    let service = name_of(event_source)?;
    let dateless = || Some(without_date(event_name)).filter(|name| *name != event_name);
    find(service, event_name).or_else(|| find(service, dateless()?))
}

/// The service of an event source, e.g. `ec2.amazonaws.com`, whichever table has it.
pub fn service(event_source: &str) -> Option<&'static Service> {
    let name = name_of(event_source)?;
    [BY_HAND, GENERATED].into_iter().find_map(|table| named(table, name))
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
    let mut by_hand = BY_HAND.iter().peekable();
    std::iter::from_fn(move || match (by_hand.peek(), generated.peek()) {
        (Some(one), Some(other)) if other.name < one.name => generated.next(),
        (None, _) => generated.next(),
        _ => by_hand.next(),
    })
}

/// Resource types that are tagged only where the setting `ALSO_TAG` names them.
pub(crate) fn opt_in_types() -> impl Iterator<Item = &'static str> {
    let rows = all().flat_map(|service| service.rows);
    rows.filter(|row| row.opt_in.or(row.opt_in_if_service_created).is_some()).map(|row| row.resource_type)
}

/// The ARN formats of a resource type, as the Service Authorization Reference has them.
pub fn arn_formats(resource_type: &str) -> &'static [&'static str] {
    let found = ARN_FORMATS.binary_search_by(|(known, _)| (*known).cmp(resource_type));
    found.ok().and_then(|nth| ARN_FORMATS.get(nth)).map_or(&[], |(_, formats)| formats)
}

/// What the rows of a call rest on.
pub fn evidence(service: &Service, row: &Row) -> Evidence {
    let call = (service.name, row.event_name);
    let found = EVIDENCE.binary_search_by(|(source, call_name, _)| (*source, *call_name).cmp(&call));
    let otherwise = if row.probed { Evidence::Probed } else { Evidence::Modelled };
    found.ok().and_then(|nth| EVIDENCE.get(nth)).map_or(otherwise, |(.., evidence)| *evidence)
}

/// `CreateFunction20150331v2` → `CreateFunction`, `CreateDistribution2020_05_31` →
/// `CreateDistribution`: some services append the date of their API.
pub(crate) fn without_date(name: &str) -> &str {
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

/// Slots for calls; less than half are used, so that collisions are rare.
const SLOTS: usize = 4096;

/// Where the rows of a call are.
#[derive(Clone, Copy)]
struct Entry {
    /// The number of the service, counted over both tables.
    service: u16,
    first: u16,
    /// How many rows; 0 in an empty slot.
    count: u8,
    /// Bits of the hash that do not choose the slot: most other calls differ in them, and their names need not be read.
    mark: u8,
}

static INDEX: [Entry; SLOTS] = built();

/// The rows of exactly this call, and their service. Rows written by hand win over generated ones.
fn find(service: &str, event_name: &str) -> Option<(&'static Service, &'static [Row])> {
    let hash = hash(service, event_name);
    let mut slot = hash;
    loop {
        let entry = INDEX[slot % SLOTS];
        if entry.count == 0 {
            return None;
        }
        if entry.mark == mark(hash) && entry.is_of(service, event_name) {
            let found = entry.service();
            return Some((found, &found.rows[entry.first as usize..][..entry.count as usize]));
        }
        slot += 1;
    }
}

impl Entry {
    const fn service(self) -> &'static Service {
        service_at(self.service as usize)
    }

    fn is_of(self, service: &str, event_name: &str) -> bool {
        let found = self.service();
        found.rows[self.first as usize].event_name == event_name && found.name == service
    }
}

const fn service_at(nth: usize) -> &'static Service {
    if nth < BY_HAND.len() { &BY_HAND[nth] } else { &GENERATED[nth - BY_HAND.len()] }
}

const fn built() -> [Entry; SLOTS] {
    let mut index = [Entry { service: 0, first: 0, count: 0, mark: 0 }; SLOTS];
    let (mut nth, mut calls) = (0, 0);
    while nth < BY_HAND.len() + GENERATED.len() {
        let service = service_at(nth);
        let mut first = 0;
        while first < service.rows.len() {
            let event_name = service.rows[first].event_name;
            let mut end = first + 1;
            while end < service.rows.len() && equal(service.rows[end].event_name, event_name) {
                end += 1;
            }
            assert!(end - first <= u8::MAX as usize, "a call has too many rows");
            let hash = hash(service.name, event_name);
            if let Some(slot) = free_slot(&index, hash % SLOTS, service.name, event_name) {
                let (nth, mark) = (nth as u16, mark(hash));
                index[slot] = Entry { service: nth, first: first as u16, count: (end - first) as u8, mark };
                calls += 1;
            }
            first = end;
        }
        nth += 1;
    }
    assert!(calls < SLOTS / 2, "the index is too full: double SLOTS");
    index
}

/// The slot for a call, from its first choice on; `None` if it has one already, from the table that comes first.
const fn free_slot(index: &[Entry; SLOTS], first: usize, service: &str, event_name: &str) -> Option<usize> {
    let mut slot = first;
    while index[slot].count > 0 {
        let other = index[slot].service();
        if equal(other.name, service) && equal(other.rows[index[slot].first as usize].event_name, event_name)
        {
            return None;
        }
        slot = (slot + 1) % SLOTS;
    }
    Some(slot)
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut nth = 0;
    while a.len() == b.len() && nth < a.len() {
        if a[nth] != b[nth] {
            return false;
        }
        nth += 1;
    }
    a.len() == b.len()
}

const fn hash(service: &str, call: &str) -> usize {
    mixed(mixed(0, service.as_bytes()), call.as_bytes()) as usize
}

const fn mark(hash: usize) -> u8 {
    (hash >> 24) as u8
}

/// A hash of the name of a call, whatever its source.
#[inline]
pub(crate) const fn hash_of_name(name: &[u8]) -> usize {
    mixed(0, name) as usize
}

/// Eight bytes at a time: names are short, and none is chosen to collide.
const fn mixed(seed: u64, bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = seed ^ bytes.len() as u64;
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ u64::from_le_bytes(*eight)).wrapping_mul(PRIME).rotate_left(29);
        rest = after;
    }
    let mut last: u64 = 0;
    while let Some((byte, after)) = rest.split_first() {
        last = last << 8 | *byte as u64;
        rest = after;
    }
    let hash = (hash ^ last).wrapping_mul(PRIME);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::super::operation::{HttpBinding, Operation, Protocol, ResourceValue, TagShape};
    use super::super::row::{Locator, Place, Read, Route};
    use super::*;
    use crate::record::{Piece, pieces};

    #[test]
    fn every_call_is_found_with_all_its_rows_and_no_other() {
        for service in all() {
            for row in service.rows {
                let (found, rows) = find(service.name, row.event_name).expect("a call of the table");
                assert_eq!(found.name, service.name);
                assert!(rows.iter().all(|one| one.event_name == row.event_name), "{}", row.event_name);
                let all_of_it = found.rows.iter().filter(|one| one.event_name == row.event_name).count();
                assert_eq!(rows.len(), all_of_it, "{}", row.event_name);
            }
        }
    }

    #[test]
    fn evidence_is_sorted_and_of_calls_that_create_something() {
        assert!(EVIDENCE.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        for (source, call, evidence) in EVIDENCE {
            let (service, rows) = find(source, call).expect("a call of the table");
            assert_eq!(super::evidence(service, &rows[0]), *evidence, "{source} {call}");
            assert!(rows.iter().any(Row::creates) && *evidence != Evidence::Modelled, "{source} {call}");
        }
    }

    #[test]
    fn an_unknown_call_is_not_found() {
        assert!(find("ec2", "RunInstance").is_none() && find("ec", "RunInstances").is_none());
        assert!(find("", "").is_none());
    }

    #[test]
    fn services_and_rows_are_sorted() {
        assert!(BY_HAND.is_sorted_by(|a, b| a.name < b.name));
        assert!(GENERATED.is_sorted_by(|a, b| a.name < b.name));
        assert!(all().is_sorted_by(|a, b| a.name <= b.name));
        for service in all() {
            assert!(service.rows.is_sorted_by(|a, b| a.event_name <= b.event_name), "{}", service.name);
        }
    }

    #[test]
    fn every_place_is_a_path_or_a_format_with_at_most_one_list() {
        for row in all().flat_map(|service| service.rows) {
            let places: &[Place] = match &row.locator {
                Locator::Place(place) => std::slice::from_ref(place),
                Locator::Places(places) => places,
                Locator::Custom(_) | Locator::Lookup { .. } | Locator::None(_) => continue,
            };
            assert!(!places.is_empty(), "{}", row.event_name);
            for place in places {
                let (paths, fixed) = match place {
                    Place::Path(path) | Place::Id(path) => (vec![*path], false),
                    Place::Object(_) => continue,
                    Place::ArnFormat(format) | Place::Resource(format) => {
                        let variables = pieces(format).filter_map(|piece| match piece {
                            Piece::Variable(path) if path.contains('.') => Some(path),
                            _ => None,
                        });
                        (variables.collect(), format.ends_with("/default"))
                    }
                };
                let parts: &[&str] = match row.service_event {
                    true => &["serviceEventDetails."],
                    false => &["responseElements.", "requestParameters."],
                };
                let in_record = |path: &&str| parts.iter().any(|part| path.starts_with(part));
                assert!(paths.iter().all(in_record) && (fixed || !paths.is_empty()), "{place:?}");
                assert!(paths.iter().filter(|path| path.contains("[]")).count() <= 1, "{place:?}");
            }
        }
    }

    /// Unused attributes of rows are invisible to the compiler, as other crates could set them.
    #[test]
    fn every_attribute_of_rows_occurs_in_the_table() {
        let rows = || all().flat_map(|service| service.rows);
        let any = |has: fn(&Row) -> bool| rows().any(has);
        assert!(any(|row| row.route.is_some()) && any(|row| row.actions.is_some()));
        assert!(any(|row| row.opt_in.is_some()) && any(|row| row.opt_in_if_service_created.is_some()));
        assert!(any(|row| row.max_tags != 50) && any(|row| row.optional) && any(|row| row.lower_case));
        assert!(any(|row| row.excluding.is_some()) && any(|row| row.arn_service.is_some()));
        assert!(any(|row| row.without_account) && any(|row| row.without_region));
        assert!(any(|row| row.service_event));
        assert!(any(|row| !row.resource_prefix.is_empty()));
        let (mut operations, mut shapes): (Vec<&Operation>, Vec<TagShape>) = (Vec::new(), Vec::new());
        for (service, row) in all().flat_map(|service| service.rows.iter().map(move |row| (service, row))) {
            if let Route::TagOperation(tag) | Route::TaggingApi(Some(tag)) = row.route(service) {
                operations.push(&tag.operation);
                shapes.push(tag.tags);
            }
            if let Read::Operation(read) = row.read_by(service) {
                operations.push(&read.operation);
                shapes.push(read.tags);
            }
        }
        let used = |has: &dyn Fn(&Operation) -> bool| operations.iter().any(|operation| has(operation));
        for binding in [HttpBinding::Payload, HttpBinding::Label, HttpBinding::Query, HttpBinding::Header] {
            assert!(used(&|one| one.resource.iter().any(|member| member.binding == binding)), "{binding:?}");
        }
        for value in [
            ResourceValue::Arn,
            ResourceValue::Id,
            ResourceValue::Name,
            ResourceValue::Hierarchy,
            ResourceValue::Part(1),
            ResourceValue::Account,
            ResourceValue::QueueUrl,
        ] {
            assert!(used(&|one| one.resource.iter().any(|member| member.value == value)), "{value:?}");
        }
        assert!(used(&|one| matches!(one.protocol, Protocol::Json { .. })));
        assert!(used(&|one| matches!(one.protocol, Protocol::RestJson)));
        assert!(used(&|one| matches!(one.protocol, Protocol::RestXml { .. })));
        assert!(used(&|one| matches!(one.protocol, Protocol::Query { .. })));
        assert!(shapes.iter().any(|tags| matches!(tags, TagShape::Map { .. })));
        assert!(shapes.iter().any(|tags| matches!(tags, TagShape::List { .. })));
    }

    #[test]
    fn no_generated_row_is_hidden_by_one_written_by_hand() {
        for service in GENERATED {
            for row in service.rows {
                let source = format!("{}.amazonaws.com", service.name);
                let (_, found) = rows(&source, row.event_name).expect("a row");
                assert!(found.iter().any(|other| std::ptr::eq(other, row)), "{source} {}", row.event_name);
            }
        }
    }

    #[test]
    fn api_dates_are_not_part_of_a_calls_name() {
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
}
