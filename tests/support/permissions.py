"""What IAM calls the permission for a request to AWS: by the models of the APIs, as the AWS SDK for Python has them."""
import functools
import re
import urllib.parse

import botocore.session

# By the name in the signature, where the permission has another; and the models of a service, where they are called otherwise.
IN_IAM = {"tagging": "tag", "monitoring": "cloudwatch", "email": "ses"}
MODELS = {"apigateway": ["apigateway", "apigatewayv2"], "elasticfilesystem": ["efs"], "es": ["es", "opensearch"], "bedrock": ["bedrock"]}
# S3 has a model of hosts, and a local AWS has paths.
S3 = [
    ("GET", r"^/(\?|$)", "ListAllMyBuckets"), ("GET", r"^/[^/?]+/?\?.*\btagging\b", "GetBucketTagging"),
    ("PUT", r"^/[^/?]+/?\?.*\btagging\b", "PutBucketTagging"), ("DELETE", r"^/[^/?]+/?\?.*\btagging\b", "PutBucketTagging"),
    ("GET", r"^/[^?]+\?.*\btagging\b", "GetObjectTagging"), ("PUT", r"^/[^?]+\?.*\btagging\b", "PutObjectTagging"),
    ("DELETE", r"^/[^?]+\?.*\btagging\b", "DeleteObjectTagging"), ("GET", r"^/[^/?]+/?\?.*\blist-type=2", "ListBucket"), ("GET", r"^/[^/?]+/[^?]+", "GetObject"),
]


def seen(handler, body):
    """What tells a request's permission: service, method, path, and the operation where the request names it."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", handler.headers.get("authorization") or "")
    target, form = handler.headers.get("x-amz-target"), re.search(rb"(?:^|&)Action=(\w+)", body)
    name = target.split(".")[-1] if target else form[1].decode() if form else ""
    return scope[1] if scope else "", handler.command, handler.path, name


def permission(service, method, path, name):
    """Whatever no model has, is called by its method and path."""
    if service == "apigateway":
        return f"apigateway:{method}"
    if service == "s3":
        name = next((name for verb, pattern, name in S3 if verb == method and re.search(pattern, path)), "")
    name = name or next((name for verb, pattern, query, name in operations(service) if verb == method and fits(pattern, query, path)), f"{method} {path}")
    return f"{IN_IAM.get(service, service)}:{name}"


def fits(pattern, query, path):
    path, _, asked = path.partition("?")
    return pattern.fullmatch(urllib.parse.unquote(path).rstrip("/")) and query <= set(urllib.parse.parse_qs(asked, keep_blank_values=True))


@functools.cache
def operations(service):
    """Method, pattern of the path, names in the query, and name of the operations that are told by them; those with the most to tell first."""
    session, found = botocore.session.get_session(), []
    known = session.get_available_services()
    for model in (session.get_service_model(name) for name in MODELS.get(service, [service]) if name in known):
        for operation in map(model.operation_model, model.operation_names):
            path, _, query = operation.http["requestUri"].partition("?")
            parts = re.split(r"(\{\w+\+?\})", path.rstrip("/"))
            pattern = "".join(re.escape(part) if nth % 2 == 0 else ".+" if part.endswith("+}") or "tags" in path else "[^/]+" for nth, part in enumerate(parts))
            names = {part.split("=")[0] for part in query.split("&") if part}
            found.append((operation.http["method"], re.compile(pattern), names, operation.name))
    return sorted(found, key=lambda one: (-len(one[2]), one[1].pattern.count("+"), -len(one[1].pattern)))
