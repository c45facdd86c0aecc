//! A service's own operation that adds tags to one resource, where no shared API does.
//!
//! An operation is a row of facts: where it is called, which protocol it speaks, how it names the
//! resource, which shape its tags have. [`TagOperation::request`] turns it into an HTTP request,
//! without the headers for signing and transport. Only operations that *add* belong here: one that
//! replaces all tags would delete those that others set.

mod endpoint;
mod operation;
mod request;

pub(crate) use endpoint::EndpointOverride;
pub use endpoint::{Endpoint, ResolvedEndpoint};
pub use operation::TagOperation;
pub(crate) use operation::{HttpBinding, Protocol, ResourceMember, ResourceValue, TagShape};
pub use request::Request;
