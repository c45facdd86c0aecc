//! A service's own operation that adds tags to one resource, for what no shared API tags.
//!
//! An operation is a row of facts: where it is called, which protocol it speaks, how it names the
//! resource, how it spells tags. [`TagOperation::request`] turns it into an HTTP request without
//! headers of signing and transport. Only operations that *add* belong here: one that replaces all
//! tags would lose those of others.

mod endpoint;
mod operation;
mod request;

pub use endpoint::{Endpoint, EndpointOverride, ResolvedEndpoint};
pub use operation::{HttpBinding, Protocol, ResourceMember, ResourceValue, TagOperation, TagShape};
pub use request::Request;
