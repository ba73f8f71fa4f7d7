"""An S3 server with one oddity, in a thread: those of other makers, and buckets with rules."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
OLD = "2024-01-01T00:00:00.000Z"
_ENTRY = re.compile(rb"<Object>.*?<Key>([^<]*)</Key>.*?</Object>", re.DOTALL)

WHOLE = {
    "nobatch": (501, "NotImplemented", "A header you provided is not implemented."),
    "malformed": (400, "MalformedXML", "The XML you provided was not well-formed."),
    "forbidden": (403, "AccessDenied", "DeleteObjects is not allowed here."),
}
"""How a batch is answered by servers, or policies, that know no batches."""

SINGLE = {
    "denied": "Access Denied",
    "lock": "Access Denied because object protected by object lock.",
}
"""What one key is answered with."""


class OddS3:
    """The objects of one bucket; `mode` says what is odd, `odd_key` about which object."""

    def __init__(self, mode: str, objects: dict[str, int], odd_key: str = "") -> None:
        self.mode = mode
        self.objects = objects
        self.odd_key = odd_key
        self.slow = 2
        """So many deletions are still throttled, in modes `slow` and `throttle`."""
        self.calls: Counter[str] = Counter()
        """How often each method was called."""
        self.endpoint = ""

    def refused(self, method: str, headers: dict[str, str]) -> tuple[int, str, str] | None:
        """The answer to a deletion that is refused as a whole: status, code, words."""
        if self.mode == "slow" and self.slow:
            self.slow -= 1
            return 503, "SlowDown", "Please reduce your request rate."
        if self.mode == "throttle" and self.slow:
            self.slow -= 1
            return 403, "AccessDenied", "Too many requests."
        if method == "DELETE":
            return None
        if self.mode == "md5" and "content-md5" not in headers:
            return 400, "MissingContentMD5", "Missing required header: Content-Md5."
        return WHOLE.get(self.mode)

    def delete(self, name: str) -> str:
        """Delete one object; why not, if that is so."""
        if name == self.odd_key and self.mode in SINGLE:
            return SINGLE[self.mode]
        self.objects.pop(name, None)
        return ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    odd: OddS3

    def log_message(self, *_: object) -> None:
        """Silence."""

    def _answer(self, status: int, body: str = "") -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", "application/xml")
        if self.odd.mode == "throttle" and status == 403:
            self.send_header("retry-after", "1")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, code: str, words: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{words}</Message></Error>")

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "versioning" in query:
            if self.odd.mode == "nobatch":  # such a server knows few requests
                self._error(*WHOLE["nobatch"])
            else:
                self._answer(200, f"<VersioningConfiguration {XMLNS}/>")
            return
        prefix, after = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{OLD}</LastModified>"
            f'<ETag>"{size}"</ETag><Size>{size}</Size></Contents>'
            for name, size in sorted(self.odd.objects.items())
            if name.startswith(prefix) and name > after
        )
        listing = f"<Name>b</Name><IsTruncated>false</IsTruncated>{rows}"
        self._answer(200, f"<ListBucketResult {XMLNS}>{listing}</ListBucketResult>")

    def do_POST(self) -> None:
        self.odd.calls["POST"] += 1
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if refused := self.odd.refused("POST", headers):
            self._error(*refused)
            return
        answer = ""
        for key in _ENTRY.findall(body):
            name = key.decode()
            if why := self.odd.delete(name):
                answer += f"<Error><Key>{name}</Key><Code>AccessDenied</Code>"
                answer += f"<Message>{why}</Message></Error>"
            else:
                answer += f"<Deleted><Key>{name}</Key></Deleted>"
        self._answer(200, f"<DeleteResult {XMLNS}>{answer}</DeleteResult>")

    def do_DELETE(self) -> None:
        self.odd.calls["DELETE"] += 1
        if refused := self.odd.refused("DELETE", {}):
            self._error(*refused)
        elif why := self.odd.delete(unquote(urlsplit(self.path).path).split("/", 2)[2]):
            self._error(403, "AccessDenied", why)
        else:
            self._answer(204)


@contextlib.contextmanager
def odd_s3(mode: str, objects: dict[str, int], odd_key: str = "") -> Iterator[OddS3]:
    """A bucket `b` with these objects, on loopback."""
    odd = OddS3(mode, objects, odd_key)
    handler = type("Handler", (_Handler,), {"odd": odd})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        odd.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield odd
        finally:
            server.shutdown()
            thread.join()
