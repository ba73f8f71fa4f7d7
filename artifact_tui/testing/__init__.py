"""The contract of a client as a test suite: whoever writes a kind of registry runs it on theirs.

A test file of theirs needs a fixture, and the tests (with `asyncio_mode = "auto"` in the
configuration of pytest):

    import pytest_asyncio
    from artifact_tui.testing.contract import *

    @pytest_asyncio.fixture
    async def world(tmp_path):
        yield MyWorld(tmp_path)

`MyWorld` is an `artifact_tui.testing.world.World`: a fresh registry of the kind, a client on it,
and a way to look at it without the client. Tests of what the client cannot do, and of what the
world says that it `lacks`, are skipped.
"""

import pytest

PARTS = (
    "reading",
    "deleting",
    "trash",
    "garbage",
    "collections",
    "links",
    "lineage",
    "editing",
)

pytest.register_assert_rewrite(
    "artifact_tui.testing.steps", *(f"artifact_tui.testing.contract_{part}" for part in PARTS)
)
