//! Generates the table of creating calls from AWS's own machine-readable descriptions.
//!
//! A developer's tool: no part of it runs in a Lambda. [`sources`] pins and fetches the packages,
//! [`models`] reads the API models in them.

pub mod models;
pub mod sources;
