//! The resources of an audit, as the report keeps and passes them on: each different text once, rows of numbers.

use aws_tags::audit::{Creation, FoundTag, Resource, State, TagOrigin};
use indexmap::IndexSet;

/// Different texts, numbered in the order in which they came.
pub(super) type Texts = IndexSet<String>;

/// All resources of an audit.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Starts of ARNs, up to the account.
    pub(super) prefixes: Texts,
    pub(super) types: Texts,
    pub(super) accounts: Texts,
    pub(super) regions: Texts,
    /// Owners, and whoever is guessed to be one.
    pub(super) owners: Texts,
    /// Why an owner is guessed.
    pub(super) reasons: Texts,
    pub(super) event_names: Texts,
    /// Who created.
    pub(super) principals: Texts,
    pub(super) files: Texts,
    pub(super) keys: Texts,
    pub(super) values: Texts,
    pub(super) runs: Texts,
    pub(super) tags: IndexSet<TagRow>,
    /// Numbers of the tags of a resource: many have the same.
    pub(super) tag_sets: IndexSet<Vec<usize>>,
    /// Numbers of the keys that a resource lacks.
    pub(super) key_sets: IndexSet<Vec<usize>>,
}

/// A resource. Numbers are those of the texts.
pub(super) struct Row {
    pub(super) prefix: usize,
    /// What follows the prefix in its ARN.
    pub(super) rest: String,
    pub(super) resource_type: usize,
    pub(super) account: usize,
    pub(super) region: usize,
    pub(super) state: State,
    pub(super) owner: Option<usize>,
    pub(super) creation: Option<CreationRow>,
    pub(super) missing: usize,
    pub(super) tags: usize,
    pub(super) guess: Option<GuessRow>,
}

pub(super) struct CreationRow {
    /// Seconds since 1970.
    pub(super) at: i64,
    pub(super) event: String,
    pub(super) event_name: usize,
    pub(super) principal: usize,
    pub(super) file: Option<usize>,
}

pub(super) struct GuessRow {
    pub(super) owner: usize,
    pub(super) reason: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct TagRow {
    pub(super) key: usize,
    pub(super) value: usize,
    pub(super) from: TagOrigin,
    pub(super) run: Option<usize>,
}

impl Rows {
    pub(super) fn add(&mut self, resource: Resource) {
        let (prefix, rest) = split_arn(&resource.arn);
        let creation = resource.created.as_ref().map(|creation| self.creation(creation));
        let missing: Vec<usize> = resource.missing.iter().map(|key| number(&mut self.keys, key)).collect();
        let tags: Vec<usize> = resource.tags.iter().map(|tag| self.tag(tag)).collect();
        let guess = resource.guess.map(|guess| GuessRow {
            owner: number(&mut self.owners, &guess.owner),
            reason: number(&mut self.reasons, &guess.why),
        });
        self.rows.push(Row {
            prefix: number(&mut self.prefixes, prefix),
            rest: rest.to_owned(),
            resource_type: number(&mut self.types, &resource.resource_type),
            account: number(&mut self.accounts, &resource.account),
            region: number(&mut self.regions, &resource.region),
            state: resource.state,
            owner: resource.owner.as_deref().map(|owner| number(&mut self.owners, owner)),
            creation,
            missing: self.key_sets.insert_full(missing).0,
            tags: self.tag_sets.insert_full(tags).0,
            guess,
        });
    }

    fn creation(&mut self, creation: &Creation) -> CreationRow {
        CreationRow {
            at: creation.at.unix_timestamp(),
            event: creation.event.clone(),
            event_name: number(&mut self.event_names, &creation.name),
            principal: number(&mut self.principals, &creation.by),
            file: creation.file.as_deref().map(|file| number(&mut self.files, file)),
        }
    }

    fn tag(&mut self, tag: &FoundTag) -> usize {
        let row = TagRow {
            key: number(&mut self.keys, &tag.key),
            value: number(&mut self.values, &tag.value),
            from: tag.from,
            run: tag.run.as_deref().map(|run| number(&mut self.runs, run)),
        };
        self.tags.insert_full(row).0
    }

    /// Sorts by ARN, so that nobody else has to, and takes out what is named again. Returns how many these are.
    pub(super) fn sort(&mut self) -> usize {
        let prefixes = &self.prefixes;
        self.rows.sort_by(|a, b| {
            let start = |row: &Row| prefixes.get_index(row.prefix);
            start(a).cmp(&start(b)).then_with(|| a.rest.cmp(&b.rest))
        });
        let before = self.rows.len();
        self.rows.dedup_by(|a, b| a.prefix == b.prefix && a.rest == b.rest);
        before - self.rows.len()
    }

    pub(super) fn arn(&self, row: &Row) -> String {
        format!("{}{}", text(&self.prefixes, row.prefix), row.rest)
    }
}

/// What stands in a set under a number.
pub(super) fn text(texts: &Texts, number: usize) -> &str {
    texts.get_index(number).map_or("", String::as_str)
}

/// The number of a text; a new one if it is new.
fn number(texts: &mut Texts, text: &str) -> usize {
    match texts.get_index_of(text) {
        Some(number) => number,
        None => texts.insert_full(text.to_owned()).0,
    }
}

/// An ARN up to its account, and the rest.
fn split_arn(arn: &str) -> (&str, &str) {
    let end = arn.match_indices(':').nth(4).map_or(0, |(at, _)| at + 1);
    arn.split_at(end)
}
