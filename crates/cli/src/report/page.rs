//! The page: one file that needs nothing else. It can be read and printed as it is; its script adds the list of all
//! resources.
//!
//! maud escapes every value. The policy allows this one style and this one script, by their hashes, and no connection.

mod cells;
mod coverage;
mod groups;
mod inventories;
mod resources;
mod title;
mod untagged;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::read::Audits;
use super::{Hidden, words};

const STYLE: &str = include_str!("assets/page.css");
/// The parts of the script, from the ground up.
const SCRIPT: &str = concat!(
    include_str!("assets/dom.js"),
    include_str!("assets/data.js"),
    include_str!("assets/query.js"),
    include_str!("assets/list.js"),
    include_str!("assets/details.js"),
    include_str!("assets/facets.js"),
    include_str!("assets/csv.js"),
    include_str!("assets/page.js"),
);

/// The whole page. The data are all resources, packed.
pub(super) fn page(audits: &Audits, hidden: Hidden, data: &str) -> Option<Markup> {
    let latest = audits.all.last()?;
    let of = match latest.head.accounts.as_slice() {
        [account] => format!("account {account}"),
        accounts => words::count(accounts.len(), "account"),
    };
    Some(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content=(concat!("aws-tags ", env!("CARGO_PKG_VERSION")));
                title { "Tag coverage of " (of) ", " (words::day(latest.head.at)) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#resources" { "Skip to the list of all resources" }
                main {
                    (title::title(audits, &of, hidden))
                    (coverage::numbers(latest))
                    (coverage::over_time(&audits.all))
                    (groups::groups(&audits.rows))
                    (untagged::untagged_resources(audits))
                    (inventories::inventories(&latest.head))
                    (resources::resources())
                }
                script type="application/json" id="data" { (PreEscaped(data)) }
                script type="module" { (PreEscaped(SCRIPT)) }
            }
        }
    })
}

/// What the browser lets the page do.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
