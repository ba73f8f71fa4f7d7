"""The registry of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.review.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three versions of one model, one of them with an alias, and what was made from another."""
    world = World(tmp_path)
    world.add("resnet50")
    world.add("resnet50", aliases=["candidate"])
    world.add("resnet50")
    parent = world.add("imagenet", kind="dataset")
    world.add("distilled", parents=[parent], protected=["production"])
    yield world
    world.store.close()


HOSTILE = (
    "m[latest]",
    "bad [/nope]",
    "esc\x1b[31mred",
    "clip\x1b]52;c;AAAA\x07board",
    "right\u202eto left",
    "x" * 5000,
)
"""Names that somebody gave to do harm."""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[World]:
    """One version of each collection with a hostile name."""
    world = World(tmp_path)
    for name in HOSTILE:
        world.add(name, aliases=[name[:40]])
    world.add("plain")
    yield world
    world.store.close()
