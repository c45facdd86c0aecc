//! A service's own operation that adds tags to one resource, where no shared API does.
//!
//! An operation is a row of facts: where it is called, which protocol it speaks, how it names the
//! resource, which shape its tags have. [`TagOperation::request`] turns it into an HTTP request,
//! without the headers for signing and transport. Only operations that *add* belong here: one that
//! replaces all tags would delete those that others set.

mod endpoint;
mod operation;
mod request;

pub use endpoint::{Endpoint, EndpointOverride, ResolvedEndpoint};
pub use operation::{HttpBinding, Protocol, ResourceMember, ResourceValue, TagOperation, TagShape};
pub use request::Request;
