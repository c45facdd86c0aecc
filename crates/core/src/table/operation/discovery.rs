//! Endpoints that another call tells first.
//! <https://docs.aws.amazon.com/timestream/latest/developerguide/Using.API.endpoint-discovery.html>

use super::answer::{Unreadable, at, text_of};
use super::request::Request;

/// The call that tells where the operations of an API are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Discovery {
    /// As documentation and IAM name it, e.g. `timestream:DescribeEndpoints`.
    pub name: &'static str,
    /// `X-Amz-Target`; it is JSON 1.0 without members.
    pub(crate) target: &'static str,
}

impl Discovery {
    /// The request, which goes to the API's usual endpoint.
    pub fn request(&self) -> Request {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", self.target)];
        let headers = headers.map(|(name, text)| (name, text.to_owned())).to_vec();
        Request { method: "POST", path: "/".to_owned(), headers, body: "{}".to_owned() }
    }

    /// The host in an answer. Requests are signed, so none goes anywhere but to the domain of the usual host.
    pub fn host(&self, body: &str, usual: &str) -> Result<String, Unreadable> {
        let answer = serde_json::from_str(body).map_err(Unreadable::new)?;
        let host = at(&answer, "Endpoints.Address").first().map(|host| text_of(host));
        let host = host.ok_or_else(|| Unreadable::new("no `Endpoints.Address`"))?;
        let is_of_host =
            |text: &str| text.chars().all(|char| char.is_ascii_alphanumeric() || "-.".contains(char));
        let domain = usual.split_once('.').map_or(usual, |(_, domain)| domain);
        match host.strip_suffix(domain).and_then(|label| label.strip_suffix('.')) {
            Some(label) if !label.is_empty() && is_of_host(label) => Ok(host),
            _ => Err(Unreadable::new(format!("`{host}` is no host of `{domain}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISCOVERY: Discovery =
        Discovery { name: "timestream:DescribeEndpoints", target: "Timestream_20181101.DescribeEndpoints" };
    const USUAL: &str = "ingest.timestream.eu-west-1.amazonaws.com";

    #[test]
    fn the_answer_names_a_host_of_the_same_domain() {
        let host = |address: &str| {
            let body =
                format!(r#"{{"Endpoints": [{{"Address": "{address}", "CachePeriodInMinutes": 1440}}]}}"#);
            DISCOVERY.host(&body, USUAL).ok()
        };
        let cell = "ingest-cell2.timestream.eu-west-1.amazonaws.com";
        assert_eq!(host(cell).as_deref(), Some(cell));
        for other in [
            "evil.example",
            "x/y.timestream.eu-west-1.amazonaws.com",
            ".timestream.eu-west-1.amazonaws.com",
            "",
        ] {
            assert_eq!(host(other), None, "{other}");
        }
        assert!(DISCOVERY.host(r#"{"Endpoints": []}"#, USUAL).is_err());
    }

    #[test]
    fn the_request_has_no_members() {
        let Request { method, body, headers, .. } = DISCOVERY.request();
        assert_eq!((method, body.as_str()), ("POST", "{}"));
        assert!(headers.contains(&("x-amz-target", "Timestream_20181101.DescribeEndpoints".to_owned())));
    }
}
