"""A real MLflow server for tests, and other people who use it, by its REST interface.

One for each process of tests: each test has a fresh database and no artifacts.
"""

from __future__ import annotations

import atexit
import base64
import functools
import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.support import forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SERVE = """
import sys
from pathlib import Path
from tests.servers.mlflow.flask_server import serve
serve(Path(sys.argv[1]), int(sys.argv[2]))
"""

_JUDGE = """
import sys
from tests.servers.mlflow.mlflow_judge import judge
judge(sys.argv[1], sys.argv[2:])
"""


class MlflowRegistry:
    """One server, and what other people do there."""

    def __init__(self, folder: Path, variables: Mapping[str, str] = {}) -> None:
        self.folder = folder
        reading, writing = os.pipe()
        self._process = forked.start(
            ["-c", _SERVE, str(folder), str(os.getpid())],
            imports=forked.MLFLOW,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TMPDIR": str(folder),
                **variables,
            },
            cwd=folder,  # that of the test which needs it first does not last
            stdout=writing,
        )
        os.close(writing)
        with os.fdopen(reading) as said:
            self.url = f"http://127.0.0.1:{int(said.readline())}"
        self.address = f"mlflow+{self.url}"
        self._http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    @property
    def root(self) -> dict[str, str]:
        """What a person says of where its artifacts are."""
        return {"artifact_root": f"{self.folder}/artifacts"}

    def clear(self) -> None:
        """Make it as if it had just been installed."""
        self.clear_tables()
        self.clear_artifacts()
        self.forget()
        self.guard("", "")
        self.at_most("")
        self.user(admin=None)
        for left in ("closed", "fault"):
            (self.folder / left).unlink(missing_ok=True)

    def clear_tables(self) -> None:
        """Make its database as it was in the beginning."""
        with (
            closing(sqlite3.connect(self.folder / "empty.db")) as empty,
            closing(sqlite3.connect(self.folder / "mlflow.db", timeout=30)) as here,
        ):
            empty.backup(here)

    def clear_artifacts(self) -> None:
        """Leave no stored file."""
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)

    def guard(self, name: str, password: str) -> None:
        """Answer only who shows this login from now on; without one, everybody."""
        pair = base64.b64encode(f"{name}:{password}".encode()).decode()
        (self.folder / "guard").write_text(f"Basic {pair}" if name else "")

    def user(self, *, admin: bool | None) -> None:
        """Answer as one with users: who asks is an admin, or not; None: it has none."""
        said = {"user": {"id": 7, "username": "ada", "is_admin": admin}, "is_basic_auth": True}
        (self.folder / "user").write_text("" if admin is None else json.dumps(said))

    def close_store(self) -> None:
        """Run as with `--no-serve-artifacts` from now on."""
        (self.folder / "closed").touch()

    def fault(self, which: int, what: str, plan: Path) -> None:
        """Let something happen to the deletion of that number: see `flask_server.Faults`."""
        (self.folder / "fault").write_text(f"{which} {what} {plan}")

    def no_fault(self) -> None:
        """Let nothing happen any more."""
        (self.folder / "fault").unlink(missing_ok=True)

    def at_most(self, rows: str) -> None:
        """Tell so many versions, or logged models, on a page; with "" as many as asked for."""
        (self.folder / "most").write_text(rows)

    def forget(self) -> None:
        """Forget which requests came."""
        (self.folder / "requests").write_text("")

    def requests(self) -> list[str]:
        """The method and path of each request since then, those of `call` included."""
        return (self.folder / "requests").read_text().splitlines()

    def call(self, method: str, path: str, **body: Any) -> Any:
        """What the REST interface answers, somewhere below `/api/2.0/mlflow/`."""
        given: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        answer = self._http.request(method, f"/api/2.0/mlflow/{path}", **given)
        assert answer.is_success, f"{answer.text}\n{self.errors()}"
        return answer.json()

    def errors(self) -> str:
        """What failed in the server itself, of which its answers tell nothing."""
        path = self.folder / "errors"
        return path.read_text() if path.exists() else ""

    def version(self, name: str, source: str, *, tags: Mapping[str, str] = {}, **more: Any) -> str:
        """Somebody makes a version, and the registered model for the first; gives its key."""
        with self.database() as rows:
            known = rows("SELECT 1 FROM registered_models WHERE name = ?", name)
        if not known:
            self.call("POST", "registered-models/create", name=name)
        told = [{"key": key, "value": value} for key, value in tags.items()]
        if source.startswith("models:/m-"):
            more["model_id"] = source.removeprefix("models:/")
        made = self.call(
            "POST", "model-versions/create", name=name, source=source, tags=told, **more
        )
        return f"models:/{name}/{made['model_version']['version']}"

    def fill(self, name: str, count: int) -> None:
        """Somebody makes more versions of a registered model; by requests it takes seconds."""
        with closing(sqlite3.connect(self.folder / "mlflow.db", timeout=30)) as conn, conn:
            (last,) = conn.execute(
                "SELECT max(version) FROM model_versions WHERE name = ?", [name]
            ).fetchone()
            conn.executemany(
                """INSERT INTO model_versions(name, version, creation_time, last_updated_time,
                  source, current_stage, status) VALUES(?, ?, 1, 1, ?, 'None', 'READY')""",
                [(name, last + n, f"s3://bucket/more/{n}") for n in range(1, count + 1)],
            )

    def enter(self, workspace: str) -> None:
        """Make a workspace, where there are several; what somebody makes from now on is in it."""
        made = self._http.post("/api/3.0/mlflow/workspaces", json={"name": workspace})
        assert made.is_success, made.text
        self._http.headers["X-MLFLOW-WORKSPACE"] = workspace

    def prompt(self, name: str, text: str) -> str:
        """Somebody makes a version of a prompt; gives its key."""
        mark = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        self.call("POST", "registered-models/create", name=name, tags=mark)
        said = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": text}
        return self.version(name, "dummy-source", tags=said)

    def experiment(self, name: str, place: str = "") -> str:
        """The id of an experiment, made when it is new, with its artifacts at a place."""
        with self.database() as rows:
            known = rows("SELECT experiment_id FROM experiments WHERE name = ?", name)
        if known:
            return str(known[0][0])
        more = {"artifact_location": place} if place else {}
        return str(self.call("POST", "experiments/create", name=name, **more)["experiment_id"])

    def run(
        self,
        experiment: str,
        *,
        name: str = "",
        tags: Mapping[str, str] = {},
        files: Mapping[str, bytes] = {},
    ) -> str:
        """Somebody's run, with an end; gives its key."""
        with self.database() as rows:
            ((made,),) = rows("SELECT count(*) FROM runs")
        told = [{"key": key, "value": value} for key, value in tags.items()]
        more = {"run_name": name} if name else {}
        info = self.call(
            "POST", "runs/create", experiment_id=self.experiment(experiment),
            start_time=1_790_000_000_000 + made, tags=told, **more,
        )["run"]["info"]  # fmt: skip
        run = info["run_id"]
        for path, content in files.items():
            self.put(f"{info['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{path}", content)
        self.call("POST", "runs/update", run_id=run, status="FINISHED", end_time=1_795_000_000_000)
        return f"runs:/{run}"

    def logged(self, run: str, name: str, files: Mapping[str, bytes] = {}) -> str:
        """A run logs a model; gives its key."""
        run = run.removeprefix("runs:/")
        place = self.call("GET", "runs/get", run_id=run)["run"]["info"]["experiment_id"]
        made = self.call(
            "POST", "logged-models", experiment_id=place, name=name, source_run_id=run
        )["model"]["info"]  # fmt: skip
        self.call("POST", "runs/outputs", run_id=run, models=[{"model_id": made["model_id"]}])
        ready = {"model_id": made["model_id"], "status": "LOGGED_MODEL_READY"}
        self.call("PATCH", f"logged-models/{made['model_id']}", **ready)
        for path, content in files.items():
            self.put(f"{made['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{path}", content)
        return f"models:/{made['model_id']}"

    def dataset(self, run: str, name: str, digest: str) -> str:
        """A run uses a dataset; gives its key."""
        one = {"name": name, "digest": digest, "source_type": "local", "source": "data.csv"}
        run = run.removeprefix("runs:/")
        self.call("POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": one}])
        return f"datasets:/{name}/{digest}"

    def trace(self, experiment: str) -> None:
        """Somebody's trace in an experiment."""
        place = {"experiment_id": self.experiment(experiment)}
        info = {
            "trace_id": "tr-1",
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": place},
            "request_time": "2026-01-01T00:00:00Z",
            "state": "OK",
        }
        told = {"trace": {"trace_info": info}}
        answer = self._http.post("/api/3.0/mlflow/traces", json=told)
        assert answer.is_success, answer.text

    def put(self, path: str, content: bytes) -> None:
        """Somebody stores a file below the artifact root."""
        answer = self._http.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=content)
        assert answer.is_success, answer.text

    def files(self) -> dict[str, int]:
        """The sizes of all stored files, by path below the artifact root."""
        root = self.folder / "artifacts"
        return {
            one.relative_to(root).as_posix(): one.stat().st_size
            for one in root.rglob("*")
            if one.is_file()
        }

    def content(self, path: str) -> bytes:
        """What a stored file holds, by its path below the artifact root."""
        return (self.folder / "artifacts" / path).read_bytes()

    def judged(self, versions: Iterable[str]) -> dict[str, list[str] | str]:
        """What MLflow's own client loads of each URI: digests of files, or why nothing."""
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        home["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        ran = forked.run(["-c", _JUDGE, self.url, *versions], imports=forked.MLFLOW, env=home)
        assert ran.returncode == 0, ran.stderr
        found: dict[str, list[str] | str] = json.loads(ran.stdout)
        return found

    def versions(self) -> set[str]:
        """NAME/NUMBER of every version that is there."""
        with self.database() as rows:
            found = rows(
                "SELECT name || '/' || version FROM model_versions"
                " WHERE current_stage <> 'Deleted_Internal'"
            )
        return {name for (name,) in found}

    def sources(self) -> set[str]:
        """What versions that are there say that they are made from."""
        with self.database() as rows:
            found = rows(
                "SELECT source FROM model_versions WHERE current_stage <> 'Deleted_Internal'"
            )
        return {source for (source,) in found}

    def stages(self, table: str) -> list[str]:
        """`active` or `deleted`, of each run or logged model."""
        with self.database() as rows:
            return [stage for (stage,) in rows(f"SELECT lifecycle_stage FROM {table}")]

    def experiments(self) -> dict[str, str]:
        """`active` or `deleted`, of each experiment by name."""
        with self.database() as rows:
            return dict(rows("SELECT name, lifecycle_stage FROM experiments"))

    def aliases(self) -> set[tuple[str, str, str]]:
        """Model, number and name of every alias."""
        with self.database() as rows:
            found = rows("SELECT name, version, alias FROM registered_model_aliases")
        return {(name, str(version), alias) for name, version, alias in found}

    @contextmanager
    def database(self) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
        """The rows that the server's own database has for a query; a change is made at once."""
        file = self.folder / "mlflow.db"
        with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as conn:
            yield lambda query, *values: conn.execute(query, values).fetchall()

    def close(self) -> None:
        self._process.kill()
        self._http.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def _server() -> MlflowRegistry:
    found = MlflowRegistry(Path(tempfile.mkdtemp(prefix="mlflow-")))
    atexit.register(found.close)
    return found


def fresh_mlflow() -> MlflowRegistry:
    """The server of this process, emptied."""
    found = _server()
    found.clear()
    return found
