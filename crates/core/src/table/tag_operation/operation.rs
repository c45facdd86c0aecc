//! A tag operation as a row of facts.

use super::endpoint::Endpoint;

/// An operation that adds tags to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagOperation {
    /// The operation, as documentation and IAM name it, e.g. `dax:TagResource`.
    pub name: &'static str,
    /// The IAM actions that it needs.
    pub actions: &'static [&'static str],
    /// The service's name in SDKs, by which users set endpoints, e.g. `Auto Scaling`.
    pub service_id: &'static str,
    /// The service's name in signatures.
    pub signing_name: &'static str,
    /// Where it is called.
    pub endpoint: Endpoint,
    /// How it is called.
    pub(crate) protocol: Protocol,
    /// `POST` or `PUT`.
    pub(crate) method: &'static str,
    /// Path and query with `{labels}`, e.g. `/tags/{resourceArn}`.
    pub(crate) path: &'static str,
    /// The member that names the resource.
    pub(crate) resource: ResourceMember,
    /// The shape of its tags.
    pub(crate) tags: TagShape,
    /// Tags that one call takes.
    pub tags_per_call: usize,
}

/// How requests are serialized.
/// <https://smithy.io/2.0/aws/protocols/index.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Protocol {
    /// JSON in the body, the operation in a header.
    Json {
        /// `1.0` or `1.1`.
        version: &'static str,
        /// `X-Amz-Target`, e.g. `AmazonDAXV3.TagResource`.
        target: &'static str,
    },
    /// JSON in the body, the operation in method and path.
    RestJson,
    /// A form in the body.
    Query {
        /// The operation.
        action: &'static str,
        /// Date of the API.
        version: &'static str,
    },
}

/// The member of the request that names the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceMember {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// Where it is in the request.
    pub(crate) binding: HttpBinding,
    /// How it names the resource.
    pub(crate) value: ResourceValue,
}

/// Where a member is in a request.
///
/// <https://smithy.io/2.0/spec/http-bindings.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum HttpBinding {
    /// In the body.
    Payload,
    /// In the path.
    Label,
    /// In the query string.
    Query,
}

/// How a member names the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ResourceValue {
    /// The whole ARN.
    Arn,
    /// The last part of the ARN: `name` of `role/path/name`.
    Id,
    /// The part after the type: `path/name` of `opsmetadata/path/name`.
    Name,
}

/// The shape of tags in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TagShape {
    /// `{name: {"key": "value"}}`.
    Map {
        /// The member.
        name: &'static str,
    },
    /// `{name: [{key: "key", value: "value"}]}`.
    List {
        /// The member; in query requests its whole path, e.g. `Tags.member`.
        name: &'static str,
        /// Name of the member with the key.
        key: &'static str,
        /// Name of the member with the value.
        value: &'static str,
    },
}
