"""A real MLflow server in a process of its own: its web application on an empty database.

Imported, it makes that database once; every server begins with a copy (see `registry`).
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import signal
import socket
import sqlite3
import tempfile
import threading
import traceback
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import got_request_exception
from mlflow.server import app
from mlflow.server.constants import (
    ARTIFACT_ROOT_ENV_VAR,
    ARTIFACTS_DESTINATION_ENV_VAR,
    BACKEND_STORE_URI_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _empty_database() -> Path:
    """A database as a server makes it: with its tables, and the default experiment."""
    path = Path(tempfile.mkdtemp(prefix="empty-mlflow-")) / "mlflow.db"
    store = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")  # type: ignore[no-untyped-call]
    store._dispose_engine()  # type: ignore[no-untyped-call]
    return path


logging.disable(logging.CRITICAL)
EMPTY = _empty_database()


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing is said."""


class Faults:
    """What happens to one of the next deletions, as the file `fault` says: WHICH WHAT PLAN.

    `kill` and `kill-after` end the process that applies the plan, before the deletion is carried
    out or after; `drop` and `fail-after` carry it out, and answer with nothing or with a failure;
    `fail` and `busy` do not carry it out.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "fault"
        self._lock = threading.Lock()

    def __call__(
        self, environ: dict[str, Any], start: Callable[..., Callable[[bytes], object]]
    ) -> Iterable[bytes]:
        """Answer a request, with a fault when one is due."""
        what, plan = self._due(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if not what:
            return app(environ, start)
        if what == "kill":
            self._kill(plan)
        if what in {"kill", "fail", "busy"}:
            start("500 OOPS" if what == "fail" else "503 BUSY", [("Content-Type", "text/html")])
            return [b"database is locked"]
        list(app(environ, lambda *_: print))  # it is carried out
        if what == "kill-after":
            self._kill(plan)
        if what == "drop":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start("500 OOPS", [("Content-Type", "text/html")])
        return [b"the server fell over"]

    def _due(self, method: str, path: str) -> tuple[str, str]:
        """What happens to this request, and the plan; nothing, mostly."""
        if method != "DELETE" and not path.endswith("runs/delete"):
            return "", ""
        with self._lock:
            try:
                which, what, plan = self._file.read_text().split(" ", 2)
            except FileNotFoundError:
                return "", ""
            if int(which) > 1:
                self._file.write_text(f"{int(which) - 1} {what} {plan}")
                return "", ""
            self._file.unlink()
            return what, plan

    def _kill(self, plan: str) -> None:
        """End the process that applies a plan, as the plan names it."""
        with closing(sqlite3.connect(f"file:{plan}?mode=ro", uri=True)) as conn:
            ((pid,),) = conn.execute("SELECT pid FROM run ORDER BY id DESC LIMIT 1")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def variables(folder: Path) -> dict[str, str]:
    """What MLflow's command line tells the application of where everything is.

    A file `elsewhere` tells where it is not in the folder itself: `store`, `artifacts`, and more.
    """
    elsewhere = folder / "elsewhere"
    given = json.loads(elsewhere.read_text()) if elsewhere.exists() else {}
    return {
        BACKEND_STORE_URI_ENV_VAR: given.pop("store", f"sqlite:///{folder}/mlflow.db"),
        ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        ARTIFACTS_DESTINATION_ENV_VAR: given.pop("artifacts", str(folder / "artifacts")),
        SERVE_ARTIFACTS_ENV_VAR: "true",
        **given,
    }


def serve(folder: Path, owner: int) -> None:
    """Serve what is in a folder while a process lives; the first line printed is the port."""
    shutil.copyfile(EMPTY, folder / "empty.db")
    shutil.copyfile(EMPTY, folder / "mlflow.db")
    os.environ.update(variables(folder))
    faults = Faults(folder)

    def note(_: object, exception: Exception) -> None:
        """Tell why a request failed in the server itself: its answer is a page without a word."""
        with (folder / "errors").open("a", encoding="utf-8") as file:
            traceback.print_exception(exception, file=file)

    got_request_exception.connect(note, app, weak=False)

    def logged(
        environ: dict[str, Any], start: Callable[..., Callable[[bytes], object]]
    ) -> Iterable[bytes]:
        with (folder / "requests").open("a", encoding="utf-8") as file:
            file.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}\n")
        wanted = (folder / "guard").read_text() if (folder / "guard").exists() else ""
        if wanted and environ.get("HTTP_AUTHORIZATION", "") != wanted:
            challenge = [("Content-Type", "text/html"), ("WWW-Authenticate", "Basic")]
            start("401 UNAUTHORIZED", challenge)  # as MLflow's own basic-auth answers
            return [b"You are not authenticated. Please see the documentation."]
        user = (folder / "user").read_text() if (folder / "user").exists() else ""
        if user and environ["PATH_INFO"].endswith("/users/current"):
            start("200 OK", [("Content-Type", "application/json")])
            return [user.encode()]
        most = (folder / "most").read_text() if (folder / "most").exists() else ""
        if most and environ["PATH_INFO"].endswith("model-versions/search"):
            asked = environ["QUERY_STRING"]
            environ["QUERY_STRING"] = re.sub("max_results=[0-9]+", f"max_results={most}", asked)
        if most and environ["PATH_INFO"].endswith("logged-models/search"):
            body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            told = json.dumps({**body, "max_results": int(most)}).encode()
            environ |= {"wsgi.input": io.BytesIO(told), "CONTENT_LENGTH": str(len(told))}
        os.environ[SERVE_ARTIFACTS_ENV_VAR] = "false" if (folder / "closed").exists() else "true"
        return faults(environ, start)

    server = make_server("127.0.0.1", 0, logged, threaded=True, request_handler=Quiet)
    server.service_actions = lambda: os.kill(owner, 0)  # type: ignore[method-assign]
    print(server.server_port, flush=True)  # noqa: T201 - for who started it
    server.serve_forever()
