"""Deletions and an inventory of a real MLflow server, against MLflow's own client and one request.

    python -m benchmarks.mlflow_delete [--count 500] [--turn 100] [--rounds 5]

Its application runs on uvicorn with four workers, as `mlflow server` starts it. All 2,597 versions
of 200 models are listed: by ours, and by one plain request for all of them. Then versions of the
largest model are deleted: by the loop over `MlflowClient.delete_model_version` that people write,
and by ours, which looks before and after each turn, as applying a plan does. Last the sizes of 400
logged models are asked for: through the server, in the folder that it hands out, and in a bucket.
They take turns, so that a noisy machine hits all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx

from artifact_tui.clients.mlflow import KIND
from artifact_tui.model import Deletion, Result
from tests.servers.s3 import shared_moto

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.clients.mlflow.mlflow_client import MlflowClient

BIG, OTHERS, EACH = 2_000, 199, 3
"""Versions of the one large model; other models, and their versions."""

READY_S = 300
WORKERS = 4

LOGGED = 400
"""Logged models whose sizes are asked for, in each of two places."""

NOW_MS = 1_790_000_000_000


class UvicornRegistry:
    """MLflow's application on uvicorn, on a database of its own."""

    def __init__(self, folder: Path) -> None:
        from tests.servers.mlflow import flask_server  # noqa: PLC0415 - it imports for seconds

        self.folder = folder
        shutil.copyfile(flask_server.EMPTY, folder / "mlflow.db")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{one.getsockname()[1]}"
        port, options = self.url.rpartition(":")[2], ("--log-level", "critical")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--interface", "wsgi", "--port", port,
             "--workers", str(WORKERS), *options, "mlflow.server:app"],
            env={**os.environ, **flask_server.variables(folder), "MLFLOW_DISABLE_TELEMETRY": "1"},
        )  # fmt: skip
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                httpx.get(f"{self.url}/health", trust_env=False)
                return
            time.sleep(0.2)
        raise AssertionError("it was not ready in time")

    def count(self) -> int:
        """How many versions there are."""
        query = "SELECT count(*) FROM model_versions WHERE current_stage <> 'Deleted_Internal'"
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as conn:
            (found,) = conn.execute(query).fetchone()
        return int(found)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def fill(server: UvicornRegistry) -> None:
    """Put models and versions straight into the database: by requests it takes minutes."""
    names = [("big", BIG), *((f"model-{number}", EACH) for number in range(OTHERS))]
    with closing(sqlite3.connect(server.folder / "mlflow.db")) as conn, conn:
        conn.executemany(
            "INSERT INTO registered_models(name, creation_time, last_updated_time) VALUES(?, ?, ?)",
            [(name, NOW_MS, NOW_MS) for name, _ in names],
        )
        conn.executemany(
            """INSERT INTO model_versions(name, version, creation_time, last_updated_time, source,
              current_stage, status) VALUES(?, ?, ?, ?, ?, 'None', 'READY')""",
            [
                (name, version, NOW_MS + version, NOW_MS, f"s3://bucket/{name}/{version}")
                for name, count in names
                for version in range(1, count + 1)
            ],
        )


def fill_logged(server: UvicornRegistry, root: str, put: Callable[[str, bytes], object]) -> None:
    """Put logged models straight into the database, in an experiment of their own; and files."""
    with closing(sqlite3.connect(server.folder / "mlflow.db")) as conn, conn:
        made = conn.execute(
            """INSERT INTO experiments(name, artifact_location, lifecycle_stage, creation_time,
              last_update_time) VALUES(?, ?, 'active', ?, ?) RETURNING experiment_id""",
            (root, f"{root}/1", NOW_MS, NOW_MS),
        )
        ((home,),) = made.fetchall()
        for _ in range(LOGGED):
            model = f"m-{uuid.uuid4().hex}"
            place = f"1/models/{model}/artifacts"
            conn.execute(
                """INSERT INTO logged_models(model_id, experiment_id, name, artifact_location,
                  creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage)
                  VALUES(?, ?, 'net', ?, ?, ?, 2, 'active')""",
                (model, home, f"{root}/{place}", NOW_MS, NOW_MS),
            )
            for path in ("MLmodel", "data/model.pkl"):
                put(f"{place}/{path}", b"w" * 100)


