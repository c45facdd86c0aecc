//! Rows of a query as the records that they were: engines write names in lower case, and structures as texts.

use serde_json::{Map, Value};

/// The members of a record, as CloudTrail writes them.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
const COLUMNS: &[&str] = &[
    "addendum",
    "additionalEventData",
    "apiVersion",
    "awsRegion",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails",
    "userAgent",
    "userIdentity",
    "vpcEndpointAccountId",
    "vpcEndpointId",
];

/// Those of them that are structures. Any other may begin with a bracket all the same, as the names of AWS's own agents do.
const STRUCTURES: &[&str] = &[
    "addendum",
    "additionalEventData",
    "edgeDeviceDetails",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "tlsDetails",
    "userIdentity",
];

/// Those that are truths.
const TRUTHS: &[&str] = &["managementEvent", "readOnly"];

/// Those that engines know the type of, so that the names in them are in lower case, too.
const TYPED: &[&str] = &["resources", "tlsDetails", "userIdentity"];

/// The members in them. `ARN` is that of `resources`.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
const MEMBERS: &[&str] = &[
    "ARNPrefix",
    "accessKeyId",
    "accountId",
    "assumedRoot",
    "cipherSuite",
    "clientProvidedHostHeader",
    "creationDate",
    "credentialId",
    "credentialsIssuedTo",
    "ec2RoleDelivery",
    "federatedProvider",
    "identityProvider",
    "identityStoreArn",
    "inScopeOf",
    "invokedBy",
    "issuerType",
    "keyExchange",
    "mfaAuthenticated",
    "onBehalfOf",
    "principalId",
    "sessionContext",
    "sessionIssuer",
    "signInSessionArn",
    "sourceAccount",
    "sourceArn",
    "sourceIdentity",
    "tlsVersion",
    "userId",
    "userName",
    "webIdFederationData",
];

/// The claims of a web identity, whose names are its provider's.
const CLAIMS: &str = "webIdFederationData";

/// The record of a row: names as CloudTrail writes them, and structures as JSON. Athena and Lake print a structure
/// as `{type=AssumedRole, …}`, in which a value may hold anything: it cannot be read back.
pub(super) fn record_of(row: Map<String, Value>) -> Result<Map<String, Value>, String> {
    row.into_iter()
        .map(|(name, value)| {
            let name = spelled(name, COLUMNS);
            let is_one_of = |names: &[&str]| names.contains(&name.as_str());
            let value = match value {
                Value::String(text) if is_one_of(STRUCTURES) => parsed(&name, &text)?,
                Value::String(text) if is_one_of(TRUTHS) => truth(text),
                other => other,
            };
            let value = if is_one_of(TYPED) { with_names(&name, value) } else { value };
            Ok((name, value))
        })
        .collect()
}

fn spelled(name: String, names: &[&str]) -> String {
    let known = names.iter().find(|known| known.eq_ignore_ascii_case(&name));
    known.map_or(name, |known| (*known).to_owned())
}

fn parsed(name: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|_| {
        format!(
            "`{name}` is a structure as Athena and CloudTrail Lake print it, which cannot be read: select `eventJson`, \
             or cast the column to JSON"
        )
    })
}

fn truth(text: String) -> Value {
    match text.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(text),
    }
}

/// What is below a member, with the names of its members.
fn with_names(within: &str, value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let named = fields.into_iter().map(|(name, value)| {
                let name = match (within, name.as_str()) {
                    ("resources", "arn") => "ARN".to_owned(),
                    _ => spelled(name, MEMBERS),
                };
                let is_claims = within == CLAIMS && name == "attributes";
                let value = if is_claims { value } else { with_names(&name, value) };
                (name, value)
            });
            Value::Object(named.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| with_names(within, item)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(row: Value) -> Result<Value, String> {
        let Value::Object(row) = row else { panic!("a row is an object") };
        record_of(row).map(Value::Object)
    }

    #[test]
    fn a_row_becomes_the_record_that_it_was() {
        let row = json!({
            "eventid": "1", "readonly": "false", "useragent": "[x]", "requestparameters": "{\"readonly\": \"true\"}",
            "useridentity": {"principalid": "P", "arn": "a", "sessioncontext": {"webidfederationdata": {
                "federatedprovider": "f", "attributes": {"accountid": "theirs"}}}},
            "resources": [{"arn": "r", "accountid": "1"}]});
        let expected = json!({
            "eventID": "1", "readOnly": false, "userAgent": "[x]", "requestParameters": {"readonly": "true"},
            "userIdentity": {"principalId": "P", "arn": "a", "sessionContext": {"webIdFederationData": {
                "federatedProvider": "f", "attributes": {"accountid": "theirs"}}}},
            "resources": [{"ARN": "r", "accountId": "1"}]});
        assert_eq!(record(row), Ok(expected));
    }

    #[test]
    fn a_structure_as_engines_print_it_is_refused() {
        let reason = record(json!({"useridentity": "{type=IAMUser}"})).expect_err("no JSON");
        assert!(reason.contains("`userIdentity`"), "{reason}");
    }

    #[test]
    fn names_are_sorted_and_known_structures_are_columns() {
        assert!([COLUMNS, STRUCTURES, TRUTHS, TYPED, MEMBERS].iter().all(|names| names.is_sorted()));
        assert!([STRUCTURES, TRUTHS, TYPED].concat().iter().all(|name| COLUMNS.contains(name)));
    }
}
