//! An audit as a table for spreadsheets: RFC 4180, and no cell is a formula.
//!
//! The head stands in rows of its own, in the same columns, so that every row has as many.
//! <https://datatracker.ietf.org/doc/html/rfc4180>

use std::io::{self, Write};

use aws_tags::audit::{Head, Resource};
use aws_tags::record::timestamp;

use crate::console::visible;

const COLUMNS: [&str; 14] = [
    "row",
    "arn",
    "type",
    "account",
    "region",
    "state",
    "owner",
    "missing",
    "created at",
    "event",
    "event name",
    "created by",
    "tags",
    "note",
];

/// Writes the head and every resource.
pub(super) fn write(head: &Head, resources: &[Resource], out: &mut impl Write) -> io::Result<()> {
    row(COLUMNS.map(str::to_owned), out)?;
    let [accounts, regions, required] =
        [&head.accounts, &head.regions, &head.required].map(|all| all.join(" "));
    let note = match head.partial {
        true => "partial: there may be resources that no inventory shows",
        false => "",
    };
    let mut audit = empty("audit");
    (audit[3], audit[4], audit[7], audit[8], audit[13]) =
        (accounts, regions, required, timestamp::format(head.at), note.to_owned());
    row(audit, out)?;
    for inventory in &head.inventory {
        let mut cells = empty("inventory");
        (cells[2], cells[3], cells[4]) =
            (inventory.source.as_str().to_owned(), inventory.account.clone(), inventory.region.clone());
        let cannot = match inventory.cannot_see.is_empty() {
            true => String::new(),
            false => format!("; cannot see {}", inventory.cannot_see.join("; ")),
        };
        cells[13] = format!("{} resources{cannot}", inventory.resources);
        row(cells, out)?;
    }
    resources.iter().try_for_each(|resource| row(cells(resource), out))
}

fn empty(kind: &str) -> [String; 14] {
    let mut cells: [String; 14] = Default::default();
    kind.clone_into(&mut cells[0]);
    cells
}

fn cells(resource: &Resource) -> [String; 14] {
    let created = resource.created.as_ref();
    let of_creation =
        |text: fn(&aws_tags::audit::Creation) -> &String| created.map(text).cloned().unwrap_or_default();
    let tags: Vec<String> =
        resource.tags.iter().map(|tag| visible(format_args!("{}={}", tag.key, tag.value))).collect();
    let guess = resource.guess.as_ref().map(|guess| format!("perhaps {}: {}", guess.owner, guess.why));
    let cells = [
        "resource".to_owned(),
        resource.arn.clone(),
        resource.resource_type.clone(),
        resource.account.clone(),
        resource.region.clone(),
        resource.state.as_str().to_owned(),
        resource.owner.clone().unwrap_or_default(),
        resource.missing.join(" "),
        created.map(|created| timestamp::format(created.at)).unwrap_or_default(),
        of_creation(|created| &created.event),
        of_creation(|created| &created.name),
        of_creation(|created| &created.by),
        String::new(),
        guess.unwrap_or_default(),
    ];
    // Whoever sets a tag must not steer the terminal of whoever reads it.
    let mut cells = cells.map(visible);
    cells[12] = tags.join("\n");
    cells
}

fn row(cells: [String; 14], out: &mut impl Write) -> io::Result<()> {
    let cells = cells.map(|text| cell(&text));
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell as a text, whatever it begins with: a program that opens the file would calculate what begins like a
/// formula. Quoted where it has separators.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn cell(text: &str) -> String {
    let inert = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match inert.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", inert.replace('"', "\"\"")),
        false => inert,
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn what_begins_like_a_formula_is_text_and_separators_are_quoted() {
        for (text, written) in [
            ("ann", "ann"),
            ("", ""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\tx", "'\tx"),
            ("\r=1", "\"'\r=1\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
