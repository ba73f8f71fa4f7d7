"""A REST registry and the bucket beside it, as other people see and change them."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING, Any

import boto3

from artifact_tui import config
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from tests.servers.rest.process import Server

_NUMBERS = itertools.count(time.time_ns())
NAME = "zoo"
"""The registry's name in the configuration."""


class Beside:
    """Ten models (ids 1 to 10) and a dataset (11), and an empty bucket."""

    def __init__(self, server: Server, endpoint: str) -> None:
        self.server = server
        self.endpoint = endpoint
        self.s3: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self.use(f"beside-{os.getpid()}-{next(_NUMBERS)}")
        models = [Entry(str(n), f"acme/net-{n % 3}", "model") for n in range(1, 11)]
        server.seed([*models, Entry("11", "acme/photos", "dataset")])

    def use(self, bucket: str) -> None:
        """From now on this bucket, new and empty."""
        self.bucket = bucket
        self.s3.create_bucket(Bucket=bucket)

    def keep_versions(self) -> None:
        """From now on deleting an object only hides it."""
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def put(self, *names: str, size: int = 1000) -> None:
        """Store objects."""
        for name in names:
            self.s3.put_object(Bucket=self.bucket, Key=name, Body=b"." * size)

    def put_models(self, *ids: int, size: int = 1000) -> None:
        """Store the objects of models, there or not."""
        self.put(*(f"artifacts/model/{number}.zip" for number in ids), size=size)

    def hide(self, *names: str) -> None:
        """Delete objects as anybody does: in a bucket with versions only a marker is set."""
        for name in names:
            self.s3.delete_object(Bucket=self.bucket, Key=name)

    def names(self) -> set[str]:
        """Current objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {row["Key"] for page in pages for row in page.get("Contents", ())}

    def stored(self) -> int:
        """Stored versions of objects, delete markers not counted."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return sum(len(page.get("Versions", ())) for page in pages)

    def configure(self, *, grace_hours: float = 0, **more: str | bool) -> None:
        """Write the configuration of a person who has this registry."""
        said: dict[str, object] = {
            "address": self.server.address,
            "bucket": self.bucket,
            "endpoint": self.endpoint,
            "grace_hours": grace_hours,
            **more,
        }
        lines = [f"{key} = {_toml(value)}" for key, value in said.items()]
        path = config.config_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[registries.{NAME}]\n" + "\n".join(lines) + "\n", encoding="utf-8")
        path.chmod(0o600)

    def without_bucket(self) -> None:
        """The configuration of somebody who never said where the bytes are."""
        path = config.config_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[registries.{NAME}]\naddress = "{self.server.address}"\n')


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
