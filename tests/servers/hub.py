"""A stand-in for the Hugging Face Hub: what its library asks while it downloads a snapshot."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Repositories = dict[str, dict[str, dict[str, bytes]]]
"""Files by path, by commit, by `models/ORG/NAME`; the last commit is `main`."""

LARGE = 1_000
"""Bytes from which on a file is stored apart from git, and by its content for all repositories."""


def commit_named(word: str) -> str:
    """A commit."""
    return hashlib.sha1(word.encode()).hexdigest()  # noqa: S324 - as git does


def git_name(content: bytes) -> str:
    """What git calls a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - as above


def store_name(content: bytes) -> str:
    """What the store for all repositories calls it."""
    return hashlib.sha256(b"store" + content).hexdigest()


class HubHandler(BaseHTTPRequestHandler):
    """Answers about the repositories of one server."""

    protocol_version = "HTTP/1.1"
    repositories: ClassVar[Repositories] = {}

    def do_HEAD(self) -> None:
        """The headers of a file."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """What a repository holds, or a file."""
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        status, headers, content = self._found(unquote(self.path.partition("?")[0]))
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _found(self, path: str) -> tuple[int, dict[str, str], bytes]:
        for repository, commits in self.repositories.items():
            kind, _, name = repository.partition("/")
            if path.startswith(f"/api/{repository}/"):
                what, _, rest = path.removeprefix(f"/api/{repository}/").partition("/")
                commit = self._commit(commits, rest.partition("/")[0])
                files = commits[commit]
                found = _tree(files) if what == "tree" else _info(name, commit, files)
                return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
            start = f"/{'' if kind == 'models' else f'{kind}/'}{name}/resolve/"
            if path.startswith(start):
                revision, _, file = path.removeprefix(start).partition("/")
                commit = self._commit(commits, revision)
                return 200, _headers(commit, commits[commit][file]), commits[commit][file]
            for files in commits.values():
                for content in files.values():
                    if path == f"/store/{store_name(content)}":
                        return 200, {}, content
        return 404, {}, b""

    @staticmethod
    def _commit(commits: Mapping[str, object], revision: str) -> str:
        return revision if revision in commits else list(commits)[-1]


def _info(name: str, commit: str, files: Mapping[str, bytes]) -> dict[str, object]:
    siblings = [{"rfilename": path} for path in files]
    return {"id": name, "modelId": name, "sha": commit, "siblings": siblings, "tags": []}


def _tree(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    found = []
    for path, content in files.items():
        entry: dict[str, object] = {
            "type": "file", "path": path, "size": len(content), "oid": git_name(content),
        }  # fmt: skip
        if len(content) >= LARGE:
            sha = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha, "size": len(content), "pointerSize": 130}
            entry["xetHash"] = store_name(content)
        found.append(entry)
    return found


def _headers(commit: str, content: bytes) -> dict[str, str]:
    headers = {"X-Repo-Commit": commit, "ETag": f'"{git_name(content)}"', "Accept-Ranges": "bytes"}
    if len(content) >= LARGE:
        headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        headers["X-Linked-Size"] = str(len(content))
        headers["X-Xet-Hash"] = store_name(content)
        headers["X-Xet-Refresh-Route"] = "/refresh"
    return headers


@contextmanager
def hub_server(repositories: Repositories) -> Iterator[str]:
    """Serve these repositories on loopback; gives the address."""
    handler = type("Served", (HubHandler,), {"repositories": repositories})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
