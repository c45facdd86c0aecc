//! Written by `crates/catalog`; edited neither by hand nor by rustfmt.

#[rustfmt::skip]
mod arn_formats;
#[rustfmt::skip]
mod evidence;
#[rustfmt::skip]
pub(super) mod operations;
#[rustfmt::skip]
mod services;

pub(super) use arn_formats::ARN_FORMATS;
pub(super) use evidence::EVIDENCE;
pub(crate) use operations::WITHOUT_RESOURCES;
pub use services::SERVICES;
