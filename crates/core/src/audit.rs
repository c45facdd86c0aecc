//! What `aws-tags audit --json` writes and `aws-tags report` reads: JSON Lines, a head, then a line for each resource.
//!
//! Both sides use these types, so that they cannot differ. A line may have fields that a later version added; what is
//! absent here is optional there.

mod guess;
mod line;
mod state;
mod tally;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use guess::Guesses;
pub use line::{Line, LineError};
pub use state::{Known, Rules, value};
pub use tally::{Coverage, Tally};

/// The version of this format. Fields may be added without a new one.
pub const VERSION: u32 = 1;

/// When and of what an audit was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub version: u32,
    #[serde(with = "instant")]
    pub at: OffsetDateTime,
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Keys of the tags that each resource should have.
    pub required: Vec<String>,
    pub inventory: Vec<Inventory>,
    /// How many resources follow: with fewer, it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<u64>,
    /// Whether there may be resources that no inventory showed.
    pub partial: bool,
}

/// A list of resources that the audit could use, and what it cannot show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    pub source: InventorySource,
    pub account: String,
    pub region: String,
    /// How many resources it showed.
    pub resources: u64,
    /// Kinds of resources that exist and that it does not show, in words.
    #[serde(default)]
    pub cannot_see: Vec<String>,
}

/// Who tells which resources there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InventorySource {
    /// Resource Explorer.
    ListResources,
    /// The tagging API, which never shows what was never tagged.
    GetResources,
    /// The services' own list operations.
    #[serde(rename = "service lists")]
    ServiceLists,
    /// Creations in CloudTrail's history.
    #[serde(rename = "history")]
    History,
}

impl InventorySource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ListResources => "ListResources",
            Self::GetResources => "GetResources",
            Self::ServiceLists => "service lists",
            Self::History => "history",
        }
    }
}

/// A resource that exists, and which tags it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub arn: String,
    /// As in the Service Authorization Reference: `sqs:queue`.
    #[serde(rename = "type")]
    pub resource_type: String,
    pub account: String,
    pub region: String,
    pub state: State,
    /// Which event created it, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Creation>,
    /// Whose it is: by its tag, or by the event that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The required keys that it lacks.
    #[serde(default)]
    pub missing: Vec<String>,
    #[serde(default)]
    pub tags: Vec<FoundTag>,
    /// Whose it may be, where nothing certain is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
}

/// How well a resource is tagged. Each resource is in exactly one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has every required tag, and its owner tag has the value that we wrote or that the history names.
    Ours,
    /// It has every required tag, and another owner, or one of whom nothing says that we wrote it.
    TaggedOtherwise,
    /// It lacks a required tag, and a tag or the history names its owner.
    Incomplete,
    /// It lacks a required tag, and nothing names its owner for certain.
    OwnerUnknown,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Ours, Self::TaggedOtherwise, Self::Incomplete, Self::OwnerUnknown];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::TaggedOtherwise => "tagged-otherwise",
            Self::Incomplete => "incomplete",
            Self::OwnerUnknown => "owner-unknown",
        }
    }

    /// Whether it has every required tag.
    pub const fn is_covered(self) -> bool {
        matches!(self, Self::Ours | Self::TaggedOtherwise)
    }
}

/// The event that created a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Creation {
    #[serde(with = "instant")]
    pub at: OffsetDateTime,
    /// Its `eventID`.
    pub event: String,
    /// Its `eventName`.
    pub name: String,
    /// ARN of the principal.
    pub by: String,
    /// The file of the trail that has it; none where CloudTrail's history told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A tag that a resource has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundTag {
    pub key: String,
    pub value: String,
    pub from: TagOrigin,
    /// The run of ours that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Where a tag that a resource has came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagOrigin {
    /// The principal: `Owner` and `PrincipalId`.
    Principal,
    /// A tag of the principal's role or user.
    Iam,
    /// A tag of the principal's session.
    Session,
    /// The resource for which a service created it.
    Parent,
    /// `EXTRA_TAGS`.
    Extra,
    /// The request that created the resource.
    Request,
    /// Somebody else, or nobody knows.
    Other,
}

impl TagOrigin {
    pub const ALL: [Self; 7] =
        [Self::Principal, Self::Iam, Self::Session, Self::Parent, Self::Extra, Self::Request, Self::Other];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Iam => "iam",
            Self::Session => "session",
            Self::Parent => "parent",
            Self::Extra => "extra",
            Self::Request => "request",
            Self::Other => "other",
        }
    }
}

/// Whose a resource may be, and what speaks for it. Never written as a tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    pub owner: String,
    /// Why, e.g. `created the instance i-… to which it is attached`.
    pub why: String,
}

/// Instants as `2026-11-26T20:00:00Z`, read in any of CloudTrail's spellings.
mod instant {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use time::OffsetDateTime;

    use crate::record::timestamp;

    pub(super) fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&timestamp::format(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OffsetDateTime, D::Error> {
        let text = String::deserialize(from)?;
        timestamp::parse(&text).ok_or_else(|| D::Error::custom(format!("expected a time, found `{text}`")))
    }
}
