//! Reads trails as fast as they unpack: of twenty records nineteen say nothing about whose a resource is, and
//! those are never parsed.
//!
//! ```text
//! file ──► Unpacker ──► Scanner: names by their bytes, bounds by structure ──► hits ──► record::read
//!                            │                                                             │ kind, filters
//!                            └──► Shape::Other: not plainly a trail's file                 ▼
//!                                 (a slow reader's business)                            Found ──► Seen: each once
//! ```
//!
//! A text in a record cannot pass for a record: bounds come from brackets and strings alone, a name that the byte
//! search finds only says which records to parse, and what is kept is decided by the record's own fields.
//! Whatever is odd (escaped keys, doubled keys, numbers out of range) is left to `serde_json` and the core.

mod blocks;
mod filter;
mod found;
mod judge;
mod names;
mod pack;
mod record;
mod seen;
mod stream;
mod trail;
mod unpack;

pub use filter::{Filter, PathSays};
pub use found::{Flaw, Found, Ids, Kept, without_tokens};
pub use judge::{TOO_MANY_VALUES, has_too_many_values};
pub use pack::Packer;
pub use seen::{Seen, Spilled};
pub use trail::{LONGEST_RECORD, Scanner, Shape};
pub use unpack::{Unpacked, Unpacker};
