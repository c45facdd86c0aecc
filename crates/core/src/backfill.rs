//! The past: what of a trail matters, what it says of resources that are there already, what is written to them, and
//! taken back.

pub mod asked;
pub mod claim;
pub mod deploys;
pub mod ended;
pub mod journal;
pub mod ledger;
pub mod plan;
pub mod relevance;
pub mod sessions;
pub mod story;
pub mod verdict;
pub mod writing;
