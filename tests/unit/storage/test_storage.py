"""Listing, facts and deletion of objects, against each S3 server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients import s3
from artifact_tui.clients.s3_layout import ObjectRef
from artifact_tui.errors import ReadOnlyError, RegistryError
from artifact_tui.model import Result
from tests.unit.storage.conftest import Bucket, lacking

if TYPE_CHECKING:
    from artifact_tui.clients.s3 import S3Storage
    from artifact_tui.model import StoredObject

SIBLINGS = ["artifacts.json", "artifacts_backup/model/1.zip", "artifacts/model/1.zip.bak",
            "artifactsx/1.zip", "artifacts/model/sub/1.zip"]  # fmt: skip
POISON = ["artifacts/model/\x1b[2J.zip", "artifacts/model/\x01.zip", "artifacts/model/\ufffe.zip",
          "artifacts/model/\r.zip"]  # fmt: skip


async def every(storage: S3Storage) -> list[StoredObject]:
    """All objects that fit the pattern."""
    rows: list[StoredObject] = []
    after = None
    while True:
        page = await storage.objects(after)
        rows += [row for row in page.rows if row.version_key]
        after = page.after
        if after is None:
            return rows


async def test_only_what_fits_the_pattern_is_listed(bucket: Bucket) -> None:
    bucket.put("artifacts/model/1.zip", "artifacts/dataset/ä b.zip", *SIBLINGS)
    rows = await every(bucket.open())
    assert [(row.name, row.version_key, row.size) for row in rows] == [
        ("artifacts/dataset/ä b.zip", "dataset/%C3%A4%20b", 5),
        ("artifacts/model/1.zip", "model/1", 5),
    ]
    assert all(row.etag and row.modified_us and row.current for row in rows)


async def test_a_folder_is_not_the_names_that_start_like_it(bucket: Bucket) -> None:
    bucket.put("logs/1.zip", "logs.json", "logs_backup/1.zip", "logsx/1.zip", "logs/1.zip.bak")
    storage = bucket.open(pattern="logs/{id}.zip")
    rows = await every(storage)
    assert [row.name for row in rows] == ["logs/1.zip"]
    await storage.delete_objects([row.key for row in rows])
    assert bucket.names() == {"logs.json", "logs_backup/1.zip", "logsx/1.zip", "logs/1.zip.bak"}


async def test_listing_goes_over_pages(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 7)
    keys = bucket.put(*(f"artifacts/model/{n}.zip" for n in range(20)), body=b"")
    assert sorted(row.key for row in await every(bucket.open())) == sorted(keys)


async def test_the_objects_of_versions(bucket: Bucket) -> None:
    bucket.put("artifacts/model/1.zip", "artifacts/model/11.zip", "artifacts/model/2.zip")
    found = await bucket.open().objects_of(["model/1", "model/3", "dataset/2", "nobody's", "x/.."])
    assert [(row.name, row.version_key) for row in found] == [("artifacts/model/1.zip", "model/1")]


async def test_facts_leave_out_what_is_gone_and_change_with_the_content(bucket: Bucket) -> None:
    keys = bucket.put(*(f"artifacts/model/{n}.zip" for n in range(30)))
    storage = bucket.open()
    before = await storage.facts([*keys, bucket.key("artifacts/model/none.zip"), "model/1"])
    assert set(before) == set(keys)
    bucket.put("artifacts/model/3.zip", body=b"other")
    after = await storage.facts(keys)
    assert [key for key in keys if before[key] != after[key]] == [keys[3]]
    assert await storage.facts([]) == {}


async def test_exactly_the_named_objects_are_deleted(bucket: Bucket) -> None:
    keys = bucket.put(*(f"artifacts/model/{n}.zip" for n in range(20)))
    bucket.put(*SIBLINGS)
    outcomes = await bucket.open().delete_objects([*keys[5:10], keys[5]])
    assert [one.key for one in outcomes] == [*keys[5:10], keys[5]]
    assert {one.result for one in outcomes} == {Result.DONE}
    left = {f"artifacts/model/{n}.zip" for n in range(20) if not 5 <= n < 10}
    assert bucket.names() == left | set(SIBLINGS)
    assert set(await bucket.open().facts(keys)) == set(keys) - set(keys[5:10])


async def test_what_is_not_ours_is_refused_before_anything_is_sent(bucket: Bucket) -> None:
    bucket.put(*SIBLINGS)
    strange = [bucket.key(name) for name in SIBLINGS]
    strange += ["model/1", "s3://other/artifacts/model/1.zip", bucket.key("artifacts/model/..zip")]
    outcomes = await bucket.open().delete_objects(strange[:-1])
    assert {one.result for one in outcomes} == {Result.REFUSED}
    assert bucket.names() == set(SIBLINGS)


async def test_keys_that_xml_cannot_carry_do_not_hold_up_the_others(bucket: Bucket) -> None:
    good = bucket.put(*(f"artifacts/model/{n}.zip" for n in range(50)))
    poison = bucket.put(*POISON)
    outcomes = await bucket.open().delete_objects([*good, *poison])
    assert {one.result for one in outcomes} == {Result.DONE}
    assert bucket.names() == set()


def deny(bucket: Bucket, *names: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject",
            "Resource": [f"arn:aws:s3:::{bucket.name}/{name}" for name in names],
        }],
    }  # fmt: skip
    bucket.s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))


@lacking("ministack", "MiniStack 1.5.33 does not enforce a bucket policy's Deny")
async def test_a_denied_object_is_told_by_itself(bucket: Bucket) -> None:
    keys = bucket.put(*(f"artifacts/model/{n}.zip" for n in range(10)))
    deny(bucket, "artifacts/model/4.zip")
    outcomes = await bucket.open().delete_objects(keys)
    assert [one.key for one in outcomes if one.result is Result.REFUSED] == [keys[4]]
    assert "AccessDenied" in outcomes[4].message
    assert bucket.names() == {"artifacts/model/4.zip"}


async def test_a_locked_version_is_told_by_itself(endpoint: str) -> None:
    bucket = Bucket(endpoint, locked=True)
    storage = bucket.open()
    keys = bucket.put("artifacts/model/1.zip", "artifacts/model/2.zip")
    bucket.s3.put_object_legal_hold(
        Bucket=bucket.name, Key="artifacts/model/1.zip", LegalHold={"Status": "ON"}
    )
    found = await storage.objects_of(["model/1", "model/2"], versions=True)
    outcomes = await storage.delete_objects([row.key for row in found])
    assert [one.result for one in outcomes] == [Result.REFUSED, Result.DONE]
    assert set(await storage.facts([row.key for row in found])) == {found[0].key}
    assert set(await storage.facts(keys)) == {keys[0]}
    await bucket.close()


async def test_in_a_versioned_bucket_a_marker_frees_nothing_and_versions_can_go(
    versioned: Bucket,
) -> None:
    storage = versioned.open()
    (key,) = versioned.put("artifacts/model/1.zip")
    versioned.put("artifacts/model/1.zip", body=b"newer")
    versioned.put("artifacts/model/11.zip")
    assert await storage.versioned()
    (outcome,) = await storage.delete_objects([key])
    assert outcome.result is Result.DONE
    assert "bytes are kept" in outcome.message
    assert await storage.facts([key]) == {}
    assert versioned.stored() == 3
    found = await storage.objects_of(["model/1"], versions=True)
    assert sorted((row.marker, row.size) for row in found) == [(False, 5), (False, 5), (True, 0)]
    keys = [row.key for row in found]
    assert set(await storage.facts(keys)) == set(keys)
    assert {one.result for one in await storage.delete_objects(keys)} == {Result.DONE}
    assert await storage.facts(keys) == {}
    assert versioned.stored() == 1


@pytest.mark.parametrize("count", [2, 10])
async def test_many_versions_of_one_object_are_all_found(versioned: Bucket, count: int) -> None:
    names = [f"artifacts/model/{n}.zip" for n in range(count)]
    for _ in range(4):
        versioned.put(*names)
    versioned.put(*(f"artifacts/model/{n}.zip.bak" for n in range(30)))
    small = Small(versioned.s3)
    found = list(s3.object_versions(small, versioned.name, names))
    assert len({(row.name, row.version) for row in found}) == len(found) == 4 * count


class Small:
    """A client whose pages are small."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        made = getattr(self._s3, name)

        def call(**asked: Any) -> Any:
            self.calls += 1
            return made(**(asked | ({"MaxKeys": 3} if "MaxKeys" in asked else {})))

        return call


