//! Finds overrides that no longer override anything.

use std::collections::BTreeSet;

use crate::event_sources::event_source;
use crate::overrides::{
    ACTIONS, ALSO_CREATES, ANSWERS_FOR_OLD, CREATE_NOTHING, CREATES, CREATION_TIMES, FAILS_IF_THERE, FORMATS,
    HEADERS, MAX_TAGS, MEMBERS, NO_ROW, NOT_CREATED, NOT_READ_BY, OPT_IN, OWN_READ_OPERATIONS,
    OWN_TAG_OPERATIONS, PLACES, TAG_ACTIONS, UPSERTS,
};
use crate::rules::call_name;
use crate::table::{Catalog, Row};

/// The names of overrides whose call, type or operation is not in the packages.
pub fn overrides(catalog: &Catalog, rows: &[Row]) -> Vec<String> {
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
    for (source, event_name, _) in CREATE_NOTHING {
        expect(has_call(source, event_name), event_name);
    }
    for (source, event_name, _) in UPSERTS {
        expect(has_call(source, event_name), event_name);
    }
    for (source, event_name, _) in ANSWERS_FOR_OLD {
        expect(has_call(source, event_name), event_name);
    }
    for (source, _) in FAILS_IF_THERE {
        expect(rows.iter().any(|row| row.source == *source), source);
    }
    for (source, event_name, resource_type, _) in CREATES {
        // An entry without a row has neither places nor a format.
        let row = |row: &Row| {
            (row.source.as_str(), row.event_name.as_str(), row.resource_type.as_str())
                == (*source, *event_name, *resource_type)
        };
        expect(rows.iter().any(row), event_name);
    }
    for (source, event_name, resource_type, _, _) in ALSO_CREATES {
        expect(has_call(source, event_name) && types.contains(*resource_type), event_name);
    }
    for (source, event_name, resource_type, _, _) in PLACES {
        let row = |row: &Row| {
            (row.source.as_str(), row.event_name.as_str(), row.resource_type.as_str())
                == (*source, *event_name, *resource_type)
        };
        expect(rows.iter().any(row), event_name);
    }
    let named_types = FORMATS
        .iter()
        .map(|(resource_type, _, _)| resource_type)
        .chain(OPT_IN.iter().map(|(resource_type, _)| resource_type));
    for resource_type in
        named_types.chain(NOT_CREATED.iter().chain(NO_ROW).map(|(resource_type, _)| resource_type))
    {
        expect(types.contains(*resource_type), resource_type);
    }
    for (resource_type, operation, _) in OWN_TAG_OPERATIONS.iter().chain(OWN_READ_OPERATIONS) {
        expect(types.contains(*resource_type) && operations.contains(operation), resource_type);
    }
    let has_operation = |api: &str, name: &str| {
        catalog.apis.iter().any(|one| one.name == api && one.operations.contains_key(name))
    };
    for (api, operation, members, _) in MEMBERS {
        expect(has_operation(api, operation) && !members.is_empty(), api);
    }
    for (resource_type, ..) in MAX_TAGS {
        expect(types.contains(*resource_type), resource_type);
    }
    for (api, ..) in HEADERS {
        expect(catalog.apis.iter().any(|one| one.name == *api), api);
    }
    for (resource_type, api, operation, ..) in CREATION_TIMES {
        expect(types.contains(*resource_type) && has_operation(api, operation), resource_type);
    }
    let named = ACTIONS.iter().map(|(api, operation, ..)| (api, operation));
    for (api, operation) in named.chain(NOT_READ_BY.iter().map(|(api, operation, _)| (api, operation))) {
        expect(has_operation(api, operation), api);
    }
    for (prefix, _, _) in TAG_ACTIONS {
        expect(catalog.authorizations.contains_key(*prefix), prefix);
    }
    stale
}
