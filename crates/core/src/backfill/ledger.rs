//! What the journals of a run say when they are read from beginning to end: which tags are ours, what is done, and what
//! was under way when a program ended.

use std::collections::BTreeMap;

use super::journal::{Act, Begun, Ended, Entry, Left, LeftBecause};
use crate::tags::TagMap;

/// One of the two journals of a run. Their entries are numbered together, so that they can be read in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Book {
    /// What applying the plan did.
    Apply,
    /// What undoing that did, and redoing it.
    Undo,
}

/// What is known of all resources.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    of: BTreeMap<String, Standing>,
    open: BTreeMap<u64, (Book, Begun)>,
    last: u64,
}

/// What is known of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub resource_type: String,
    pub account: String,
    pub region: String,
    /// The tags that we wrote, and have neither taken back nor found changed.
    pub written: TagMap,
    /// Those that we took back.
    pub removed: TagMap,
    /// All tags that it had before we first wrote any.
    pub before: Option<TagMap>,
    /// Whether applying the plan has ended for it.
    pub settled: Option<Settled>,
    /// The last failure, if nothing came after it.
    pub failed: Option<String>,
    /// Keys that AWS did not take, each with its reason.
    pub lacking: BTreeMap<String, String>,
}

/// How applying the plan ended for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Tagged,
    Left(LeftBecause),
}

/// An entry that does not fit those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it ends call {0}, which no line before it began")]
pub struct Unbegun(u64);

impl Ledger {
    /// Takes the next entry of a journal. Entries come in the order of their numbers.
    pub fn take(&mut self, book: Book, entry: Entry) -> Result<(), Unbegun> {
        self.last = self.last.max(entry.number());
        match entry {
            Entry::Begun(begun) => self.begin(book, begun),
            Entry::Ended(ended) => self.end(ended)?,
            Entry::Left(Left { left, .. }) => {
                for (arn, because) in left {
                    self.leave(book, &arn, because);
                }
            }
        }
        Ok(())
    }

    /// The number of the next entry.
    pub const fn next(&self) -> u64 {
        self.last.saturating_add(1)
    }

    /// All resources that the journals name.
    pub fn all(&self) -> &BTreeMap<String, Standing> {
        &self.of
    }

    pub fn of(&self, arn: &str) -> Option<&Standing> {
        self.of.get(arn)
    }

    /// The calls that were under way when a program ended, with the resources of which nothing else is known.
    pub fn open(&self) -> impl Iterator<Item = &(Book, Begun)> {
        self.open.values()
    }

    fn begin(&mut self, book: Book, begun: Begun) {
        let named = begun.arns.iter().zip(&begun.types).zip(&begun.before);
        for ((arn, resource_type), before) in named {
            let standing = self.of.entry(arn.clone()).or_default();
            standing.resource_type.clone_from(resource_type);
            standing.account.clone_from(&begun.account);
            standing.region.clone_from(&begun.region);
            standing.failed = None;
            standing.before.get_or_insert_with(|| before.clone());
        }
        self.open.insert(begun.n, (book, begun));
    }

    fn end(&mut self, ended: Ended) -> Result<(), Unbegun> {
        let (book, mut begun) = self.open.remove(&ended.n).ok_or(Unbegun(ended.n))?;
        for arn in &ended.done {
            self.did(&begun, arn, ended.lacking.get(arn));
            let standing = self.of.entry(arn.clone()).or_default();
            if book == Book::Apply {
                standing.settled = Some(Settled::Tagged);
            }
        }
        for (arn, failure) in &ended.failed {
            // Of one that is not among them, nothing was done.
            if let Some(lacking) = ended.lacking.get(arn) {
                self.did(&begun, arn, Some(lacking));
            }
            self.of.entry(arn.clone()).or_default().failed = Some(failure.clone());
        }
        let known = |arn: &String| {
            ended.done.contains(arn) || ended.failed.contains_key(arn) || ended.left.contains_key(arn)
        };
        begun.keep(|arn| !known(arn));
        if !begun.arns.is_empty() {
            self.open.insert(ended.n, (book, begun));
        }
        for (arn, because) in ended.left {
            self.leave(book, &arn, because);
        }
        Ok(())
    }

    /// The keys of a call that it was done with are ours, or no longer.
    fn did(&mut self, begun: &Begun, arn: &str, lacking: Option<&BTreeMap<String, String>>) {
        let standing = self.of.entry(arn.to_owned()).or_default();
        let is_done = |key: &String| lacking.is_none_or(|lacking| !lacking.contains_key(key));
        let (from, into, tags) = match begun.act {
            Act::Tag => (&mut standing.removed, &mut standing.written, &begun.add),
            Act::Untag => (&mut standing.written, &mut standing.removed, &begun.remove),
        };
        for (key, value) in tags.iter().filter(|(key, _)| is_done(key)) {
            from.remove(key);
            into.insert(key.clone(), value.clone());
        }
        standing.lacking = lacking.cloned().unwrap_or_default();
    }

    fn leave(&mut self, book: Book, arn: &str, because: LeftBecause) {
        let standing = self.of.entry(arn.to_owned()).or_default();
        standing.failed = None;
        match (book, &because) {
            (Book::Apply, _) => standing.settled = Some(Settled::Left(because)),
            (Book::Undo, LeftBecause::Gone(_)) => {
                standing.written.clear();
                standing.removed.clear();
            }
            (Book::Undo, LeftBecause::NotOurs(keys)) => {
                standing.written.retain(|key, _| !keys.contains_key(key))
            }
            (Book::Undo, LeftBecause::Complete(keys) | LeftBecause::NoRoom(keys)) => {
                standing.removed.retain(|key, _| !keys.contains(key));
            }
            (Book::Undo, _) => standing.removed.clear(),
        }
    }
}

