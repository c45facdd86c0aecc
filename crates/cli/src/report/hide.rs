//! Takes out of a report what whoever it is passed on to should not read: values of tags, names of principals.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, BuildError, Match};
use aws_tags::audit::TagOrigin;
use indexmap::IndexSet;

use super::rows::{Rows, TagRow, Texts, text};

/// Leaves out the values of all tags. Keys, and where the tags came from, stay.
pub(super) fn hide_values(rows: &mut Rows) {
    let numbers = replace(&mut rows.values, |_| String::new());
    renumber_values(rows, &numbers);
}

/// Puts `principal-1`, `principal-2`, … for each name of a principal, wherever it stands by itself: as an owner, in
/// values, ARNs, reasons and files. The same principal has the same number everywhere. Services and accounts are no
/// principals that need hiding.
///
/// # Errors
///
/// There are more names than can be searched for.
pub(super) fn hide_principals(rows: &mut Rows) -> Result<(), BuildError> {
    let names = Names::of(rows);
    let search = names.search()?;
    let hide = |text: &str| search.hide(text);
    let owners = replace(&mut rows.owners, hide);
    let reasons = replace(&mut rows.reasons, hide);
    let principals = replace(&mut rows.principals, hide);
    let files = replace(&mut rows.files, hide);
    let values = replace(&mut rows.values, hide);
    renumber_values(rows, &values);
    let new = |numbers: &[usize], old: usize| numbers.get(old).copied().unwrap_or_default();
    for row in &mut rows.rows {
        row.rest = hide(&row.rest);
        row.owner = row.owner.map(|owner| new(&owners, owner));
        if let Some(guess) = &mut row.guess {
            guess.owner = new(&owners, guess.owner);
            guess.reason = new(&reasons, guess.reason);
        }
        if let Some(creation) = &mut row.creation {
            creation.principal = new(&principals, creation.principal);
            creation.file = creation.file.map(|file| new(&files, file));
        }
    }
    Ok(())
}

/// Names of principals, each with the number under which it is shown.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
    count: usize,
}

impl Names {
    fn of(rows: &Rows) -> Self {
        let mut names = Self::default();
        // Owners first: two of them never get one number.
        for owner in &rows.owners {
            names.add(owner, false);
        }
        for principal in &rows.principals {
            names.add(principal, true);
        }
        for tag in rows.tags.iter().filter(|tag| tag.from == TagOrigin::Principal) {
            names.add(text(&rows.values, tag.value), true);
        }
        names
    }

    /// Adds a name, and its last part: the session's or user's name in an ARN or a unique id. Whoever has the same
    /// last part may be one that is known.
    fn add(&mut self, name: &str, may_be_known: bool) {
        if !is_principal(name) || self.numbers.contains_key(name) {
            return;
        }
        let last = name.rsplit(['/', ':']).next().filter(|last| is_principal(last));
        let known = last.filter(|_| may_be_known).and_then(|last| self.numbers.get(last)).copied();
        let number = known.unwrap_or_else(|| {
            self.count += 1;
            self.count
        });
        self.numbers.insert(name.to_owned(), number);
        if let Some(last) = last {
            self.numbers.entry(last.to_owned()).or_insert(number);
        }
    }

    fn search(&self) -> Result<Search, BuildError> {
        let (names, numbers): (Vec<&str>, Vec<usize>) =
            self.numbers.iter().map(|(name, number)| (name.as_str(), *number)).unzip();
        let found = AhoCorasick::builder().ascii_case_insensitive(true).build(names)?;
        Ok(Search { found, numbers })
    }
}

/// Whether a name may be a person's: not that of a service, an account, or its root user.
fn is_principal(name: &str) -> bool {
    let is_account = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
    !name.is_empty() && name != "root" && !is_account && !name.ends_with(".amazonaws.com")
}

/// Finds names in texts.
struct Search {
    found: AhoCorasick,
    numbers: Vec<usize>,
}

impl Search {
    /// A text with each name that stands by itself replaced; of names that overlap, the longest of the first.
    fn hide(&self, text: &str) -> String {
        let mut names: Vec<Match> =
            self.found.find_overlapping_iter(text).filter(|name| stands_by_itself(text, name)).collect();
        names.sort_by_key(|name| (name.start(), std::cmp::Reverse(name.end())));
        let (mut hidden, mut from) = (String::with_capacity(text.len()), 0);
        for name in names {
            if name.start() < from {
                continue;
            }
            let number = self.numbers.get(name.pattern().as_usize()).copied().unwrap_or_default();
            hidden.push_str(text.get(from..name.start()).unwrap_or_default());
            hidden.push_str(&format!("principal-{number}"));
            from = name.end();
        }
        hidden.push_str(text.get(from..).unwrap_or_default());
        hidden
    }
}

