//! Code and message of an error response, in any of the protocols.

use aws_smithy_types::error::ErrorMetadata;
use serde_json::Value;

/// Reads an error response; without a code, the HTTP status takes its place.
///
/// JSON has the code in a header, `__type` or `code`, perhaps with a namespace before a `#` or an
/// address after a `:`; XML has it in `<Code>`.
/// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>
pub(crate) fn read(header: Option<&str>, body: &[u8], status: u16) -> ErrorMetadata {
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |names: &[&str]| -> Option<String> {
        names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
    };
    let code = header
        .map(str::to_owned)
        .or_else(|| member(&["__type", "code", "Code"]))
        .or_else(|| element(&text, "Code"))
        .map(|code| bare(&code).to_owned())
        .unwrap_or_else(|| format!("HTTP {status}"));
    let message = member(&["message", "Message", "errorMessage"])
        .or_else(|| element(&text, "Message"))
        .unwrap_or_else(|| format!("HTTP status {status}"));
    ErrorMetadata::builder().code(code).message(message).build()
}

/// `aws.protocoltests#FooError:http://…` → `FooError`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

/// The text of the first element of this name: an error response has one error.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(text.trim().to_owned(), |text, (from, to)| text.replace(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_and_message(header: Option<&str>, body: &str) -> (String, String) {
        let error = read(header, body.as_bytes(), 400);
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (text(error.code()), text(error.message()))
    }

    #[test]
    fn code_and_message_are_found_in_every_protocol() {
        for (header, body, code, message) in [
            (
                None,
                r#"{"__type":"com.amazonaws.dax#ClusterNotFoundFault","message":"no c"}"#,
                "ClusterNotFoundFault",
                "no c",
            ),
            (Some("NotFoundException:http://x/"), r#"{"Message":"gone"}"#, "NotFoundException", "gone"),
            (None, r#"{"code":"NotFoundException","message":null}"#, "NotFoundException", "HTTP status 400"),
            (
                None,
                "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>a &amp; b</Message></Error></ErrorResponse>",
                "NoSuchEntity",
                "a & b",
            ),
            (None, "<html>bad gateway</html>", "HTTP 400", "HTTP status 400"),
        ] {
            assert_eq!(code_and_message(header, body), (code.to_owned(), message.to_owned()));
        }
    }
}
