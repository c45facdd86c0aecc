//! What a probe found, taken over: routes change, rows say so, and what contradicts the models is named.
//! The evidence is invented here, and only here.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use aws_tags::probing::ProbedTypes;
use aws_tags_catalog::emit;
use aws_tags_catalog::probed::{contradictions, probed};
use aws_tags_catalog::sources::Unfetched;
use aws_tags_catalog::table::{Catalog, Route, Row};

const EVIDENCE: &str = r#"{"version":1,"date":"2026-11-26","partition":"aws","region":"default"}
{"type":"acm:certificate","tagResources":{"answer":"accepted"},"tag":{"operation":"acm:AddTagsToCertificate","answer":"as-modelled"}}
{"type":"cassandra:keyspace","tagResources":{"answer":"unclear"}}
{"type":"cassandra:table","tagResources":{"answer":"refused","said":"InvalidParameterException: Unrecognized service or resource type for tagging"}}
{"type":"dax:application","tag":{"operation":"dax:TagResource","answer":"as-modelled"}}
{"type":"gone:thing","tagResources":{"answer":"accepted"}}
{"type":"kinesisvideo:stream","tagResources":{"answer":"refused"},"tag":{"operation":"kinesisvideo:TagResource","answer":"unknown-operation","said":"UnknownOperationException"},"read":{"operation":"kinesisvideo:ListTags","answer":"unknown-operation"}}
{"type":"sqs:queue","tagResources":{"answer":"refused"}}
"#;

fn of<'a>(rows: &'a [Row], resource_type: &str) -> &'a Row {
    rows.iter().find(|row| row.resource_type == resource_type).expect("a row")
}

/// One test: to read the packages takes long.
#[test]
fn what_is_refused_goes_by_its_own_operation_and_what_contradicts_is_named() {
    let mut catalog = match Catalog::read(ProbedTypes::default()) {
        Ok(catalog) => catalog,
        Err(error) if error.is::<Unfetched>() => return,
        Err(error) => panic!("{error:#}"),
    };
    let before = catalog.rows();
    assert!(before.iter().all(|row| !row.probed), "nobody has asked");
    catalog.probed = ProbedTypes::parse(EVIDENCE).expect("readable");
    let all = catalog.all_rows();
    let rows = catalog.rows();
    assert_eq!(
        contradictions(&catalog.probed, &all),
        [
            "`gone:thing` is of no row any more",
            "`kinesisvideo:TagResource` on `kinesisvideo:stream`: unknown operation (UnknownOperationException)",
            "sqs CreateQueue: the tagging API refuses `sqs:queue`",
        ]
    );
    routes_change(&before, &rows);
    rows_say_so(&emit::rust(&catalog, &rows));
}

fn routes_change(before: &[Row], rows: &[Row]) {
    assert!(matches!(of(before, "cassandra:table").route, Route::TaggingApi(Some(_))));
    let table = of(rows, "cassandra:table");
    let Route::TagOperation(own) = &table.route else { panic!("{:?}", table.route) };
    assert_eq!((own.operation.name.as_str(), table.probed), ("cassandra:TagResource", true));
    assert!(of(rows, "acm:certificate").probed && of(rows, "dax:application").probed);
    assert!(!of(rows, "cassandra:keyspace").probed, "unclear");
    let changed = rows.iter().zip(before).filter(|(after, before)| after.route != before.route);
    let types: BTreeSet<&str> = changed.map(|(row, _)| row.resource_type.as_str()).collect();
    assert_eq!(types, BTreeSet::from(["cassandra:table", "kinesisvideo:stream"]));
}

fn rows_say_so(text: &str) {
    let line = |start: &str| text.lines().find(|line| line.contains(start)).unwrap_or_default().to_owned();
    let create = line(r#"row("RestoreTable", "cassandra:table""#);
    assert!(
        create.contains(".probed()") && create.contains("TagOperation(&operations::KEYSPACES_TAG_RESOURCE)"),
        "{create}"
    );
    let keyspace = line(r#"row("CreateKeyspace", "cassandra:keyspace""#);
    assert!(!keyspace.is_empty() && !keyspace.contains(".probed()"), "{keyspace}");
    assert!(line(r#"row("ImportCertificate", "acm:certificate""#).contains(".probed()"));
}

#[test]
fn what_is_kept_was_found_in_an_account_or_is_empty() {
    let kept = probed(None).expect("readable");
    assert!(kept.header.date.is_some() || kept.iter().count() == 0, "evidence has a date");
    let text = kept.to_string();
    assert!(!text.contains("arn:"), "{text}");
}
