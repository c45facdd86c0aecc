//! What an answer about a resource that does not exist tells of its type, and of the operation.

use aws_tags::ports::FailureKind;
use aws_tags::probing::{Invented, Observed, OwnAnswer, TaggingApiAnswer};
use aws_tags::table::operation::Operation;

use super::scrub::scrubbed;
use crate::error::Error;

/// What the tagging API says of one invented resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggingApiReply {
    pub observed: Observed<TaggingApiAnswer>,
    /// It blames the ARN: either no resource of the type has such an ARN, or it does not know the type.
    pub blames_the_arn: bool,
    /// It says that it added the tag, though there is no such resource.
    pub done: bool,
}

/// What a service's own operation says of one invented resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnReply {
    pub observed: Observed<OwnAnswer>,
    /// It looked for the resource and found none: resources of the type have such ARNs.
    pub knows_the_form: bool,
    /// It did what it was asked, though there is no such resource.
    pub done: bool,
}

/// How the tagging API says that it does not take a type, in lower case. Messages of the real API, in the
/// order of these signs: for Kinesis Video, peering connections, VPC endpoint services.
/// <https://github.com/cloud-custodian/cloud-custodian/issues/8449>
/// <https://github.com/aws/aws-cli/issues/3434>
/// <https://github.com/jonrau1/SyntheticSun/issues/13>
const REFUSES_THE_TYPE: &[&str] = &[
    "unrecognized service or resource type",
    "is not a recognized",
    "not a valid taggable resource type",
    "does not support tagging",
    "is not supported",
    "unsupported resource",
    "unsupported service",
];

/// How services say that they have no such operation: codes, and signs in messages in lower case.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
/// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>
const UNKNOWN_OPERATION: (&[&str], &[&str]) = (
    &["InvalidAction", "MissingAuthenticationToken", "UnknownOperation", "UnknownOperationException"],
    &[
        "unable to determine service/operation name",
        "missing authentication token",
        "is not valid for this web service",
    ],
);

/// How services say that a request is signed for another service or Region.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const WRONG_SIGNATURE: (&[&str], &[&str]) = (
    &["IncompleteSignature", "InvalidSignatureException", "SignatureDoesNotMatch"],
    &["credential should be scoped", "signature we calculated does not match"],
);

/// Codes of credentials that are of no use any more, whatever is asked.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>
const EXPIRED: &[&str] = &["ExpiredToken", "RequestExpired", "TokenRefreshRequired"];

impl TaggingApiReply {
    /// It took the tag.
    pub(super) fn done() -> Self {
        let said = "answers for what is not there".to_owned();
        let observed = Observed { operation: None, answer: TaggingApiAnswer::Accepted, said };
        Self { observed, blames_the_arn: false, done: true }
    }

    /// What an error says; `None` where it only says that AWS is asked too often.
    ///
    /// `InternalServiceException` may mean a type that the API does not support, and a service that did not
    /// answer: it is unclear.
    /// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_FailureInfo.html>
    pub(super) fn of(error: &Error, region: &str, invented: &Invented) -> Option<Self> {
        let kind = error.failure_kind();
        let answer = match kind {
            FailureKind::Throttled => return None,
            _ if error.says(&[], REFUSES_THE_TYPE) => TaggingApiAnswer::Refused,
            FailureKind::NotFound => TaggingApiAnswer::Accepted,
            _ => TaggingApiAnswer::Unclear,
        };
        let blames_the_arn = answer == TaggingApiAnswer::Unclear && kind == FailureKind::Refused;
        let said = scrubbed(error, region, invented);
        Some(Self { observed: Observed { operation: None, answer, said }, blames_the_arn, done: false })
    }
}

