"""What the storage beside a registry may be told: where it is, and what belongs to the registry."""

from __future__ import annotations

from dataclasses import dataclass

PATTERN = "artifacts/{type}/{id}.zip"
"""Where the reference server puts the bytes of an artifact."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The storage beside a registry; credentials come from boto3's own chain."""

    bucket: str
    pattern: str = PATTERN
    endpoint: str = ""
    region: str = ""
    grace_us: int = 24 * 3_600_000_000
    """Objects younger than this are no orphans."""
