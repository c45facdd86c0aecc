//! What a run has to do with one resource: each of its tags, where it comes from, and what became of it.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::journal::{Act, Begun, Ended, Entry, LeftBecause};
use super::ledger::Book;
use super::plan::Planned;
use crate::record::timestamp;
use crate::tags::TagMap;

/// What plan and journals say of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The tags of the plan in its order, then what else was written, then what was there.
    pub tags: Vec<TagStory>,
    /// Why applying the plan left it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<LeftBecause>,
    /// Whether the journals name it.
    #[serde(skip)]
    pub is_in_journal: bool,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagStory {
    pub key: String,
    pub value: String,
    /// Where the value comes from, by the plan: `owner`, `session`, `iam`, `extra`, `parent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(flatten)]
    pub fate: TagFate,
}

/// What became of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum TagFate {
    /// The plan would write it; nothing was done so far.
    Planned,
    Written {
        #[serde(with = "timestamp::required")]
        at: OffsetDateTime,
    },
    TakenBack {
        #[serde(with = "timestamp::required")]
        at: OffsetDateTime,
    },
    /// The program ended during the call: the next one asks AWS what came of it.
    UnderWay {
        #[serde(with = "timestamp::required")]
        at: OffsetDateTime,
    },
    /// AWS did not take it.
    NotWritten { why: String },
    /// The resource had the key when it was to be written, by somebody else.
    Kept,
    /// Somebody has set it otherwise since, or taken it away: so undoing left it.
    Changed {
        #[serde(skip_serializing_if = "Option::is_none")]
        now: Option<String>,
    },
    /// It was there before us.
    There,
}

type Fates = BTreeMap<String, (String, TagFate)>;

/// Reads plan and journals for one resource. Entries come in the order of their numbers.
pub fn story<'a>(
    arn: &str,
    planned: Option<&Planned>,
    entries: impl Iterator<Item = (Book, &'a Entry)>,
) -> Story {
    let mut reader = Reader { arn, ..Reader::default() };
    for (book, entry) in entries {
        match entry {
            Entry::Begun(begun) => reader.begin(begun),
            Entry::Ended(ended) => reader.end(book, ended),
            Entry::Left(left) => {
                if let Some(because) = left.left.get(arn) {
                    reader.leave(book, because);
                }
            }
        }
    }
    reader.story(planned)
}

#[derive(Default)]
struct Reader<'a> {
    arn: &'a str,
    fates: Fates,
    before: Option<&'a TagMap>,
    left: Option<LeftBecause>,
    /// Calls that are begun and not ended, and what was known before each.
    open: BTreeMap<u64, (&'a Begun, Fates)>,
    is_in_journal: bool,
}

impl<'a> Reader<'a> {
    fn begin(&mut self, begun: &'a Begun) {
        let Some(before) = begun
            .arns
            .iter()
            .zip(&begun.before)
            .find_map(|(arn, before)| (arn == self.arn).then_some(before))
        else {
            return;
        };
        self.is_in_journal = true;
        self.before.get_or_insert(before);
        self.open.insert(begun.n, (begun, self.fates.clone()));
        for (key, value) in tags(begun) {
            self.fates.insert(key.clone(), (value.clone(), TagFate::UnderWay { at: begun.at }));
        }
    }

    fn end(&mut self, book: Book, ended: &Ended) {
        let is_done = ended.done.iter().any(|arn| arn == self.arn);
        let (failed, left) = (ended.failed.get(self.arn), ended.left.get(self.arn));
        if !is_done && failed.is_none() && left.is_none() {
            return;
        }
        let Some((begun, known)) = self.open.remove(&ended.n) else { return };
        let lacking = ended.lacking.get(self.arn);
        let why_not = |key: &String| match (lacking, failed) {
            (Some(lacking), _) => lacking.get(key).cloned(),
            (None, failed) => failed.cloned(),
        };
        for (key, value) in tags(begun) {
            let fate = match (why_not(key), begun.act) {
                _ if left.is_some() => None,
                (Some(why), Act::Tag) => Some(TagFate::NotWritten { why }),
                // It is as it was.
                (Some(_), Act::Untag) => None,
                (None, Act::Tag) => Some(TagFate::Written { at: begun.at }),
                (None, Act::Untag) => Some(TagFate::TakenBack { at: begun.at }),
            };
            let known = known.get(key).cloned();
            match fate.map(|fate| (value.clone(), fate)).or(known) {
                Some(now) => drop(self.fates.insert(key.clone(), now)),
                None => drop(self.fates.remove(key)),
            }
        }
        if let Some(because) = left {
            self.leave(book, because);
        }
    }

    fn leave(&mut self, book: Book, because: &LeftBecause) {
        self.is_in_journal = true;
        match (book, because) {
            (Book::Apply, _) | (_, LeftBecause::Gone(_)) => self.left = Some(because.clone()),
            (Book::Undo, LeftBecause::NotOurs(keys)) => {
                for (key, now) in keys {
                    if let Some((_, fate)) = self.fates.get_mut(key) {
                        *fate = TagFate::Changed { now: now.clone() };
                    }
                }
            }
            // What was to be put back stays taken back.
            (Book::Undo, _) => {}
        }
    }

