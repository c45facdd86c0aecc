//! A service's own operation that adds tags to one resource, takes some away, lists those that it has, tells when it
//! was created, or which one a call created.
//!
//! An operation is a row of facts: where it is called, which protocol it speaks, how it names the
//! resource, which shape its tags have. [`request`] turns it into an HTTP request, without the headers
//! for signing and transport, and [`answer`] reads what comes back. Only operations that *add* belong
//! here: one that replaces all tags would delete those that others set.

pub(crate) mod answer;
mod discovery;
mod endpoint;
mod list;
mod question;
mod request;
mod row;

pub use answer::{Page, Unreadable};
pub use discovery::Discovery;
pub(crate) use endpoint::EndpointOverride;
pub use endpoint::{Endpoint, ResolvedEndpoint};
pub use list::{ListOperation, Listed, ListedIn};
pub use question::{Found, Question, Unanswered};
pub use request::Request;
pub(crate) use row::{
    Alphabet, Among, HttpBinding, KeyShape, Member, Pages, Protocol, RecordValue, ResourceValue, State,
    TagMember, TagShape,
};
pub use row::{
    Api, AtLaunch, LookupOperation, Operation, ReadOperation, TagOperation, TimeOperation, UntagOperation,
};
