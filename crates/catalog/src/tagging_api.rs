//! Which services the Resource Groups Tagging API can tag.

/// Prefixes that it could tag, but that their own operations tag better: prefix, reason.
const BETTER: &[(&str, &str)] =
    &[("iam", "its documentation and its policy differ on which types of IAM it takes")];

/// Whether resources of a prefix of the service authorization data are tagged by it.
pub fn tags(prefix: &str) -> bool {
    let listed = include_str!("../tagging_api.txt").lines().any(|line| line == prefix);
    listed && !BETTER.iter().any(|(better, _)| *better == prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_whole_words() {
        assert!(tags("kms") && !tags("km") && !tags("iam") && !tags("dax"));
    }
}
