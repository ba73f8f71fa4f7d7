"""The process that serves one MLflow store, run by the Python that MLflow is installed in.

    PYTHON mlflow_serving.py STORE ARTIFACTS SOCKET [read-only]

It is MLflow's own web application, at a Unix socket that only its user can reach, for as long as
its standard input is open: that ends with whoever started it, however they end. MLflow itself
would bring a database of an older version up to date without a word, or fill an empty one; here
such a one is left alone. With `read-only` the database is opened so that nothing can be written.

Nothing of this package is imported: the Python is another's, and may be older. How it ended is the
last line that it says, and its exit code.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

OLDER, NEWER = 3, 4
"""Exit codes: the database is of an older MLflow than this one, or of a newer."""

LEAVE_S = 10.0
"""Seconds in which requests that are under way come to their end."""


def main(argv: list[str]) -> None:
    """Serve until standard input ends."""
    store, artifacts, socket = argv[:3]
    read_only = "read-only" in argv[3:]
    home = Path(socket).parent
    watch = Watch(home)
    if sys.path[0] == str(Path(__file__).parent):
        del sys.path[0]  # our modules are none of MLflow's
    os.chdir(home)  # what lies in the folder of a store must not pose as a module
    # Odd characters in a path are read differently by different versions of SQLAlchemy.
    Path("store").symlink_to(store)
    if "://" not in artifacts:
        Path("artifacts").symlink_to(artifacts)
        artifacts = str(home / "artifacts")
    tracking = registry = str(home / "store")
    if Path(store).is_dir():
        registry = registry_of(tracking, home)
        if read_only:
            keep_trash_out(tracking, home)
    else:
        check_schema(f"sqlite:///file:{tracking}?mode=ro&uri=true")
        mode = "ro" if read_only else "rw"
        tracking = registry = f"sqlite:///file:{tracking}?mode={mode}&uri=true"
    os.environ.update(
        {
            "_MLFLOW_SERVER_FILE_STORE": tracking,
            "_MLFLOW_SERVER_REGISTRY_STORE": registry,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        }
    )
    serve(socket, watch)


class Watch:
    """Ends the server when standard input does, or the process while there is none yet."""

    def __init__(self, home: Path) -> None:
        self.server: Any = None
        self._home = home
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while os.read(0, 1 << 10):
            pass
        shutil.rmtree(self._home, ignore_errors=True)
        if self.server is None:
            os._exit(0)
        self.server.shutdown()


def check_schema(uri: str) -> None:
    """End here unless a database is of the version of MLflow that is installed."""
    utils: Any = import_module("mlflow.store.db.utils")
    engine = utils.create_sqlalchemy_engine(uri)
    found, known = utils._get_schema_version(engine), utils._get_latest_schema_revision()
    if found != known or not utils._all_tables_exist(engine):
        scripts = utils.ScriptDirectory.from_config(utils._get_alembic_config(""))
        revisions = {one.revision for one in scripts.walk_revisions()}
        code = OLDER if found is None or found in revisions else NEWER
        print(f"{found} {known}", file=sys.stderr)  # noqa: T201 - for who started us
        sys.exit(code)
    engine.dispose()
    # It would make one where somebody has purged that.
    stores: Any = import_module("mlflow.store.tracking.sqlalchemy_store")
    stores.SqlAlchemyStore._create_default_experiment = lambda *_: None


def registry_of(folder: str, home: Path) -> str:
    """The registered models of a folder; an empty one elsewhere where it has none.

    MLflow makes the folder for them when it is missing.
    """
    return folder if (Path(folder) / "models").is_dir() else str(home / "registry")


def keep_trash_out(folder: str, home: Path) -> None:
    """Have MLflow make the folder for deleted experiments elsewhere, where there is none."""
    stores: Any = import_module("mlflow.store.tracking.file_store")
    if not (Path(folder) / stores.FileStore.TRASH_FOLDER_NAME).is_dir():
        stores.FileStore.TRASH_FOLDER_NAME = str(home / "trash")


def serve(socket: str, watch: Watch) -> None:
    """Answer at a socket, which is there once it is listened to."""
    app: Any = import_module("mlflow.server").app
    serving: Any = import_module("werkzeug.serving")

    class Quiet(serving.WSGIRequestHandler):  # type: ignore[misc] # nothing is known of its base
        """Writes down no request."""

        def log(self, *_: object) -> None:
            pass

    begun = Path(f"{socket}-begun")
    server = serving.make_server(f"unix://{begun}", 0, app, threaded=True, request_handler=Quiet)
    server.daemon_threads = False  # requests that are under way are waited for
    watch.server = server
    begun.rename(socket)
    server.serve_forever()
    late = threading.Timer(LEAVE_S, os._exit, [0])
    late.daemon = True
    late.start()
    server.server_close()


if __name__ == "__main__":
    main(sys.argv[1:])