impl OwnReply {
    /// What an answer says; `None` where it only says that AWS is asked too often.
    pub(super) fn of(
        operation: &Operation,
        region: &str,
        invented: &Invented,
        answer: Result<(), Error>,
    ) -> Result<Option<Self>, Error> {
        let (answer, said, knows_the_form, done) = match answer {
            Ok(()) => (OwnAnswer::AsModelled, "answers for what is not there".to_owned(), false, true),
            Err(error) if error.has_expired() || error.has_no_credentials() => return Err(error),
            Err(error) if error.is_throttling() => return Ok(None),
            Err(error) => {
                let answer = own_answer(&error);
                (answer, scrubbed(&error, region, invented), answer == OwnAnswer::AsModelled, false)
            }
        };
        let operation = Some(operation.name.to_owned());
        Ok(Some(Self { observed: Observed { operation, answer, said }, knows_the_form, done }))
    }
}

fn own_answer(error: &Error) -> OwnAnswer {
    let says = |(codes, signs): (&[&str], &[&str])| error.says(codes, signs);
    match error.failure_kind() {
        _ if says(UNKNOWN_OPERATION) => OwnAnswer::UnknownOperation,
        _ if says(WRONG_SIGNATURE) => OwnAnswer::WrongSignature,
        _ if error.code.is_none() => OwnAnswer::Unreachable,
        _ if error.says(&[], REFUSES_THE_TYPE) => OwnAnswer::Refused,
        FailureKind::NotFound => OwnAnswer::AsModelled,
        FailureKind::Denied => OwnAnswer::Denied,
        FailureKind::Refused => OwnAnswer::Malformed,
        _ => OwnAnswer::Unclear,
    }
}

impl Error {
    /// Whether it has one of these codes, or one of these signs in its message.
    fn says(&self, codes: &[&str], signs: &[&str]) -> bool {
        let message = self.message().to_lowercase();
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
            || signs.iter().any(|sign| message.contains(sign))
    }

    /// Whether a call of the tagging API failed for who calls, not for what is asked.
    pub(super) fn is_about_us(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let is_unknown =
            ["UnrecognizedClient", "InvalidClientTokenId"].iter().any(|part| code.contains(part));
        self.has_expired() || is_unknown || self.code.is_none() || self.failure_kind() == FailureKind::Denied
    }

    fn has_expired(&self) -> bool {
        EXPIRED.iter().any(|part| self.code.as_deref().is_some_and(|code| code.contains(part)))
    }

    fn has_no_credentials(&self) -> bool {
        self.code.is_none() && self.message().starts_with("no credentials")
    }
}

#[cfg(test)]
mod tests {
    use aws_tags::probing::{Location, Spelling};
    use aws_tags::table::{GENERATED, Read};

    use super::*;

    fn invented() -> Invented {
        let location = Location { partition: "aws", region: "eu-west-1", account: "111122223333" };
        let format = "arn:${Partition}:lex:${Region}:${Account}:bot/${BotId}";
        Invented::of(format, location, Spelling::Name, || Some(7)).expect("a free part")
    }

    /// Answer, and whether it blames the ARN, of a code and a message about one resource.
    fn of_tagging_api(code: &str, message: &str) -> Option<(TaggingApiAnswer, bool)> {
        let reply = TaggingApiReply::of(&Error::of_resource(code, message), "eu-west-1", &invented());
        reply.map(|reply| (reply.observed.answer, reply.blames_the_arn))
    }

