//! The journal of a run: what was about to be written, and what became of it, a line each. It is the only proof of
//! whose a tag is, so that each line carries its own checksum.
//!
//! A line says what will be done before it is done, with the tags that were there; another says what came of it. What
//! has the first and not the second was under way when the program ended, and AWS tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::record::timestamp;
use crate::tags::TagMap;

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Something is about to be done.
    Begun(Begun),
    /// It is done, or not.
    Ended(Ended),
    /// Resources to which nothing was done, for good, and why.
    Left(Left),
}

/// A call that is about to be made, for resources of one account and Region that get, or lose, the same tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Its number in this journal.
    pub n: u64,
    #[serde(with = "timestamp::required")]
    pub at: OffsetDateTime,
    #[serde(rename = "do")]
    pub act: Act,
    pub account: String,
    pub region: String,
    pub arns: Vec<String>,
    /// Their resource types, in the same order.
    pub types: Vec<String>,
    /// The tags that they get.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub add: TagMap,
    /// The tags that they lose, with the values that those have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remove: TagMap,
    /// All tags that they had, in the same order.
    pub before: Vec<TagMap>,
}

/// What is done with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    Tag,
    Untag,
}

/// What came of a call. Resources that it does not name are still under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    pub n: u64,
    pub done: Vec<String>,
    /// What failed, with AWS's code and message. It is tried again by the next run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, String>,
    /// Keys that it was not done with after all, by resource, each with the reason. Of a resource that failed, the
    /// other keys are done; of one that failed and is not here, none is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lacking: BTreeMap<String, BTreeMap<String, String>>,
    /// What is not there any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<String, LeftBecause>,
}

/// Resources to which nothing is done, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    pub n: u64,
    #[serde(with = "timestamp::required")]
    pub at: OffsetDateTime,
    pub left: BTreeMap<String, LeftBecause>,
}

/// Why nothing is done to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftBecause {
    /// AWS says that it does not exist.
    Gone(String),
    /// It has all that it would get, by somebody else: these keys were added since the plan.
    Complete(Vec<String>),
    /// It has the mark of another creator, which it had not when it was planned.
    OthersMark(String),
    /// It carries the skip mark.
    SkipMark,
    /// It was created later than the event that the plan goes by.
    MadeAgain(String),
    /// None of the tags that would be taken back is ours any more: what each key has now, where it is there.
    NotOurs(BTreeMap<String, Option<String>>),
    /// It takes no more tags.
    NoRoom(Vec<String>),
}

impl LeftBecause {
    /// What keys that were ours have become, where that is the reason.
    pub const fn others(&self) -> Option<&BTreeMap<String, Option<String>>> {
        match self {
            Self::NotOurs(others) => Some(others),
            _ => None,
        }
    }

    /// In a word, for counts.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Gone(_) => "gone",
            Self::Complete(_) => "complete",
            Self::OthersMark(_) => "others-mark",
            Self::SkipMark => "skip-mark",
            Self::MadeAgain(_) => "made-again",
            Self::NotOurs(_) => "not-ours",
            Self::NoRoom(_) => "no-room",
        }
    }
}

/// Why a line is no line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    #[error("it has no checksum at its end")]
    NoChecksum,
    #[error("its checksum does not fit: it was changed, or is damaged")]
    WrongChecksum,
    #[error("{0}")]
    Unknown(String),
}

/// What stands before the checksum.
const CHECKSUM: &str = ",\"crc\":\"";

impl Entry {
    /// As a line, without its end.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        let mut line = match self {
            Self::Begun(begun) => serde_json::to_string(begun)?,
            Self::Ended(ended) => serde_json::to_string(ended)?,
            Self::Left(left) => serde_json::to_string(left)?,
        };
        line.pop();
        let checksum = crc32fast::hash(line.as_bytes());
        line.push_str(&format!("{CHECKSUM}{checksum:08x}\"}}"));
        Ok(line)
    }

    /// A line, without its end, if it is whole.
    pub fn parse(line: &str) -> Result<Self, Flaw> {
        let (text, checksum) = line.rsplit_once(CHECKSUM).ok_or(Flaw::NoChecksum)?;
        let checksum = checksum.strip_suffix("\"}").filter(|digits| digits.len() == 8);
        let checksum = checksum.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if checksum.ok_or(Flaw::NoChecksum)? != crc32fast::hash(text.as_bytes()) {
            return Err(Flaw::WrongChecksum);
        }
        let unknown = |error: serde_json::Error| Flaw::Unknown(error.to_string());
        let value: Value = serde_json::from_str(&format!("{text}}}")).map_err(unknown)?;
        let entry = match (value.get("do"), value.get("done")) {
            (Some(_), _) => serde_json::from_value(value).map(Self::Begun),
            (None, Some(_)) => serde_json::from_value(value).map(Self::Ended),
            (None, None) => serde_json::from_value(value).map(Self::Left),
        };
        let entry = entry.map_err(unknown)?;
        match &entry {
            Self::Begun(begun)
                if [begun.types.len(), begun.before.len()].iter().any(|len| *len != begun.arns.len()) =>
            {
                Err(Flaw::Unknown("`arns`, `types` and `before` are not of one length".to_owned()))
            }
            _ => Ok(entry),
        }
    }

    /// Its number; both lines of a call have the same.
    pub const fn number(&self) -> u64 {
        match self {
            Self::Begun(Begun { n, .. }) | Self::Ended(Ended { n, .. }) | Self::Left(Left { n, .. }) => *n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn begun() -> Begun {
        let tag = |key: &str, value: &str| TagMap::from([(key.to_owned(), value.to_owned())]);
        Begun {
            n: 17,
            at: OffsetDateTime::from_unix_timestamp(1_795_724_112).expect("a time"),
            act: Act::Tag,
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            arns: vec!["arn:aws:sqs:eu-west-1:111122223333:orders".to_owned()],
            types: vec!["sqs:queue".to_owned()],
            add: tag("Owner", "a,\"crc\":\"00000000\"}"),
            remove: TagMap::new(),
            before: vec![tag("Env", "prod")],
        }
    }

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let ended = Ended {
            n: 17,
            done: vec!["a".to_owned()],
            failed: BTreeMap::from([("b".to_owned(), "AccessDenied: no".to_owned())]),
            left: BTreeMap::from([("c".to_owned(), LeftBecause::Gone("NoSuchEntity".to_owned()))]),
            ..Ended::default()
        };
        let left =
            Left { n: 18, at: begun().at, left: BTreeMap::from([("d".into(), LeftBecause::SkipMark)]) };
        for entry in [Entry::Begun(begun()), Entry::Ended(ended), Entry::Left(left)] {
            let line = entry.line().expect("JSON");
            assert_eq!(Entry::parse(&line), Ok(entry), "{line}");
            serde_json::from_str::<Value>(&line).expect("the line itself is JSON");
        }
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_noticed() {
        let line = Entry::Begun(begun()).line().expect("JSON");
        for at in 0..line.len() {
            assert!(Entry::parse(&line[..at]).is_err(), "cut at {at}");
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(Entry::parse(&changed).is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn lists_of_different_lengths_are_no_line() {
        let entry = Entry::Begun(Begun { types: Vec::new(), ..begun() });
        let error = Entry::parse(&entry.line().expect("JSON")).expect_err("no types");
        assert!(error.to_string().contains("one length"), "{error}");
    }
}
