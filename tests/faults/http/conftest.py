"""A stand-in registry for these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.rest.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.rest.process import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as found:
        yield found
