"""A real MLflow server in a process of its own: its web application on an empty database.

Imported, it makes that database once; every server begins with a copy (see `registry`).
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def variables(folder: Path) -> dict[str, str]:
    """What MLflow's command line tells the application of where everything is."""
    return {
        BACKEND_STORE_URI_ENV_VAR: f"sqlite:///{folder}/mlflow.db",
        ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        ARTIFACTS_DESTINATION_ENV_VAR: str(folder / "artifacts"),
        SERVE_ARTIFACTS_ENV_VAR: "true",
    }


def serve(folder: Path, owner: int) -> None:
    """Serve what is in a folder while a process lives; the first line printed is the port."""
    shutil.copyfile(EMPTY, folder / "empty.db")
    shutil.copyfile(EMPTY, folder / "mlflow.db")
    os.environ.update(variables(folder))

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
        os.environ[SERVE_ARTIFACTS_ENV_VAR] = "false" if (folder / "closed").exists() else "true"
        return app(environ, start)

    server = make_server("127.0.0.1", 0, logged, threaded=True, request_handler=Quiet)
    server.service_actions = lambda: os.kill(owner, 0)  # type: ignore[method-assign]
    print(server.server_port, flush=True)  # noqa: T201 - for who started it
    server.serve_forever()
