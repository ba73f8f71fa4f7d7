"""Objects go only after their artifacts, and whatever stops us in between, resume finishes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.clients.s3 import S3Storage
from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.config import Target
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import OBJECT, ItemState, Reason
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.review import ReviewRequest, ReviewSource, review
from artifact_tui.deletion.storage import ChosenOrphans, compare, with_storage
from tests.faults.apply.harness import wait_for
from tests.faults.rest.scene import NOW_US
from tests.servers.rest.traps import Fault
from tests.servers.s3 import as_nobody, shared_moto
from tests.unit.storage.conftest import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from artifact_tui.clients.rest.rest_client import RestClient
    from tests.faults.rest.scene import Scene


@pytest.fixture
def endpoint() -> str:
    return shared_moto()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    as_nobody(monkeypatch)


@pytest.fixture
def bucket(endpoint: str) -> Iterator[Bucket]:
    found = Bucket(endpoint)
    with closing(found.s3):
        yield found


def client_of(scene: Scene, bucket: Bucket) -> RestClient:
    settings = StorageSettings(bucket.name, endpoint=bucket.endpoint, region="us-east-1")
    return scene.client(storage=settings)


def names(keys: list[str]) -> list[str]:
    return [f"artifacts/{key}.zip" for key in keys]


async def prepare(
    scene: Scene, bucket: Bucket, client: RestClient, going: int, **options: bool
) -> list[str]:
    """Artifacts with an object each, and a confirmed plan for the first of them."""
    keys = scene.server.fill(going + 5)
    bucket.put(*names(keys))
    await scene.read(client)
    draft = scene.draft(client, keys[:going], **options)
    scene.save(await with_storage(draft, client.storage()))
    return keys


def left(bucket: Bucket) -> set[str]:
    rows = bucket.s3.list_objects_v2(Bucket=bucket.name).get("Contents", ())
    return {row["Key"] for row in rows}


async def test_objects_left_behind_are_counted(scene: Scene, bucket: Bucket) -> None:
    client = client_of(scene, bucket)
    try:
        await prepare(scene, bucket, client, 10)
        with Plan.open(scene.plan) as plan:
            found = plan.summary
    finally:
        await client.aclose()
    assert (found.left_objects, found.left_bytes, found.deletes) == (10, 50, 10)
    assert bucket.name in found.storage


async def test_objects_follow_their_artifacts(scene: Scene, bucket: Bucket) -> None:
    client = client_of(scene, bucket)
    try:
        keys = await prepare(scene, bucket, client, 30, storage=True)
        ending = await scene.apply(client)
    finally:
        await client.aclose()
    assert ending.status is Status.FINISHED
    assert Counter(scene.states().values()) == {ItemState.VERIFIED: 60}
    assert left(bucket) == set(names(keys[30:]))
    with Plan.open(scene.plan) as plan:
        ends = {item.seq: item.done_us or 0 for item in plan.every_item()}
        for item in plan.every_item():
            if item.kind == OBJECT:
                assert item.belongs is not None
                assert ends[item.belongs] <= (item.sent_us or 0)


async def test_the_object_of_an_artifact_that_stays_stays(scene: Scene, bucket: Bucket) -> None:
    client = client_of(scene, bucket)
    try:
        keys = await prepare(scene, bucket, client, 12, storage=True)
        scene.server.become(Fault("403", methods=("DELETE",), path="/model/7"))
        await scene.apply(client)
    finally:
        await client.aclose()
    assert left(bucket) == set(names([keys[6], *keys[12:]]))
    with Plan.open(scene.plan) as plan:
        stayed = [item for item in plan.every_item() if item.state is not ItemState.VERIFIED]
    assert [(item.kind, item.state) for item in stayed] == [
        ("version", ItemState.REFUSED),
        (OBJECT, ItemState.REFUSED),
    ]
    assert stayed[1].reason is Reason.ARTIFACT_STAYS


async def test_an_object_whose_artifact_came_back_stays(scene: Scene, bucket: Bucket) -> None:
    """After a reset a registry gives the same ids again."""
    client = client_of(scene, bucket)
    try:
        keys = await prepare(scene, bucket, client, 3, storage=True)
        control = Control()
        stop_before_objects(client, control)
        await scene.apply(client, control=control)
        scene.server.fill(1)
        assert (await scene.apply(client)).status is Status.FINISHED
    finally:
        await client.aclose()
    assert left(bucket) == set(names([keys[0], *keys[3:]]))


def stop_before_objects(client: RestClient, control: Control) -> None:
    """Ask for a stop once all artifacts are gone: as a signal would."""
    read = client.facts

    async def facts(keys: list[str]) -> object:
        found = await read(keys)
        if keys and not found:
            control.stop("a test")
        return found

    client.facts = facts  # type: ignore[method-assign, assignment]


async def test_a_stop_between_registry_and_storage_is_resumed(scene: Scene, bucket: Bucket) -> None:
    client = client_of(scene, bucket)
    try:
        keys = await prepare(scene, bucket, client, 1, storage=True)
        control = Control()
        stop_before_objects(client, control)
        ending = await scene.apply(client, control=control)
        assert ending.status is Status.INTERRUPTED
        assert len(left(bucket)) == 6
        assert Counter(scene.states().values()) == {ItemState.VERIFIED: 1, ItemState.PLANNED: 1}
        assert (await scene.apply(client)).status is Status.FINISHED
    finally:
        await client.aclose()
    assert left(bucket) == set(names(keys[1:]))


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
async def test_a_worker_that_dies_between_is_resumed(
    scene: Scene, bucket: Bucket, signal: str
) -> None:
    configure(scene, bucket)
    client = client_of(scene, bucket)
    try:
        keys = await prepare(scene, bucket, client, 20, storage=True)
    finally:
        await client.aclose()
    worker = dying_worker(scene.plan, signal)
    assert worker.wait(60) != 0
    assert scene.server.ids() == {key.partition("/")[2] for key in keys[20:]}
    assert left(bucket) == set(names(keys))
    with Plan.open(scene.plan) as plan:
        assert plan.status is Status.INTERRUPTED
    again = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "artifact_tui.deletion.worker", str(scene.plan)
    )
    assert await asyncio.wait_for(again.wait(), 60) == 0
    assert Counter(scene.states().values()) == {ItemState.VERIFIED: 40}
    assert left(bucket) == set(names(keys[20:]))


def configure(scene: Scene, bucket: Bucket) -> None:
    """What the worker reads: where the registry and its storage are."""
    (config.config_dir() / "config.toml").write_text(
        f'[registries.stand-in]\naddress = "{scene.server.address}"\nbucket = "{bucket.name}"\n'
        f'endpoint = "{bucket.endpoint}"\nregion = "us-east-1"\n',
        encoding="utf-8",
    )


def dying_worker(plan: Path, signal: str) -> subprocess.Popen[bytes]:
    """A worker that gets a signal just before its first call to the storage."""
    code = (
        "import os, runpy, signal, asyncio\n"
        f"from {S3Storage.__module__} import S3Storage\n"
        "facts = S3Storage.facts\n"
        "async def dying(self, keys):\n"
        f"    os.kill(os.getpid(), signal.{signal})\n"
        "    await asyncio.sleep(0.05)\n"
        "    raise OSError('gone')\n"
        "S3Storage.facts = dying\n"
        "runpy.run_module('artifact_tui.deletion.worker', run_name='__main__')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(plan)], start_new_session=True)
    wait_for(lambda: process.poll() is not None, "the worker to die")
    return process


async def test_orphans_are_found_and_deleted_by_a_plan(scene: Scene, bucket: Bucket) -> None:
    client = client_of(scene, bucket)
    try:
        keys = scene.server.fill(5)
        bucket.put(*names(keys[:4]), "artifacts/model/77.zip", "artifacts/model/78.zip", "logs.txt")
        later = NOW_US * 2
        await scene.read(client)
        source = ReviewSource(client, Target("stand-in", client.identity.address), scene.catalog)
        young = await compare(source, grace_us=later, now_us=later)
        assert (young.objects, young.young) == ((), 2)
        found = await compare(source, grace_us=0, now_us=later)
        assert [one.name for one in found.objects] == names(["model/77", "model/78"])
        assert [one.key for one in found.missing] == ["model/5"]
        assert (found.referred, found.strange) == (4, 0)
        request = ReviewRequest(selection=ChosenOrphans(found.objects, found))
        scene.save(await review(source, request, now_us=NOW_US))
        scene.server.fill(77)
        assert (await scene.apply(client)).status is Status.FINISHED
    finally:
        await client.aclose()
    assert "artifacts/model/77.zip" in left(bucket), "somebody uses it again"
    assert "artifacts/model/78.zip" not in left(bucket)
    assert "logs.txt" in left(bucket)


@pytest.mark.parametrize("good", [False, True])
async def test_a_bucket_with_versions_is_said_to_free_nothing(
    scene: Scene, endpoint: str, *, good: bool
) -> None:
    bucket = Bucket(endpoint, versioned=True)
    client = client_of(scene, bucket)
    with closing(bucket.s3):
        try:
            await prepare(scene, bucket, client, 4, storage=True, storage_versions=good)
            with Plan.open(scene.plan) as plan:
                found = plan.summary
            assert (found.markers, found.for_good, found.freed) == (not good, good, 20 * good)
            assert (await scene.apply(client)).status is Status.FINISHED
        finally:
            await client.aclose()
        rows = bucket.s3.list_object_versions(Bucket=bucket.name).get("Versions", ())
    assert len(rows) == (5 if good else 9)
