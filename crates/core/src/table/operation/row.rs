//! Operations as rows of facts.

use super::endpoint::Endpoint;
use crate::tags::is_allowed;

/// The API of a service, as all its operations share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Api {
    /// The service's name in SDKs, by which users set endpoints, e.g. `Auto Scaling`.
    pub service_id: &'static str,
    /// The service's name in signatures.
    pub signing_name: &'static str,
    /// Where it is called.
    pub endpoint: Endpoint,
}

/// A call about one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    /// The operation, as documentation and IAM name it, e.g. `dax:TagResource`.
    pub name: &'static str,
    /// The IAM actions that it needs.
    pub actions: &'static [&'static str],
    pub api: &'static Api,
    /// How it is called.
    pub(crate) protocol: Protocol,
    /// `GET`, `POST` or `PUT`.
    pub(crate) method: &'static str,
    /// Path and query with `{labels}`, e.g. `/tags/{resourceArn}`.
    pub(crate) path: &'static str,
    /// Headers that are always the same.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The members that name the resource.
    pub(crate) resource: &'static [Member],
}

/// An operation that adds tags to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagOperation {
    pub operation: Operation,
    /// The shape of its tags.
    pub(crate) tags: TagShape,
    /// Tags that one call takes.
    pub tags_per_call: usize,
    /// The characters that it takes, by its model.
    pub(crate) alphabet: Alphabet,
}

/// The characters of tags that an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Alphabet {
    /// All that tags may have.
    Any,
    /// Letters and digits of ASCII, spaces and `_ . : / = + - @`.
    Ascii,
}

impl Alphabet {
    pub(crate) fn has(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Ascii => text.is_ascii() && text.chars().all(is_allowed),
        }
    }
}

/// An operation that lists the tags of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReadOperation {
    pub operation: Operation,
    /// Where the answer has them: see [`TagShape`].
    pub(crate) tags: TagShape,
    /// How it answers in parts, if it does.
    pub(crate) pages: Option<Pages>,
}

/// An operation that tells when a resource was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOperation {
    pub operation: Operation,
    /// Path to the time in the answer.
    pub(crate) at: &'static str,
}

/// How an operation answers in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pages {
    /// The member that asks for the next part.
    pub(crate) ask: &'static str,
    /// Where that is in the request.
    pub(crate) binding: HttpBinding,
    /// Path to its value in the answer before.
    pub(crate) next: &'static str,
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
    /// XML in body and answer, the operation in method and path.
    RestXml {
        /// The element that is the body.
        root: &'static str,
        namespace: &'static str,
    },
    /// A form in the body, XML in the answer.
    Query {
        /// The operation.
        action: &'static str,
        /// Date of the API.
        version: &'static str,
    },
}

/// A member of a request that says which resource is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Member {
    /// Its name on the wire; in query requests its whole path, e.g. `ResourceArns.member.1`.
    pub(crate) name: &'static str,
    /// Where it is in the request.
    pub(crate) binding: HttpBinding,
    /// What it says of the resource.
    pub(crate) value: ResourceValue,
    /// Whether it is a list, of this one value.
    pub(crate) list: bool,
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
    /// In a header.
    Header,
}

/// What a member says of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ResourceValue {
    /// The whole ARN.
    Arn,
    /// The last part of the ARN: `name` of `role/path/name`.
    Id,
    /// The part after the type: `path/name` of `opsmetadata/path/name`.
    Name,
    /// The part after the type, with a slash before it if there is one in it: `/a/b` of `parameter/a/b`,
    /// but `a` of `parameter/a`.
    /// <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html>
    Hierarchy,
    /// Another word for the first part of the ARN's resource: `Parameter` of `parameter/a`.
    Type(&'static [(&'static str, &'static str)]),
    /// The account.
    Account,
    /// The address of a queue.
    QueueUrl,
    /// Always the same.
    Fixed(&'static str),
}

/// The shape of tags in a request or an answer. In an answer, the name is the path to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TagShape {
    /// `{name: {"key": "value"}}`.
    Map {
        /// The member.
        name: &'static str,
    },
    /// `{name: [{key: "key", value: "value"}]}`.
    List {
        /// The member; in query and XML requests its whole path, e.g. `Tags.member`.
        name: &'static str,
        /// Name of the member with the key.
        key: &'static str,
        /// Name of the member with the value.
        value: &'static str,
    },
}
