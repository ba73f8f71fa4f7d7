"""Files named after registries stay in their folder, whatever the registry's name."""

from __future__ import annotations

import pytest

from artifact_tui import config

LONG = "https://registry.example/" + "x" * 500


@pytest.mark.parametrize("uid", ["../../etc", "https://h:80/api?x=/../y", "a\0b", "ü" * 300, LONG])
def test_a_catalog_and_marks_are_one_file_each(uid: str) -> None:
    for path, plain in (
        (config.catalog_file(uid), config.catalog_file("plain")),
        (config.marks_file(uid), config.marks_file("plain")),
    ):
        assert path.parent == plain.parent
        path.touch()
        assert path.name in {entry.name for entry in path.parent.iterdir()}


def test_long_names_stay_apart() -> None:
    assert config.catalog_file(LONG) != config.catalog_file(f"{LONG}y")
