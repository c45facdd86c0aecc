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
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
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
    /// What each tag says besides its key and value, in forms.
    pub(crate) each: &'static [(&'static str, TagMember)],
    /// What takes the tags away again, if there is one.
    pub untag: Option<&'static UntagOperation>,
}

/// An operation that takes tags from one resource, by their keys, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UntagOperation {
    pub operation: Operation,
    /// The shape of its keys.
    pub(crate) keys: KeyShape,
    /// Keys that one call takes.
    pub keys_per_call: usize,
    /// What each tag says besides its key, in forms.
    pub(crate) each: &'static [(&'static str, ResourceValue)],
}

/// The shape of keys in a request. In forms and XML the name is the whole path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum KeyShape {
    /// `{name: ["key"]}`, or in the query string `name=key` for each.
    Keys {
        /// The member.
        name: &'static str,
        /// Where it is.
        binding: HttpBinding,
    },
    /// `{name: [{key: "key"}]}`.
    Tags {
        /// The member.
        name: &'static str,
        /// Name of the member with the key.
        key: &'static str,
        /// Name of the member with the value, where the API wants that, too.
        value: Option<&'static str>,
    },
}

/// What a tag says besides its key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TagMember {
    /// Which resource it is for.
    Resource(ResourceValue),
    /// Whether what the resource launches gets it, too: `true` or `false`.
    AtLaunch,
}

/// Whether the tags of an Auto Scaling group go on to the instances that it launches from then on.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtLaunch {
    #[default]
    Keep,
    Propagate,
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
    /// Where it is among others, if the answer is a list of all.
    pub(crate) among: Option<Among>,
}

/// Where one resource is in a list of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Among {
    /// Path to the list; that to the tags begins within it.
    pub(crate) items: &'static str,
    /// Path to the ARN of each.
    pub(crate) arn: &'static str,
}

/// An operation that tells when a resource was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOperation {
    pub operation: Operation,
    /// Path to the time in the answer.
    pub(crate) at: &'static str,
}

/// An operation that tells the ARN or id of a resource that a record does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupOperation {
    pub operation: Operation,
    /// The members that say what is asked for, filled from the record.
    pub(crate) asks: &'static [Member<RecordValue>],
    /// Path in the answer to what it tells of each resource.
    pub(crate) found: &'static str,
    /// Path in that to its ARN or id.
    pub(crate) name: &'static str,
    /// Path in that to its creation time, which tells it from another that had the name before, or has it
    /// since.
    pub(crate) created_at: Option<&'static str>,
    /// What that must say to be the one that is meant.
    pub(crate) only: &'static [(&'static str, RecordValue)],
    /// Where that has its tags, if no operation lists them by the ARN.
    pub(crate) tags: Option<TagShape>,
    /// Where that says whether it is there yet.
    pub(crate) state: Option<State>,
    /// Whether one call creates several.
    pub(crate) several: bool,
    /// Paths that a record has only where the call changed what is there.
    pub(crate) changes: &'static [&'static str],
    /// What tells the ARN, where this one tells only an id that is not all of it.
    pub then: Option<&'static LookupOperation>,
}

/// What a member of a lookup's request or answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RecordValue {
    /// The id or name that is looked up; one request for each.
    Subject,
    /// What the record has at the first of these paths that it has.
    Recorded(&'static [&'static str]),
    /// Always the same.
    Fixed(&'static str),
}

/// States of what ends later than the call that began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    /// Path to its word.
    pub(crate) at: &'static str,
    /// The words that say that the resource is there; others say that it is not there yet.
    pub(crate) done: &'static [&'static str],
    /// The words that say that there will be none.
    pub(crate) failed: &'static [&'static str],
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
pub(crate) struct Member<V = ResourceValue> {
    /// Its name on the wire, with those of the structures around it; in query requests its whole path, e.g.
    /// `ResourceArns.member.1`.
    pub(crate) name: &'static str,
    /// Where it is in the request.
    pub(crate) binding: HttpBinding,
    /// What it says of the resource.
    pub(crate) value: V,
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
    /// The part after these words: `web` of `autoScalingGroup:…:autoScalingGroupName/web`. A name may have
    /// slashes of its own.
    After(&'static str),
    /// One of the parts between slashes, the type being the first: `web` of `nodegroup/shop/web/id`.
    Part(usize),
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