impl Begun {
    /// Keeps only these resources.
    pub fn keep(&mut self, wanted: impl Fn(&String) -> bool) {
        let kept: Vec<bool> = self.arns.iter().map(wanted).collect();
        fn those<T>(of: &mut Vec<T>, kept: &[bool]) {
            let mut nth = kept.iter();
            of.retain(|_| nth.next().copied().unwrap_or(false));
        }
        those(&mut self.arns, &kept);
        those(&mut self.types, &kept);
        those(&mut self.before, &kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn tags(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn begun(n: u64, act: Act, arns: &[&str], tags: TagMap) -> Entry {
        let (add, remove) = match act {
            Act::Tag => (tags, TagMap::new()),
            Act::Untag => (TagMap::new(), tags),
        };
        let each = |text: &str| arns.iter().map(|_| text.to_owned()).collect::<Vec<_>>();
        Entry::Begun(Begun {
            n,
            at: OffsetDateTime::UNIX_EPOCH,
            act,
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            arns: arns.iter().map(|arn| (*arn).to_owned()).collect(),
            types: each("sqs:queue"),
            add,
            remove,
            before: arns.iter().map(|_| TagMap::new()).collect(),
        })
    }

    fn ended(n: u64, done: &[&str]) -> Ended {
        Ended { n, done: done.iter().map(|arn| (*arn).to_owned()).collect(), ..Ended::default() }
    }

    fn ledger(entries: Vec<(Book, Entry)>) -> Ledger {
        let mut ledger = Ledger::default();
        for (book, entry) in entries {
            ledger.take(book, entry).expect("it fits");
        }
        ledger
    }

    fn lacking(arn: &str, key: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        BTreeMap::from([(arn.to_owned(), BTreeMap::from([(key.to_owned(), "no".to_owned())]))])
    }

    #[test]
    fn what_is_begun_and_not_ended_is_open_and_nothing_of_it_is_ours() {
        let both = tags(&[("Owner", "ann"), ("Team", "web")]);
        let ledger = ledger(vec![
            (Book::Apply, begun(1, Act::Tag, &["a", "b"], both.clone())),
            (Book::Apply, Entry::Ended(Ended { lacking: lacking("a", "Team"), ..ended(1, &["a"]) })),
        ]);
        assert_eq!(ledger.of("a").expect("a").written, tags(&[("Owner", "ann")]));
        assert_eq!(ledger.of("a").expect("a").settled, Some(Settled::Tagged));
        assert_eq!(
            ledger.of("b").expect("b"),
            &Standing { written: TagMap::new(), settled: None, ..ledger.of("b").expect("b").clone() }
        );
        let open: Vec<_> = ledger.open().collect();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].1.arns, ["b"]);
        assert_eq!(ledger.next(), 2);
    }

    #[test]
    fn of_what_failed_only_what_the_journal_says_was_written_is_ours() {
        let both = tags(&[("Owner", "ann"), ("Team", "web")]);
        let failed = |lacking| Ended {
            failed: BTreeMap::from([("a".to_owned(), "Throttling".to_owned())]),
            lacking,
            ..ended(1, &[])
        };
        for (lacking, written) in
            [(BTreeMap::new(), tags(&[])), (lacking("a", "Owner"), tags(&[("Team", "web")]))]
        {
            let ledger = ledger(vec![
                (Book::Apply, begun(1, Act::Tag, &["a"], both.clone())),
                (Book::Apply, Entry::Ended(failed(lacking))),
            ]);
            let standing = ledger.of("a").expect("a");
            assert_eq!((standing.written.clone(), &standing.settled), (written, &None));
            assert_eq!(standing.failed.as_deref(), Some("Throttling"));
        }
    }

    #[test]
    fn undoing_and_redoing_is_read_in_order() {
        let owner = tags(&[("Owner", "ann")]);
        let mut entries = vec![
            (Book::Apply, begun(1, Act::Tag, &["a"], owner.clone())),
            (Book::Apply, Entry::Ended(ended(1, &["a"]))),
            (Book::Undo, begun(2, Act::Untag, &["a"], owner.clone())),
            (Book::Undo, Entry::Ended(ended(2, &["a"]))),
        ];
        let undone = ledger(entries.clone());
        assert_eq!(undone.of("a").expect("a").written, tags(&[]));
        assert_eq!(undone.of("a").expect("a").removed, owner);
        entries.push((Book::Undo, begun(3, Act::Tag, &["a"], owner.clone())));
        entries.push((Book::Undo, Entry::Ended(ended(3, &["a"]))));
        let redone = ledger(entries);
        assert_eq!(redone.of("a").expect("a").written, owner);
        assert_eq!(redone.of("a").expect("a").removed, tags(&[]));
    }

    #[test]
    fn what_somebody_has_changed_is_not_ours_any_more() {
        let both = tags(&[("Owner", "ann"), ("Team", "web")]);
        let not_ours = LeftBecause::NotOurs(BTreeMap::from([("Owner".to_owned(), Some("bo".to_owned()))]));
        let left =
            Left { n: 2, at: OffsetDateTime::UNIX_EPOCH, left: BTreeMap::from([("a".to_owned(), not_ours)]) };
        let ledger = ledger(vec![
            (Book::Apply, begun(1, Act::Tag, &["a"], both)),
            (Book::Apply, Entry::Ended(ended(1, &["a"]))),
            (Book::Undo, Entry::Left(left)),
        ]);
        assert_eq!(ledger.of("a").expect("a").written, tags(&[("Team", "web")]));
    }

    #[test]
    fn an_end_without_a_beginning_does_not_fit() {
        let error = Ledger::default().take(Book::Apply, Entry::Ended(ended(4, &["a"])));
        assert_eq!(error, Err(Unbegun(4)));
    }
}