async def test_names_are_found_in_few_requests_whatever_lies_between(bucket: Bucket) -> None:
    every_name = [f"artifacts/model/{n:03}.zip" for n in range(60)]
    bucket.put(*every_name)
    wanted = [every_name[n] for n in (0, 1, 2, 30, 59)] + ["artifacts/model/x.zip"]
    small = Small(bucket.s3)
    found = [row.name for row in s3.current_objects(small, bucket.name, wanted)]
    assert found == wanted[:-1]
    assert small.calls <= len(wanted)


async def test_many_names_are_found_in_parts_each_once(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE", 7)
    some = [f"artifacts/model/{n}.zip" for n in range(0, 90, 2)]
    keys = bucket.put(*some, "artifacts/model/\x01.zip")
    bucket.put(*(f"artifacts/model/{n}.zip.bak" for n in range(0, 90, 9)))
    wanted = [bucket.key(f"artifacts/model/{n}.zip") for n in range(90)] + keys[-1:]
    storage = bucket.open()
    assert set(await storage.facts(wanted)) == set(keys)
    found = await storage.objects_of([f"model/{n}" for n in range(90)])
    assert sorted(row.name for row in found) == sorted(some)
    assert {one.result for one in await storage.delete_objects(keys)} == {Result.DONE}
    assert await storage.facts(wanted) == {}


async def test_parts_cost_no_more_requests_than_pages(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE", 10)
    every_name = [f"artifacts/model/{n:03}.zip" for n in range(60)]
    bucket.put(*every_name)
    requests: list[str] = []
    bucket.s3.meta.events.register("before-call.s3", lambda model, **_: requests.append(model.name))
    found = [row.name for row in s3.current_objects(bucket.s3, bucket.name, every_name)]
    assert found == every_name
    assert requests == ["ListObjectsV2"] * len(requests)
    assert len(requests) <= 60 // 10 + s3.AT_ONCE


async def test_times_are_those_that_boto3_reads(bucket: Bucket) -> None:
    bucket.put("artifacts/model/1.zip")
    (row,) = await every(bucket.open())
    (listed,) = bucket.s3.list_objects_v2(Bucket=bucket.name)["Contents"]
    assert row.modified_us == round(listed["LastModified"].timestamp() * 1_000_000)


class Failing:
    """A client whose batches fail as a whole when a certain object is in them."""

    def __init__(self, s3: Any, guilty: str, error: Exception) -> None:
        self._s3 = s3
        self._guilty = guilty
        self._error = error
        self.batches = 0

    def delete_objects(self, **asked: Any) -> Any:
        self.batches += 1
        if any(one["Key"] == self._guilty for one in asked["Delete"]["Objects"]):
            raise self._error
        return self._s3.delete_objects(**asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)


async def test_a_batch_that_fails_as_a_whole_is_halved(bucket: Bucket) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to import

    from artifact_tui.clients.s3 import ObjectDeleter  # noqa: PLC0415

    names = [f"artifacts/model/{n}.zip" for n in range(100)]
    bucket.put(*names)
    error = ClientError({"Error": {"Code": "MalformedXML"}}, "DeleteObjects")
    failing = Failing(bucket.s3, names[37], error)
    found = ObjectDeleter(failing, bucket.name).delete([ObjectRef(bucket.name, n) for n in names])
    assert {one.result for one in found.values()} == {Result.DONE}
    assert failing.batches < 20
    assert bucket.names() == set()


async def test_no_answer_is_unknown_for_each(bucket: Bucket) -> None:
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415 - slow to import

    from artifact_tui.clients.s3 import ObjectDeleter  # noqa: PLC0415

    names = [f"artifacts/model/{n}.zip" for n in range(5)]
    bucket.put(*names)
    failing = Failing(bucket.s3, names[3], ReadTimeoutError(endpoint_url="x"))
    found = ObjectDeleter(failing, bucket.name).delete([ObjectRef(bucket.name, n) for n in names])
    assert {one.result for one in found.values()} == {Result.UNKNOWN}
    assert failing.batches == 1


async def test_read_only_is_enforced_twice(bucket: Bucket) -> None:
    (key,) = bucket.put("artifacts/model/1.zip")
    storage = bucket.open(read_only=True)
    assert len(await every(storage)) == 1
    with pytest.raises(ReadOnlyError):
        await storage.delete_objects([key])
    storage._read_only = False
    with pytest.raises(ReadOnlyError):
        await storage.delete_objects([key])
    assert bucket.names() == {"artifacts/model/1.zip"}


async def test_errors_are_words_without_secrets(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, endpoint = bucket.name, bucket.endpoint
    bucket.name = "no-such-bucket-here"
    with pytest.raises(RegistryError, match="no bucket"):
        await bucket.open().objects()
    bucket.name, bucket.endpoint = name, "http://127.0.0.1:9"
    with pytest.raises(RegistryError, match="could not be used") as caught:
        await bucket.open().versioned()
    bucket.endpoint = endpoint
    assert "canary" not in f"{caught.value}{caught.value.hint}"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(RegistryError, match="no credentials"):
        await bucket.open().versioned()