/// Whether what is beside a name does not go on with it.
fn stands_by_itself(text: &str, name: &Match) -> bool {
    let before = text.get(..name.start()).and_then(|text| text.chars().next_back());
    let after = text.get(name.end()..).and_then(|text| text.chars().next());
    ![before, after].into_iter().flatten().any(char::is_alphanumeric)
}

/// Replaces each text. Returns the new number of each old one: some may have become the same.
fn replace(texts: &mut Texts, new: impl Fn(&str) -> String) -> Vec<usize> {
    let mut all = Texts::new();
    let numbers = texts.iter().map(|text| all.insert_full(new(text)).0).collect();
    *texts = all;
    numbers
}

/// Gives the tags the new numbers of their values.
fn renumber_values(rows: &mut Rows, numbers: &[usize]) {
    let mut tags = IndexSet::new();
    let renumbered = rows.tags.iter().map(|tag| {
        let value = numbers.get(tag.value).copied().unwrap_or_default();
        tags.insert_full(TagRow { value, ..tag.clone() }).0
    });
    let renumbered: Vec<usize> = renumbered.collect();
    let mut sets = IndexSet::new();
    let new = |set: &Vec<usize>| set.iter().filter_map(|tag| renumbered.get(*tag).copied()).collect();
    let set_numbers: Vec<usize> = rows.tag_sets.iter().map(|set| sets.insert_full(new(set)).0).collect();
    for row in &mut rows.rows {
        row.tags = set_numbers.get(row.tags).copied().unwrap_or_default();
    }
    (rows.tags, rows.tag_sets) = (tags, sets);
}

#[cfg(test)]
mod tests {
    use aws_tags::audit::{Line, Resource};

    use super::*;

    fn resource(line: &str) -> Resource {
        let Ok(Line::Resource(resource)) = Line::parse(line) else { panic!("no resource") };
        *resource
    }

    fn rows() -> Rows {
        let mut rows = Rows::default();
        rows.add(resource(
            r#"{"arn":"arn:aws:s3:::ann-scratch","type":"s3:bucket","account":"111122223333","region":"eu-west-1","state":"ours",
            "owner":"ann","created":{"at":"2026-01-01T00:00:00Z","event":"e","name":"CreateBucket","by":"arn:aws:sts::111122223333:assumed-role/dev/ann"},
            "tags":[{"key":"Owner","value":"ann","from":"principal"},{"key":"PrincipalId","value":"AROAX:ann","from":"principal"},
            {"key":"Plan","value":"planning","from":"other"},{"key":"Mail","value":"bo","from":"session"}]}"#,
        ));
        rows.add(resource(
            r#"{"arn":"arn:aws:iam::111122223333:user/bo","type":"iam:user","account":"111122223333","region":"us-east-1","state":"owner-unknown",
            "guess":{"owner":"bo","why":"bo made the volume, ann its snapshot"}}"#,
        ));
        rows.add(resource(
            r#"{"arn":"arn:aws:logs:eu-west-1:111122223333:log-group:x","type":"logs:log-group","account":"111122223333","region":"eu-west-1",
            "state":"ours","owner":"lambda.amazonaws.com"}"#,
        ));
        rows
    }

    #[test]
    fn a_name_is_hidden_within_a_longer_one_that_goes_on() {
        let mut names = Names::default();
        ["ann", "ann-x", "Ann-x@example.com"].iter().for_each(|name| names.add(name, false));
        let search = names.search().expect("few names");
        assert_eq!(search.hide("ann-xy, ANN-X; joann"), "principal-1-xy, principal-2; joann");
        assert_eq!(search.hide("ann-x@example.com/ann"), "principal-3/principal-1");
    }

    #[test]
    fn values_are_gone_and_keys_and_sources_stay() {
        let mut rows = rows();
        hide_values(&mut rows);
        assert_eq!(rows.values.iter().map(String::as_str).collect::<Vec<_>>(), [""]);
        assert_eq!(rows.tags.len(), 4);
        assert_eq!(rows.owners.get_index(0).map(String::as_str), Some("ann"));
    }

    #[test]
    fn a_principal_has_one_number_wherever_its_name_stands_by_itself() {
        let mut rows = rows();
        hide_principals(&mut rows).expect("few names");
        let all = |texts: &Texts| texts.iter().cloned().collect::<Vec<_>>();
        assert_eq!(all(&rows.owners), ["principal-1", "principal-2", "lambda.amazonaws.com"]);
        assert_eq!(all(&rows.principals), ["principal-1"]);
        assert_eq!(all(&rows.values), ["principal-1", "planning", "principal-2"]);
        assert_eq!(all(&rows.reasons), ["principal-2 made the volume, principal-1 its snapshot"]);
        assert_eq!(rows.arn(&rows.rows[0]), "arn:aws:s3:::principal-1-scratch");
        assert_eq!(rows.arn(&rows.rows[1]), "arn:aws:iam::111122223333:user/principal-2");
        assert_eq!(rows.tag_sets.get_index(rows.rows[0].tags).map(Vec::len), Some(4));
    }
}