    #[test]
    fn what_the_tagging_api_says_of_a_type_is_read_from_its_words() {
        use TaggingApiAnswer::{Accepted, Refused, Unclear};
        for (code, message, answer) in [
            (
                "InvalidParameterException",
                "Unrecognized service or resource type for tagging",
                Some((Refused, false)),
            ),
            (
                "InvalidParameterException",
                "'vpc-peering-connection' is not a recognized EC2ResourceType id ",
                Some((Refused, false)),
            ),
            ("BadResourceException", "The specified ARN 'arn:aws:lex:x' is invalid.", Some((Unclear, true))),
            ("BadRequestException", "Invalid input resource arn", Some((Unclear, true))),
            ("InvalidParameterException", "x is not a valid AmazonResourceName (ARN)", Some((Unclear, true))),
            ("InvalidParameterException", "Topic does not exist", Some((Accepted, false))),
            ("ResourceNotFoundException", "", Some((Accepted, false))),
            ("NoSuchBucket", "The specified bucket does not exist", Some((Accepted, false))),
            ("AccessDeniedException", "not authorized to perform dax:TagResource", Some((Unclear, false))),
            ("InvalidReplicationGroupState", "not in available state", Some((Unclear, false))),
            ("InternalServiceException", "", Some((Unclear, false))),
            ("ThrottlingException", "Rate exceeded", None),
        ] {
            assert_eq!(of_tagging_api(code, message), answer, "{code}: {message}");
        }
    }

    #[test]
    fn whether_an_operation_is_as_its_model_says_is_read_from_its_error() {
        let service = GENERATED.iter().find(|service| service.name == "lex");
        let Some(Read::Operation(read)) = service.map(|service| service.read) else { panic!("lex has one") };
        for (code, message, answer) in [
            (Some("ResourceNotFoundException"), "", Some(OwnAnswer::AsModelled)),
            (Some("InvalidParameterException"), "no such bot: does not exist", Some(OwnAnswer::AsModelled)),
            (Some("ValidationException"), "1 validation error detected", Some(OwnAnswer::Malformed)),
            (Some("UnknownOperationException"), "", Some(OwnAnswer::UnknownOperation)),
            (
                Some("InvalidAction"),
                "The action TagX is not valid for this web service.",
                Some(OwnAnswer::UnknownOperation),
            ),
            (
                Some("AccessDeniedException"),
                "Unable to determine service/operation name to be authorized",
                Some(OwnAnswer::UnknownOperation),
            ),
            (Some("AccessDeniedException"), "not authorized", Some(OwnAnswer::Denied)),
            (
                Some("SignatureDoesNotMatch"),
                "Credential should be scoped to a valid region",
                Some(OwnAnswer::WrongSignature),
            ),
            (None, "cannot connect: dns error", Some(OwnAnswer::Unreachable)),
            (Some("UnlikeTheModel"), "unreadable answer", Some(OwnAnswer::Unclear)),
            (Some("HTTP 503"), "", Some(OwnAnswer::Unclear)),
            (
                Some("ResourceNotFoundFault"),
                "Tagging is not supported for this type of resource: 'integration'",
                Some(OwnAnswer::Refused),
            ),
            (Some("ThrottlingException"), "Rate exceeded", None),
        ] {
            let error = match code {
                Some(code) => Error::of_resource(code, message),
                None => Error::incomplete(message),
            };
            let reply = OwnReply::of(&read.operation, "eu-west-1", &invented(), Err(error));
            let found =
                reply.expect("not about us").map(|reply| (reply.observed.answer, reply.knows_the_form));
            assert_eq!(
                found,
                answer.map(|answer| (answer, answer == OwnAnswer::AsModelled)),
                "{code:?}: {message}"
            );
        }
        let expired = Error::of_resource("ExpiredTokenException", "The security token is expired");
        assert!(OwnReply::of(&read.operation, "eu-west-1", &invented(), Err(expired)).is_err());
    }

    #[test]
    fn who_asks_is_to_blame_only_where_it_is_said() {
        for (code, is_about_us) in [
            (Some("AccessDeniedException"), true),
            (Some("ExpiredTokenException"), true),
            (Some("UnrecognizedClientException"), true),
            (None, true),
            (Some("InvalidParameterException"), false),
            (Some("ThrottlingException"), false),
            (Some("HTTP 500"), false),
        ] {
            let error =
                code.map_or_else(|| Error::incomplete("no route"), |code| Error::of_resource(code, ""));
            assert_eq!(error.is_about_us(), is_about_us, "{code:?}");
        }
    }
}