    fn story(mut self, planned: Option<&Planned>) -> Story {
        let before = self.before.cloned().unwrap_or_default();
        let mut tags: Vec<TagStory> = Vec::new();
        for tag in planned.iter().flat_map(|planned| &planned.add) {
            let (value, fate) = self.fates.remove(&tag.key).unwrap_or_else(|| match before.get(&tag.key) {
                Some(there) => (there.clone(), TagFate::Kept),
                None => (tag.value.clone(), TagFate::Planned),
            });
            let source = (fate != TagFate::Kept).then(|| tag.source.clone());
            tags.push(TagStory { key: tag.key.clone(), value, source, fate });
        }
        let more = std::mem::take(&mut self.fates).into_iter();
        tags.extend(more.map(|(key, (value, fate))| TagStory { key, value, source: None, fate }));
        // What the plan saw, where nothing was read since.
        let seen = planned.map(|planned| planned.keep.clone()).unwrap_or_default();
        let there: TagMap = seen.into_iter().chain(before).collect();
        for (key, value) in there {
            if !tags.iter().any(|tag| tag.key == key) {
                tags.push(TagStory { key, value, source: None, fate: TagFate::There });
            }
        }
        Story { tags, left: self.left, is_in_journal: self.is_in_journal }
    }
}

const fn tags(begun: &Begun) -> &TagMap {
    match begun.act {
        Act::Tag => &begun.add,
        Act::Untag => &begun.remove,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::journal::Left;

    const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn map(pairs: &[(&str, &str)]) -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn begun(n: u64, act: Act, tags: &[(&str, &str)]) -> Entry {
        let (add, remove) = match act {
            Act::Tag => (map(tags), TagMap::new()),
            Act::Untag => (TagMap::new(), map(tags)),
        };
        let (arns, types) = (vec!["a".to_owned()], vec!["sqs:queue".to_owned()]);
        let (account, region) = ("1".to_owned(), "r".to_owned());
        let before = vec![map(&[("Env", "prod")])];
        Entry::Begun(Begun { n, at: AT, act, account, region, arns, types, add, remove, before })
    }

    fn ended(n: u64, lacking: &[(&str, &str)]) -> Entry {
        let mut ended = Ended { n, done: vec!["a".to_owned()], ..Ended::default() };
        if !lacking.is_empty() {
            ended.lacking.insert("a".to_owned(), map(lacking).into_iter().collect());
        }
        Entry::Ended(ended)
    }

    fn fates(entries: &[(Book, Entry)]) -> Vec<(String, TagFate)> {
        let planned: Planned = serde_json::from_str(
            r#"{"arn":"a","type":"sqs:queue","account":"1","region":"r","state":"add","event":{"name":"CreateQueue"},
            "add":[{"key":"Owner","value":"ann","source":"owner"},{"key":"Team","value":"web","source":"session"}]}"#,
        )
        .expect("a line of the plan");
        let told = story("a", Some(&planned), entries.iter().map(|(book, entry)| (*book, entry)));
        told.tags.into_iter().map(|tag| (tag.key, tag.fate)).collect()
    }

    fn shown(fates: &[(String, TagFate)]) -> Vec<(&str, &TagFate)> {
        fates.iter().map(|(key, fate)| (key.as_str(), fate)).collect()
    }

    #[test]
    fn tags_are_planned_then_under_way_then_written_then_taken_back() {
        use Act::{Tag, Untag};
        use Book::{Apply, Undo};
        let both = [("Owner", "ann"), ("Team", "web")];
        let steps = [
            (Apply, begun(1, Tag, &both)),
            (Apply, ended(1, &[("Team", "InvalidTag: no")])),
            (Undo, begun(2, Untag, &both[..1])),
            (Undo, ended(2, &[])),
        ];
        let refused = TagFate::NotWritten { why: "InvalidTag: no".to_owned() };
        let there = ("Env", &TagFate::There);
        let under_way = TagFate::UnderWay { at: AT };
        for (count, owner, team) in [
            (1, &under_way, &under_way),
            (2, &TagFate::Written { at: AT }, &refused),
            (3, &under_way, &refused),
            (4, &TagFate::TakenBack { at: AT }, &refused),
        ] {
            assert_eq!(shown(&fates(&steps[..count])), [("Owner", owner), ("Team", team), there], "{count}");
        }
        assert_eq!(shown(&fates(&[])), [("Owner", &TagFate::Planned), ("Team", &TagFate::Planned)]);
    }

    #[test]
    fn what_undoing_found_changed_is_said_with_what_it_is_now() {
        let not_ours = LeftBecause::NotOurs(BTreeMap::from([("Owner".to_owned(), Some("bo".to_owned()))]));
        let left = Left { n: 2, at: AT, left: BTreeMap::from([("a".to_owned(), not_ours)]) };
        let told = fates(&[
            (Book::Apply, begun(1, Act::Tag, &[("Owner", "ann")])),
            (Book::Apply, ended(1, &[])),
            (Book::Undo, Entry::Left(left)),
        ]);
        assert_eq!(told[0], ("Owner".to_owned(), TagFate::Changed { now: Some("bo".to_owned()) }));
    }

    #[test]
    fn a_call_that_failed_to_untag_leaves_what_was_known() {
        let failed = BTreeMap::from([("a".to_owned(), "AccessDenied".to_owned())]);
        let told = fates(&[
            (Book::Apply, begun(1, Act::Tag, &[("Owner", "ann")])),
            (Book::Apply, ended(1, &[])),
            (Book::Undo, begun(2, Act::Untag, &[("Owner", "ann")])),
            (Book::Undo, Entry::Ended(Ended { n: 2, failed, ..Ended::default() })),
        ]);
        assert_eq!(told[0], ("Owner".to_owned(), TagFate::Written { at: AT }));
    }
}