async def sizes(server: UvicornRegistry, rounds: int) -> dict[str, list[float]]:
    """Seconds of each look at all sizes, by a connection that knows none yet."""
    store = server.folder / "artifacts"

    def keep(path: str, content: bytes) -> None:
        (store / path).parent.mkdir(parents=True, exist_ok=True)
        (store / path).write_bytes(content)

    os.environ |= {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    endpoint, bucket = shared_moto(), f"sizes-{os.getpid()}"
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    s3.create_bucket(Bucket=bucket)
    fill_logged(server, "mlflow-artifacts:", keep)
    fill_logged(server, f"s3://{bucket}", lambda k, b: s3.put_object(Bucket=bucket, Key=k, Body=b))
    with closing(sqlite3.connect(server.folder / "mlflow.db")) as conn:
        found = conn.execute("SELECT model_id, artifact_location FROM logged_models").fetchall()
    keys: dict[bool, list[str]] = {True: [], False: []}
    for model, place in found:
        keys[place.startswith("s3:")].append(f"models:/{model}")
    took: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, settings in (
            ("server", {}),
            ("folder", {"artifact_root": str(store)}),
            ("bucket", {"artifact_root": f"s3://{bucket}", "endpoint": endpoint}),
        ):
            client = KIND.open(f"mlflow+{server.url}", read_only=True, settings=settings)
            began = time.perf_counter()
            told = await client.sizes(keys[name == "bucket"])
            took[name].append(time.perf_counter() - began)
            assert list(told.values()) == [200] * LOGGED
            await client.aclose()
    return took


async def ours(client: MlflowClient, keys: list[str]) -> None:
    """Look, delete, look again."""
    assert len(await client.facts(keys)) == len(keys)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert {one.result for one in outcomes} == {Result.DONE}
    assert not await client.facts(keys)


async def inventory(client: MlflowClient) -> None:
    """Everything there is."""
    found = [one async for part in client.listing() for one in part.versions]
    assert len(found) == BIG + OTHERS * EACH


def plain(server: UvicornRegistry) -> None:
    """One request for every version, as short as a script can be."""
    answer = httpx.get(
        f"{server.url}/api/2.0/mlflow/model-versions/search",
        params={"max_results": 200_000}, timeout=100, trust_env=False,
    )  # fmt: skip
    assert len(answer.json()["model_versions"]) == BIG + OTHERS * EACH


def own_loop(server: UvicornRegistry) -> Callable[[list[str]], None]:
    """The loop that people write."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient  # noqa: PLC0415 - after its environment

    theirs = MlflowClient(tracking_uri=server.url, registry_uri=server.url)

    def delete(keys: list[str]) -> None:
        for key in keys:
            _, name, version = key.split("/")
            theirs.delete_model_version(name, version)

    return delete


async def deletions(
    server: UvicornRegistry, client: MlflowClient, count: int, turn: int
) -> dict[str, list[float]]:
    """Seconds of each turn."""
    keys = [f"models:/big/{version}" for version in range(1, BIG + 1)]
    loop = own_loop(server)
    took: dict[str, list[float]] = defaultdict(list)
    for start in range(0, 2 * count, 2 * turn):
        first, second = keys[start : start + turn], keys[start + turn : start + 2 * turn]
        for name, work in (
            ("MlflowClient", asyncio.to_thread(loop, first)),
            ("artifact-tui", ours(client, second)),
        ):
            began = time.perf_counter()
            await work
            took[name].append(time.perf_counter() - began)
    assert server.count() == BIG + OTHERS * EACH - 2 * count
    return took


def report(took: dict[str, list[float]], what: str) -> None:
    """Print sums, and the median of the ratios of each turn."""
    (base, first), *_ = took.items()
    print(what)
    for name, times in took.items():
        median = statistics.median(a / b for a, b in zip(first, times, strict=True))
        print(f"{name:>14}  {sum(times):7.2f} s  median of turns {median:5.2f} x of {base}")


async def main() -> None:
    """Run all and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--turn", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        server = UvicornRegistry(Path(folder))
        try:
            await measure(server, options)
        finally:
            server.close()


async def measure(server: UvicornRegistry, options: argparse.Namespace) -> None:
    """All of it on one server."""
    fill(server)
    client = KIND.open(f"mlflow+{server.url}", read_only=False)
    listed: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        for name, work in (
            ("one request", asyncio.to_thread(plain, server)),
            ("artifact-tui", inventory(client)),
        ):
            began = time.perf_counter()
            await work
            listed[name].append(time.perf_counter() - began)
    report(listed, f"{options.rounds} inventories of {BIG + OTHERS * EACH:,} versions")
    took = await deletions(server, client, options.count, options.turn)
    report(took, f"{options.count:,} of {BIG:,} versions deleted, each")
    await client.aclose()
    report(await sizes(server, options.rounds), f"{options.rounds} looks at {LOGGED} sizes")


if __name__ == "__main__":
    asyncio.run(main())
