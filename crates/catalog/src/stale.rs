//! Finds overrides that override nothing any more.

use std::collections::BTreeSet;

use crate::event_sources::event_source;
use crate::overrides::{
    ALSO_CREATES, CREATE_NOTHING, CREATES, FORMATS, NO_ROW, NOT_CREATED, OPT_IN, OWN_TAG_OPERATIONS, PLACES,
    SAYS, TAG_ACTIONS, UPSERTS,
};
use crate::rules::call_name;
use crate::table::{Catalog, Row};

/// The names of overrides whose call, type or operation the packages do not have.
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
        .chain(rows.iter().map(|row| row.kind.clone()))
        .collect();
    let has_call = |source: &str, call: &str| calls.contains(&(source, call));
    let mut idle: Vec<String> = Vec::new();
    let mut expect = |there: bool, name: &str| {
        if !there {
            idle.push(name.to_owned());
        }
    };
    for (source, call, _) in CREATE_NOTHING {
        expect(has_call(source, call), call);
    }
    for (source, call, _) in UPSERTS {
        expect(has_call(source, call), call);
    }
    for (source, call, kind, _) in CREATES {
        // An entry without a row has neither places nor a format.
        let row = |row: &Row| {
            (row.source.as_str(), row.call.as_str(), row.kind.as_str()) == (*source, *call, *kind)
        };
        expect(rows.iter().any(row), call);
    }
    for (source, call, kind, _, _) in ALSO_CREATES {
        expect(has_call(source, call) && types.contains(*kind), call);
    }
    for (source, call, kind, _, _) in PLACES {
        let row = |row: &Row| {
            (row.source.as_str(), row.call.as_str(), row.kind.as_str()) == (*source, *call, *kind)
        };
        expect(rows.iter().any(row), call);
    }
    let kinds = FORMATS.iter().map(|(kind, _, _)| kind).chain(OPT_IN.iter().map(|(kind, _)| kind));
    for kind in kinds.chain(NOT_CREATED.iter().chain(NO_ROW).map(|(kind, _)| kind)) {
        expect(types.contains(*kind), kind);
    }
    for (kind, operation, _) in OWN_TAG_OPERATIONS {
        expect(types.contains(*kind) && operations.contains(operation), kind);
    }
    for (api, operation, _, _) in SAYS {
        expect(
            catalog.apis.iter().any(|one| one.name == *api && one.operations.contains_key(*operation)),
            api,
        );
    }
    for (prefix, _, _) in TAG_ACTIONS {
        expect(catalog.authorizations.contains_key(*prefix), prefix);
    }
    idle
}
