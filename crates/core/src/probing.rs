//! What a probe asks AWS about types of resources, and what a maintainer takes over of its answers.
//!
//! The Resource Groups Tagging API decides by resource type what it tags, and documents services only. So
//! it is asked, about resources that surely do not exist: see [`Invented`]. What it and the services' own
//! operations say is kept as [`ProbedTypes`], in a file that the catalog reads.

mod evidence;
mod invented;

pub use evidence::{
    Header, Observed, OwnAnswer, ProbedType, ProbedTypes, RegionKind, TaggingApiAnswer, Unreadable,
};
pub use invented::{Invented, Location, Spelling};

/// The only tag that a probe asks for: its key and its value.
pub const TAG: (&str, &str) = ("aws-tags:probe", "nothing is here");
