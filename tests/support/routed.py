"""One address for several local AWSs: each answers the operations that the others lack."""
import http.client
import re

from runtime_api import Handler, Server


class Routed(Server):
    """Sends requests whose target or path matches a pattern to its server, all others to the first."""

    def __init__(self, url, routes):
        self.upstreams = [(re.compile(pattern), to) for pattern, to in routes.items()] + [(re.compile(""), url)]
        super().__init__(Forwarded)
        self.url = f"http://{self.address}"

    def upstream(self, operation):
        return next(url for pattern, url in self.upstreams if pattern.search(operation)).removeprefix("http://")


class Forwarded(Handler):
    def serve(self):
        body, operation = self.body(), self.headers.get("x-amz-target") or self.path
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("content-length", "connection")}
        connection = http.client.HTTPConnection(self.server.upstream(operation), timeout=60)
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            kept = {key: value for key, value in answer.getheaders()
                    if key.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server")}
            self.answer(answer.read(), kept, answer.status)
        finally:
            connection.close()

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve
