//! Finds overrides that no longer override anything.

use std::collections::BTreeSet;

use crate::event_sources::event_source;
use crate::overrides::{Call, overrides};
use crate::rules::call_name;
use crate::table::{Catalog, Row};

/// The names of overrides whose call, type or operation is not in the packages.
pub fn stale_overrides(catalog: &Catalog, rows: &[Row]) -> Vec<String> {
    let calls: BTreeSet<(&str, &str)> = catalog
        .apis
        .iter()
        .flat_map(|api| api.operations.keys().map(move |name| (event_source(api), call_name(name))))
        .collect();
    let operations: BTreeSet<&str> =
        catalog.apis.iter().flat_map(|api| api.operations.keys().map(String::as_str)).collect();
    let types: BTreeSet<String> = catalog
        .authorizations
        .iter()
        .flat_map(|(prefix, known)| known.types.keys().map(move |key| format!("{prefix}:{key}")))
        .chain(rows.iter().map(|row| row.resource_type.clone()))
        .collect();
    let has_call = |source: &str, event_name: &str| calls.contains(&(source, event_name));
    let mut stale: Vec<String> = Vec::new();
    let mut expect = |is_used: bool, name: &str| {
        if !is_used {
            stale.push(name.to_owned());
        }
    };
    let all = overrides();
    for one in all.create_nothing.iter().chain(&all.upserts).chain(&all.answers_for_old) {
        expect(has_call(&one.source, &one.call), &one.call);
    }
    let is_unnamed = |one: &Call| {
        let is_row = |row: &&Row| row.source == one.source && row.event_name == one.call;
        rows.iter().find(is_row).is_some_and(|row| !row.finds())
    };
    for one in &all.unnamed {
        expect(is_unnamed(one), &one.call);
    }
    for one in all.fails_if_there.iter().chain(&all.lower_case) {
        expect(rows.iter().any(|row| row.source == one.source), &one.source);
    }
    let has_row = |source: &str, call: &str, resource_type: &str| {
        let is = |row: &Row| {
            (row.source.as_str(), row.event_name.as_str(), row.resource_type.as_str())
                == (source, call, resource_type)
        };
        rows.iter().any(is)
    };
    // An entry without a row has neither places nor a format.
    for one in &all.creates {
        expect(has_row(&one.source, &one.call, &one.resource_type), &one.call);
    }
    for one in &all.places {
        expect(has_row(&one.source, &one.call, &one.resource_type), &one.call);
    }
    for one in &all.also_creates {
        expect(has_call(&one.source, &one.call) && types.contains(&one.resource_type), &one.call);
    }
    let named_types = all.formats.iter().map(|one| &one.resource_type);
    let named_types = named_types.chain(all.max_tags.iter().map(|one| &one.resource_type));
    let plain_types = all.opt_in.iter().chain(&all.not_created).chain(&all.no_row).chain(&all.no_reader);
    for resource_type in named_types.chain(plain_types.map(|one| &one.resource_type)) {
        expect(types.contains(resource_type), resource_type);
    }
    for one in all.own_tag_operations.iter().chain(&all.own_read_operations) {
        let is_there = types.contains(&one.resource_type) && operations.contains(one.operation.as_str());
        expect(is_there, &one.resource_type);
    }
    let has_operation = |api: &str, name: &str| {
        catalog.apis.iter().any(|one| one.name == api && one.operations.contains_key(name))
    };
    for one in &all.members {
        expect(has_operation(&one.api, &one.operation) && !one.members.is_empty(), &one.api);
    }
    for one in &all.each_tag {
        expect(has_operation(&one.api, &one.operation) && !one.members.is_empty(), &one.api);
    }
    let search = catalog.search();
    for one in &all.lookups {
        let is_there = one.calls.iter().all(|call| has_call(&one.source, call));
        expect(is_there && search.known(one).is_some(), &one.resource_type);
    }
    for one in &all.headers {
        expect(catalog.apis.iter().any(|api| api.name == one.api), &one.api);
    }
    for one in &all.creation_times {
        let is_there = types.contains(&one.resource_type) && has_operation(&one.api, &one.operation);
        expect(is_there, &one.resource_type);
    }
    for one in &all.actions {
        expect(has_operation(&one.api, &one.operation), &one.api);
    }
    for one in all.not_read_by.iter().chain(&all.not_tagged_by) {
        expect(has_operation(&one.api, &one.operation), &one.api);
    }
    for one in &all.tag_actions {
        expect(catalog.authorizations.contains_key(&one.prefix), &one.prefix);
    }
    stale
}
