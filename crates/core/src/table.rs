//! The table: which calls create which resources, where a record names them, how they are tagged.
//!
//! One file per event source, one row per call and type of resource. Rows are `const`: a cold start
//! pays nothing for them, and [`rows`] finds those of a call by an index made at compile time.
//! [`BY_HAND`] wins over [`GENERATED`], which holds the rest of AWS, made by `crates/catalog` from
//! AWS's own descriptions.

mod extract;
mod generated;
mod index;
mod row;
mod services;
pub mod tag_operation;

pub use extract::{Creation, LocateError, Lookup, Resource, created};
pub use generated::SERVICES as GENERATED;
pub(crate) use index::opt_in_types;
pub use index::{all, rows, service};
pub use row::{Ending, Evidence, Locator, LookupKind, Place, Route, Row, Service};
pub use services::BY_HAND;
