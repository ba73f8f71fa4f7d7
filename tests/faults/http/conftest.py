"""A stand-in registry for these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.rest.process import fresh

if TYPE_CHECKING:
    from tests.servers.rest.process import Server


@pytest.fixture
def server() -> Server:
    return fresh()
