"""AWS Resource Explorer in front of a local AWS, which has none: indexes, views and `ListResources`, as AWS documents them. All else is
passed on, except for what the tagging API is told to do: expire a token, or fail in a Region.

https://docs.aws.amazon.com/resource-explorer/latest/apireference/API_ListResources.html
"""
import json

from fault_proxy import Proxy, Unreliable
from local_aws import ACCOUNT, REGION

JSON = {"content-type": "application/json"}
# https://docs.aws.amazon.com/resource-explorer/latest/userguide/quotas.html
CALLS_PER_SECOND = 3
# Services whose actions have another prefix than their signatures.
IN_IAM = {"tagging": "tag"}


def view(name, tags=True, filter="", region=REGION):
    arn = f"arn:aws:resource-explorer-2:{region}:{ACCOUNT}:view/{name}/00000000-0000-4000-8000-000000000001"
    return {"ViewArn": arn, "Owner": ACCOUNT, "IncludedProperties": [{"Name": "tags"}] if tags else [], "Filters": {"FilterString": filter}}


class ResourceExplorer(Unreliable):
    """`indexes` are Region and type, `views` by Region; `resources` have ARN, type and tags, whatever the local AWS has. `broken` has
    Regions in which the tagging API fails, `expiring` how many tokens of it are too old. `asked` are
    operations and Regions, `actions` what IAM calls them."""

    def __init__(self, upstream, indexes=(), views=(), resources=(), **more):
        self.indexes, self.views, self.resources = list(indexes), list(views), list(resources)
        self.broken, self.expiring, self.asked, self.actions = set(), 0, [], set()
        super().__init__(upstream, quotas={f"/{name}": CALLS_PER_SECOND for name in OPERATIONS}, **more)
        self.RequestHandlerClass = Handler

    def list_indexes(self, asked, region):
        return {"Indexes": [{"Region": name, "Type": kind, "Arn": f"arn:aws:resource-explorer-2:{name}:{ACCOUNT}:index/1"} for name, kind in self.indexes]}

    def list_views(self, asked, region):
        return {"Views": [one["ViewArn"] for one in self.views if f":{region}:" in one["ViewArn"]]}

    def batch_get_view(self, asked, region):
        assert len(asked["ViewArns"]) <= 20, asked
        return {"Views": [one for one in self.views if one["ViewArn"] in asked["ViewArns"]], "Errors": []}

    def list_resources(self, asked, region):
        assert asked["Filters"] == {"FilterString": "resourcetype.supports:tags"}, asked
        chosen = next(one for one in self.views if one["ViewArn"] == asked["ViewArn"])
        has_tags = bool(chosen["IncludedProperties"])
        start, count = int(asked.get("NextToken", "0")), asked["MaxResults"]
        page = [self.shown(*one) for one in self.resources[start:start + count]]
        # With pages of 1,000 there is no token.
        more = {"NextToken": str(start + count)} if len(self.resources) > start + count and count < 1000 else {}
        return {"Resources": page if has_tags else [], "ViewArn": asked["ViewArn"], **more}

    @staticmethod
    def shown(arn, kind, tags, account=ACCOUNT):
        data = [{"Key": key, "Value": value} for key, value in tags.items()]
        properties = [{"Name": "tags", "LastReportedAt": "2026-11-26T20:00:00Z", "Data": data}] if data else []
        return {"Arn": arn, "OwningAccountId": account, "Region": arn.split(":")[3] or REGION, "ResourceType": kind, "Service": kind.split(":")[0],
                "LastReportedAt": "2026-11-26T20:00:00Z", "Properties": properties}


OPERATIONS = {"ListIndexes": ResourceExplorer.list_indexes, "ListViews": ResourceExplorer.list_views,
              "BatchGetView": ResourceExplorer.batch_get_view, "ListResources": ResourceExplorer.list_resources}


class Handler(Proxy):
    def forward(self, body):
        server, operation = self.server, self.operation(body)
        region = self.headers.get("authorization", "").split("/")[2:3]
        region = region[0] if region else ""
        server.asked.append((operation, region))
        server.actions.add(f"{IN_IAM.get(self.service(), self.service())}:{operation.removeprefix('/')}")
        answer = OPERATIONS.get(operation.removeprefix("/"))
        if answer and self.service() == "resource-explorer-2":
            return 200, JSON, json.dumps(answer(server, json.loads(body or b"{}"), region)).encode()
        if operation == "GetResources":
            asked = json.loads(body)
            if region in server.broken:
                return error("InternalServiceException", "no")
            if asked.get("PaginationToken") and server.expiring:
                server.expiring -= 1
                return error("PaginationTokenExpiredException", "A PaginationToken is valid for a maximum of 15 minutes")
        return super().forward(body)


def error(code, message):
    return 400, {"content-type": "application/x-amz-json-1.1"}, json.dumps({"__type": code, "message": message}).encode()
