"""What AWS's errors mean for a deployer, in one line that says what to do."""
import botocore.exceptions as errors

# What stands for everything that AWS or its SDK raises.
AwsError = (errors.BotoCoreError, errors.ClientError)

# Credentials that AWS knows, but that are over. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
# Credentials that AWS does not know, or not in this Region, as one that is not enabled knows none.
UNKNOWN = ("AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
           "UnrecognizedClientException")
DENIED = ("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
LOG_IN = "log in again, or pass --profile; `aws sts get-caller-identity` shows whether they work"


def in_one_line(error):
    """The error's text, and what to do about it."""
    if isinstance(error, errors.ClientError):
        return of_call(error)
    if isinstance(error, errors.ProfileNotFound):
        return f"--profile: {said(error)}; `aws configure list-profiles` shows all"
    if isinstance(error, (errors.NoCredentialsError, errors.PartialCredentialsError)):
        return "no AWS credentials: log in, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass --profile"
    if isinstance(error, (errors.CredentialRetrievalError, errors.SSOError, errors.TokenRetrievalError)):
        return f"no AWS credentials: {said(error)}; {LOG_IN}"
    if isinstance(error, (errors.InvalidRegionError, errors.UnknownRegionError)):
        return f"{said(error)}: expected a Region's name, e.g. eu-west-1"
    if isinstance(error, (errors.ConnectionError, errors.HTTPClientError)):
        return f"{said(error)}: no such Region, or no network; AWS_ENDPOINT_URL and HTTPS_PROXY count, too"
    return said(error)


def of_call(error):
    """The same for an error that AWS answered."""
    code, text = error.response["Error"].get("Code", ""), said(error)
    if code in EXPIRED:
        return f"the AWS credentials have expired: {LOG_IN}"
    if code in UNKNOWN:
        return f"AWS does not take the credentials: {text}; {LOG_IN}, and that the Region is enabled"
    if code in DENIED:
        return f"{text}: infra/deployer-policy.json has all permissions that deploying needs"
    return text


def said(error):
    """The error's text on one line, without the full stop that would stand in the middle."""
    return " ".join(str(error).split()).removesuffix(".")
