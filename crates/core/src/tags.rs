//! Tags: keys, values and where they come from, and AWS's limits.
//!
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// Tag keys and values, sorted by key.
pub type TagMap = BTreeMap<String, String>;

/// A tag and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// Key, in the case of its source.
    pub key: String,
    pub value: String,
    pub source: TagSource,
}

/// Where a tag comes from, the most important source first: a resource that cannot take all tags
/// loses the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagSource {
    /// The owner that this program states.
    Owner,
    /// A tag of the session.
    Session,
    /// A tag of the IAM role or user.
    Iam,
    /// `PrincipalId`, and tags made from templates.
    Extra,
    /// The resource for which a service created it.
    Parent,
}

impl TagSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Session => "session",
            Self::Iam => "iam",
            Self::Extra => "extra",
            Self::Parent => "parent",
        }
    }
}

impl TagSource {
    /// The source that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Owner, Self::Session, Self::Iam, Self::Extra, Self::Parent];
        all.into_iter().find(|source| source.as_str() == text)
    }
}

impl fmt::Display for TagSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The tag that asks to leave alone whatever carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipMark {
    pub key: String,
    /// The value that it must have; `None` is any.
    pub(crate) value: Option<String>,
}

impl SkipMark {
    /// Whether one of the tags is the mark, keys compared as their place compares them.
    pub(crate) fn is_among<'a>(
        &self,
        tags: impl IntoIterator<Item = (&'a String, &'a String)>,
        same_key: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let is_mark = |(key, value): (&String, &String)| {
            same_key(key, &self.key) && self.value.as_ref().is_none_or(|wanted| wanted == value)
        };
        tags.into_iter().any(is_mark)
    }

    /// Whether a principal or its session carries it: there, keys are case-insensitive.
    pub(crate) fn is_on_caller(&self, tags: &TagMap) -> bool {
        self.is_among(tags, str::eq_ignore_ascii_case)
    }
}

/// Longest key, in characters.
pub(crate) const KEY_LENGTH: usize = 128;
/// Longest value, in characters.
pub(crate) const VALUE_LENGTH: usize = 256;
/// Limit on the user tags of most resources.
pub(crate) const TAGS_PER_RESOURCE: usize = 50;
/// Prefix of keys that AWS reserves, case-insensitive.
const RESERVED: &str = "aws:";

/// Inserts a tag; it replaces one whose key differs only in case.
///
/// Session and IAM tag keys are case-insensitive, resource tag keys are not.
pub(crate) fn insert_case_insensitive(tags: &mut TagMap, key: String, value: String) {
    tags.retain(|known, _| !known.eq_ignore_ascii_case(&key));
    tags.insert(key, value);
}

/// A key as readers see it: keys that look alike, in any case, are equal.
///
/// Look-alikes are those of Unicode's confusables, e.g. a Cyrillic `О`, full-width letters, or `l` for
/// `I`; surrounding space and invisible characters do not count.
/// <https://www.unicode.org/reports/tr39/#Confusable_Detection>
#[derive(Clone, Debug)]
pub(crate) struct Appearance([String; 2]);

impl Appearance {
    pub(crate) fn of(key: &str) -> Self {
        let visible: String = key.nfkc().filter(|c| !is_invisible(*c)).collect();
        let visible = visible.trim();
        let plain = |text: &str| skeleton(text).collect::<String>().to_lowercase();
        // `I` looks like `l`, and in lower case like no other letter: both forms are compared.
        Self([plain(visible), plain(&visible.to_lowercase())])
    }
}

impl PartialEq for Appearance {
    fn eq(&self, other: &Self) -> bool {
        self.0[0] == other.0[0] || self.0[1] == other.0[1]
    }
}

/// Controls and characters without a glyph: zero-width ones, joiners, directions, tags, fillers, and
/// what selects variants.
/// <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The alphabet of tag keys and values: letters, digits, spaces and `_ . : / = + - @`.
pub(crate) fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

pub(crate) fn starts_reserved(key: &str) -> bool {
    key.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

pub(crate) fn too_long(text: &str, limit: usize) -> bool {
    text.chars().count() > limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_readers_take_for_another_are_equal() {
        for key in [
            "owner",
            "OWNER",
            "Owner ",
            "Owner\u{a0}",
            "\u{3000}Owner",
            "\u{200b}Owner",
            "O\u{ad}wner",
            "\u{41e}wner",
            "\u{ff2f}\u{ff37}\u{ff2e}\u{ff25}\u{ff32}",
            "0wner",
            "Ow\u{200d}ner\u{fe0f}",
            "Оwnеr",
            "\u{202e}Owner",
        ] {
            assert_eq!(Appearance::of(key), Appearance::of("Owner"), "{key:?}");
        }
        for key in ["principalid", "PrincipaIId", "Principa1Id", "PRINCIPALID", "PrіncіpalId"] {
            assert_eq!(Appearance::of(key), Appearance::of("PrincipalId"), "{key:?}");
        }
    }

    #[test]
    fn other_keys_are_not() {
        for key in ["Owners", "Own er", "Ower", "CostCenter", "", "Ownеr2"] {
            assert_ne!(Appearance::of(key), Appearance::of("Owner"), "{key:?}");
        }
    }
}
