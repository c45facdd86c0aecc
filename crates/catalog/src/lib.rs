//! Generates the table of creating calls from AWS's own machine-readable descriptions.
//!
//! A developer's tool: no part of it runs in a Lambda. [`sources`] pins and fetches the packages;
//! [`models`], [`authorization`] and [`registry`] read them; [`rules`] finds which operations
//! create which taggable types, [`locate`] where the record of such a call names the resource,
//! [`lookups`] what tells it otherwise, [`tagging_api`], [`operations`], [`untagging`] and [`endpoints`] how it is
//! tagged, untagged and read, [`newness`] whether it is surely new;
//! [`overrides`] corrects them, [`probed`] says what AWS itself has answered; [`table`] combines everything and [`emit`] writes it.

pub mod authorization;
pub mod coverage;
pub mod emit;
pub mod endpoints;
pub mod event_sources;
pub mod evidence;
mod listings;
pub mod locate;
pub mod lookups;
pub mod members;
pub mod models;
pub mod naming;
pub mod newness;
pub mod operations;
pub mod overrides;
pub mod probed;
pub mod registry;
pub mod requests;
pub mod rules;
pub mod sample;
pub mod sources;
pub mod stale;
pub mod table;
pub mod tagging_api;
pub mod untagging;
pub mod wire;
