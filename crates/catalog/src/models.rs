//! API models: what operations a service has and what their requests and responses look like,
//! as [botocore](https://github.com/boto/botocore) describes them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::sources::source;

/// One API: a version of a service's API.
#[derive(Debug, Deserialize)]
pub struct Api {
    /// Name of the SDK's client, e.g. `stepfunctions`.
    #[serde(skip)]
    pub name: String,
    /// How the API is called.
    pub metadata: Metadata,
    /// Its operations, by name.
    #[serde(default)]
    pub operations: BTreeMap<String, Operation>,
    /// Its shapes, by name.
    #[serde(default)]
    pub shapes: BTreeMap<String, Shape>,
}

/// How an API is called.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Metadata {
    /// Date of the API.
    pub api_version: String,
    /// First part of the host, e.g. `monitoring`.
    pub endpoint_prefix: String,
    /// Name that requests are signed with, where it is not the endpoint's.
    pub signing_name: Option<String>,
    /// Name as SDKs derive class names from it, e.g. `CloudWatch`.
    pub service_id: String,
    /// Full name, e.g. `Amazon CloudWatch`.
    pub service_full_name: String,
    /// `json`, `rest-json`, `rest-xml`, `query`, `ec2`, `smithy-rpc-v2-cbor`.
    pub protocol: String,
    /// All protocols that the service speaks.
    pub protocols: Vec<String>,
    /// `1.0` or `1.1`, of `json`.
    pub json_version: Option<String>,
    /// Start of `X-Amz-Target`, of `json`.
    pub target_prefix: Option<String>,
}

/// One operation.
#[derive(Debug, Deserialize)]
pub struct Operation {
    pub name: String,
    /// Method and path.
    #[serde(default)]
    pub http: Http,
    /// Shape of the request.
    pub input: Option<Reference>,
    /// Shape of the response.
    pub output: Option<Reference>,
    /// Its errors.
    #[serde(default)]
    pub errors: Vec<Reference>,
    /// What it does, in HTML.
    #[serde(default)]
    pub documentation: String,
    /// Prefix of its host before that of its API.
    #[serde(default)]
    pub endpoint: OperationEndpoint,
    /// Whether its endpoint must be discovered first.
    #[serde(default, rename = "endpointdiscovery")]
    pub discovery: Discovery,
    /// Whether it tells where the others are called.
    #[serde(default, rename = "endpointoperation")]
    pub discovers: bool,
    /// Parameters of the endpoint's rules that it fixes.
    #[serde(default, rename = "staticContextParams")]
    pub parameters: Parameters,
}

/// Parameters of endpoint rules, by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// What an operation fixes a parameter to.
#[derive(Debug, Deserialize)]
pub struct Parameter {
    /// Mostly a truth value.
    pub value: serde_json::Value,
}

/// Whether an operation's endpoint must be discovered first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Discovery {
    pub required: bool,
}

/// How the host of an operation differs from that of its API.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationEndpoint {
    /// E.g. `api.`.
    pub host_prefix: Option<String>,
}

/// Method and path of an operation.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// `POST`, `PUT`, …
    pub method: String,
    /// Path with `{Members}` of the request.
    pub request_uri: String,
}

/// Use of a shape.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reference {
    /// Name of the shape.
    pub shape: String,
    /// Name on the wire, where it differs from the member's.
    pub location_name: Option<String>,
    /// Where it is on the wire: `header`, `uri`, `querystring`, …
    pub location: Option<String>,
    /// Whether a list has no element around its items.
    pub flattened: bool,
    /// The element around an answer of the query protocol.
    pub result_wrapper: Option<String>,
    /// Where its element in XML belongs.
    pub xml_namespace: Option<XmlNamespace>,
    /// What it is, in HTML.
    pub documentation: String,
}

/// An XML namespace.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct XmlNamespace {
    pub uri: String,
}

/// A shape.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shape {
    /// `structure`, `list`, `map`, `string`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Members of a structure.
    pub members: BTreeMap<String, Reference>,
    /// What a list holds.
    pub member: Option<Reference>,
    /// Keys of a map.
    pub key: Option<Reference>,
    /// Values of a map.
    pub value: Option<Reference>,
    /// Members that must be there.
    pub required: Vec<String>,
    /// Allowed values.
    #[serde(rename = "enum")]
    pub allowed: Vec<String>,
    /// Regular expression for texts.
    pub pattern: Option<String>,
    /// Least length.
    pub min: Option<f64>,
    /// Greatest length.
    pub max: Option<f64>,
    /// Whether a list has no element around its items.
    pub flattened: bool,
    /// The member that is the whole body of a REST message.
    pub payload: Option<String>,
    /// What it is, in HTML.
    pub documentation: String,
}

impl Api {
    /// The name that requests are signed with; also the prefix of its IAM actions, mostly.
    pub fn signing_name(&self) -> &str {
        self.metadata.signing_name.as_deref().unwrap_or(&self.metadata.endpoint_prefix)
    }

    /// The shape that a reference names.
    pub fn shape(&self, reference: &Reference) -> Option<&Shape> {
        self.shapes.get(&reference.shape)
    }

    /// The shape of an operation's request.
    pub fn input(&self, operation: &Operation) -> Option<&Shape> {
        self.shape(operation.input.as_ref()?)
    }

    /// The shape of an operation's response.
    pub fn output(&self, operation: &Operation) -> Option<&Shape> {
        self.shape(operation.output.as_ref()?)
    }
}

/// The newest version of every API.
pub fn apis() -> Result<Vec<Api>> {
    let files = source("botocore")?.files(|path| path.ends_with("/service-2.json.gz"))?;
    let mut newest: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (path, text) in files {
        // botocore/data/<name>/<date>/service-2.json; dates come in order.
        if let Some(name) = path.split('/').nth(2) {
            newest.insert(name.to_owned(), text);
        }
    }
    newest
        .into_iter()
        .map(|(name, text)| {
            let mut api: Api = serde_json::from_slice(&text).with_context(|| format!("model of {name}"))?;
            api.name = name;
            Ok(api)
        })
        .collect()
}
