//! Written by `crates/catalog`; edited neither by hand nor by rustfmt.

#[rustfmt::skip]
mod services;
#[rustfmt::skip]
mod tag_operations;

pub use services::SERVICES;
