//! The security model in `infra/README.md` shows the doors as they are, and its SCP closes each of them.
//! `make generate` writes the table again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aws_tags::deployment::doors::DOORS;
use serde_json::Value;

const START: &str = "<!-- the doors, written by crates/core/tests/doors.rs -->\n";
const END: &str = "<!-- end of the doors -->\n";
/// Characters of an SCP, white space not counted.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const SCP_LENGTH: usize = 5120;
/// What the SCP denies besides: its exemptions are names, which nobody else may take.
const FOR_NAMES: &str = "iam:CreateRole";

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/README.md")
}

fn table() -> String {
    let mut table = "| What may be done | On | What it lets one do |\n|---|---|---|\n".to_owned();
    for door in DOORS {
        let actions: Vec<String> = door.actions.iter().map(|action| format!("`{action}`")).collect();
        let key = if door.with_key { ", with the key" } else { "" };
        table.push_str(&format!("| {}{key} | {} | {} |\n", actions.join(", "), door.on.name(), door.lets));
    }
    table
}

#[test]
fn the_security_model_shows_every_door() {
    let text = fs::read_to_string(readme()).expect("readable");
    let (before, rest) = text.split_once(START).expect("the start of the doors");
    let (shown, after) = rest.split_once(END).expect("the end of the doors");
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(readme(), format!("{before}{START}\n{table}\n{END}{after}")).expect("writable");
        return;
    }
    assert_eq!(shown.trim(), table.trim(), "run `make generate`");
}

#[test]
fn the_scp_of_the_security_model_closes_every_door() {
    let text = fs::read_to_string(readme()).expect("readable");
    let scp = text.split("```json\n").skip(1).filter_map(|part| part.split("```").next());
    let scp = scp.map(|part| serde_json::from_str::<Value>(part).expect("JSON"));
    let scp = scp
        .into_iter()
        .find(|policy| policy["Statement"][0]["Sid"] == "OnlyThePipelineUsesDoors")
        .expect("the SCP of the doors");
    assert!(scp.to_string().len() <= SCP_LENGTH, "{}", scp.to_string().len());
    let statements = scp["Statement"].as_array().expect("statements").iter();
    let denied: BTreeSet<&str> = statements
        .flat_map(|statement| statement["Action"].as_array().expect("actions"))
        .filter_map(Value::as_str)
        .collect();
    let of_doors = DOORS.iter().flat_map(|door| door.actions.iter().copied());
    assert_eq!(denied, of_doors.chain([FOR_NAMES]).collect());
}
