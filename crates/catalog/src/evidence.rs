//! What the rows of a call rest on, where that is more than the models: `evidence.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What a call's rows rest on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub evidence: Evidence,
    /// Where the record is.
    pub page: String,
}

/// The kinds of evidence, as the file describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    Recorded,
    Documented,
}

/// By event source and call, with a blank between.
pub fn known() -> &'static BTreeMap<String, Known> {
    static ALL: LazyLock<BTreeMap<String, Known>> = LazyLock::new(|| {
        toml::from_str(include_str!("../evidence.toml"))
            .unwrap_or_else(|wrong| panic!("evidence.toml: {wrong}"))
    });
    &ALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_evidence_names_a_page() {
        assert!(known().len() > 100);
        for (call, Known { evidence, page }) in known() {
            let of_aws = page.starts_with("https://docs.aws.amazon.com/");
            assert_eq!(of_aws, *evidence == Evidence::Documented, "{call}: {page}");
            assert!(of_aws || page.starts_with("https://github.com/"), "{call}: {page}");
        }
    }
}
