"""Where the artifacts of a real MLflow server lie, when it does not hand them out itself."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from artifact_tui import config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.mlflow.mlflow_registry import MlflowRegistry

_NUMBERS = itertools.count(time.time_ns())


class NamedFolder:
    """A folder that runs write to without the server."""

    def __init__(self, server: MlflowRegistry, root: Path) -> None:
        self.server = server
        self.root = root

    @property
    def uri(self) -> str:
        """What MLflow calls it."""
        return str(self.root)

    @property
    def settings(self) -> dict[str, str]:
        """What a person says of it."""
        return {"artifact_root": self.uri}

    def put(self, path: str, content: bytes) -> None:
        """Somebody stores a file."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def lose(self) -> None:
        """Its disk is away from now on."""
        shutil.rmtree(self.root)
        self.root.mkdir()

    def files(self) -> dict[str, int]:
        """The sizes of all files, by path; links are not followed."""
        return {
            one.relative_to(self.root).as_posix(): one.lstat().st_size
            for one in self.root.rglob("*")
            if one.is_symlink() or one.is_file()
        }


class NamedBucket(NamedFolder):
    """A place in a bucket that runs write to without the server."""

    def __init__(self, server: MlflowRegistry, endpoint: str) -> None:
        super().__init__(server, Path("team/mlflow"))
        self.endpoint = endpoint
        self.bucket = f"mlflow-{os.getpid()}-{next(_NUMBERS)}"
        self.s3: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self.s3.create_bucket(Bucket=self.bucket)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.root}"

    @property
    def settings(self) -> dict[str, str]:
        return {"artifact_root": self.uri, "endpoint": self.endpoint}

    def put(self, path: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.root}/{path}", Body=content)

    def lose(self) -> None:
        for path in self.files():
            self.s3.delete_object(Bucket=self.bucket, Key=f"{self.root}/{path}")
        self.s3.delete_bucket(Bucket=self.bucket)

    def files(self) -> dict[str, int]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        rows = [row for page in pages for row in page.get("Contents", ())]
        return {row["Key"].removeprefix(f"{self.root}/"): row["Size"] for row in rows}

    def keep_versions(self) -> None:
        """From now on deleting an object only hides it."""
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def stored(self) -> int:
        """The bytes of every stored version."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return sum(row["Size"] for page in pages for row in page.get("Versions", ()))


def run_with_files(beside: NamedFolder, files: Mapping[str, bytes], name: str = "train") -> str:
    """A run of `vision` that wrote these files there itself; gives its key."""
    key = beside.server.run("vision", name=name)
    write(beside, key, files)
    return key


def logged_with_files(beside: NamedFolder, run: str, files: Mapping[str, bytes]) -> str:
    """A model `net` that a run logged there itself; gives its key."""
    key = beside.server.logged(run, "net")
    write(beside, key, files)
    return key


def write(beside: NamedFolder, key: str, files: Mapping[str, bytes]) -> None:
    """Store files in the folder of a run or logged model."""
    for path, content in files.items():
        beside.put(f"{folder_of(beside, key)}/{path}", content)


def folder_of(beside: NamedFolder, key: str) -> str:
    """The path of the folder of a run or logged model."""
    with beside.server.database() as rows:
        ((place,),) = rows(
            "SELECT artifact_uri FROM runs WHERE 'runs:/' || run_uuid = ? UNION ALL"
            " SELECT artifact_location FROM logged_models WHERE 'models:/' || model_id = ?",
            key, key,
        )  # fmt: skip
    return str(place).removeprefix(f"{beside.uri}/").removeprefix("mlflow-artifacts:/")


def configure(server: MlflowRegistry, **settings: str) -> str:
    """The configuration of a person who has this server, and what they call it."""
    lines = [f'{key} = "{value}"' for key, value in {"address": server.address, **settings}.items()]
    path = config.config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[registries.team]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o600)
    return "team"
