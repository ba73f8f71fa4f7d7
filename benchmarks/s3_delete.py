"""10,000 S3 objects deleted against one request each, and against `aws s3 rm --recursive`.

    python -m benchmarks.s3_delete [--count 10000] [--server moto|ministack]

All against one server on loopback, in one run; each way gets a bucket of its own, filled
beforehand. Ours includes looking for the objects, before and after. How long the server itself
takes to list them is printed too: moto's sorts all names again for each page.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3

from artifact_tui.clients.s3 import S3Storage
from artifact_tui.clients.s3_layout import StorageSettings
from tests.servers.s3 import ministack, moto

if TYPE_CHECKING:
    from collections.abc import Callable

SERVERS = {"moto": moto, "ministack": ministack}


def fill(s3: Any, bucket: str, count: int) -> list[str]:
    """A bucket with so many small objects."""
    s3.create_bucket(Bucket=bucket)
    names = [f"artifacts/model/{n}.zip" for n in range(count)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: s3.put_object(Bucket=bucket, Key=name, Body=b"x"), names))
    return names


def one_by_one(s3: Any, bucket: str, names: list[str]) -> None:
    """One request for each object."""
    for name in names:
        s3.delete_object(Bucket=bucket, Key=name)


def listed(s3: Any, bucket: str) -> int:
    """How many objects there are, page by page."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(page["KeyCount"] for page in pages)


def aws(endpoint: str, bucket: str) -> None:
    """What people use today."""
    command = ["aws", "--endpoint-url", endpoint, "s3", "rm", f"s3://{bucket}/artifacts/",
               "--recursive", "--only-show-errors"]  # fmt: skip
    subprocess.run(command, check=True)


async def ours(endpoint: str, bucket: str, count: int) -> float:
    """Look, delete, look again; gives the seconds of the deletion alone."""
    storage = S3Storage(StorageSettings(bucket, endpoint=endpoint))
    keys = [f"model/{n}" for n in range(count)]
    found = await storage.objects_of(keys)
    assert len(found) == count
    start = time.perf_counter()
    await storage.delete_objects([row.key for row in found])
    alone = time.perf_counter() - start
    assert not await storage.facts([row.key for row in found])
    await storage.aclose()
    return alone


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run all ways and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--server", choices=SERVERS, default="moto")
    asked = parser.parse_args()
    count: int = asked.count
    os.environ |= {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing",
                   "AWS_DEFAULT_REGION": "us-east-1"}  # fmt: skip
    took = {}
    with SERVERS[asked.server]() as endpoint:
        s3 = boto3.client("s3", endpoint_url=endpoint)
        fill(s3, "ours", count)
        took["a plain listing"] = timed(lambda: listed(s3, "ours"))
        start = time.perf_counter()
        alone = asyncio.run(ours(endpoint, "ours", count))
        took["ours, with both looks"] = time.perf_counter() - start
        took["ours, deletion alone"] = alone
        if shutil.which("aws"):
            fill(s3, "aws", count)
            took["aws s3 rm --recursive"] = timed(lambda: aws(endpoint, "aws"))
        names = fill(s3, "single", count)
        took["one by one"] = timed(lambda: one_by_one(s3, "single", names))
        left = [s3.list_objects_v2(Bucket=name)["KeyCount"] for name in ("ours", "single")]
        assert left == [0, 0]
        s3.close()
    whole, alone = took["ours, with both looks"], took["ours, deletion alone"]
    print(f"{count:,} objects, {asked.server}")
    for name, seconds in took.items():
        ratios = f"{seconds / alone:6.1f} x the deletion alone, {seconds / whole:5.1f} x with looks"
        print(f"{name:>24}  {seconds:8.2f} s  {ratios}")


if __name__ == "__main__":
    main()
