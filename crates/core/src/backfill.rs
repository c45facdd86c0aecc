//! The past: what a trail says of resources that are there already.

pub mod plan;
