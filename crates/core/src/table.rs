//! The table: which calls create which resources, where a record names them, how they are tagged.
//!
//! One file per event source, one row per call and resource type. Rows are `const`: a cold start
//! pays nothing for them, and [`rows`] finds those of a call by an index made at compile time.
//! Rows of [`BY_HAND`] win over those of [`GENERATED`], which `crates/catalog` derives for the rest of
//! AWS from AWS's own descriptions.

mod arn_type;
mod extract;
mod generated;
mod index;
mod lists;
pub mod operation;
mod parents;
mod place;
mod row;
mod services;

pub use arn_type::{arn_of, existing, global_services, is_service, type_of};
pub(crate) use extract::Age;
pub(crate) use extract::of_type;
pub use extract::{Answered, Creation, LocateError, Lookup, Nothing, Resource, created};
pub use generated::SERVICES as GENERATED;
pub(crate) use generated::WITHOUT_RESOURCES;
pub use index::{all, arn_formats, evidence, rows, service};
pub(crate) use index::{hash_of_name, opt_in_types, without_date};
pub use lists::LISTS;
pub use parents::parent_actions;
pub(crate) use parents::{Named, PARENTS, ParentRow, STACK};
pub use row::{CreationTime, Ending, Evidence, Locator, LookupKind, Place, Read, Route, Row, Service};
pub use services::BY_HAND;
