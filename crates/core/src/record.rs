//! A CloudTrail record, as it came: read by path, with its ARNs and times.

mod arn;
mod event;
mod format;
mod path;
pub mod timestamp;

pub(crate) use arn::is_account;
pub use arn::{Arn, partition_of};
pub use event::{Event, NotARecord, NotAnEvent};
pub(crate) use format::{Piece, pieces};
pub(crate) use path::{member, pairs, scalar, text_below};
