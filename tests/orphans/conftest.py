"""A stand-in registry, and a bucket beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.orphans.beside import Beside
from tests.servers.rest.process import fresh
from tests.servers.s3 import as_nobody, shared_moto

if TYPE_CHECKING:
    from tests.servers.rest.process import Server


@pytest.fixture
def endpoint() -> str:
    return shared_moto()


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def beside(process: Server, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Beside:
    """Ten models and a dataset; no object is stored yet."""
    as_nobody(monkeypatch)
    process.become()
    process.clear()
    return Beside(process, endpoint)


@pytest.fixture
def versioned(beside: Beside) -> Beside:
    """The same, with a bucket that keeps versions."""
    beside.keep_versions()
    return beside
