//! Written by `crates/catalog`; edited neither by hand nor by rustfmt.

#[rustfmt::skip]
pub(super) mod operations;
#[rustfmt::skip]
mod services;

pub(crate) use operations::WITHOUT_RESOURCES;
pub use services::SERVICES;
