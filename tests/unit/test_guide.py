"""The guide names files and what is in them; it must stay true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`([\w/.]+\.(?:py|sql|toml))(?::(\w+))?`", GUIDE)))
FOLDERS = sorted(
    set(re.findall(r"`((?:tests|tui|deletion|clients|catalog|edits|query|cli)(?:/\w+)*)/?`", GUIDE))
)


def _file(place: str) -> Path:
    inside = ROOT / "artifact_tui" / place
    return inside if inside.exists() else ROOT / place


@pytest.mark.parametrize(("place", "name"), PLACES)
def test_what_the_guide_names_is_there(place: str, name: str) -> None:
    file = _file(place)
    assert file.is_file()
    if name:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if hasattr(node, "name")}
        names |= {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert name in names


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_rooms_of_the_guide_are_there(folder: str) -> None:
    assert _file(folder).is_dir()


def test_every_room_is_in_the_guide() -> None:
    rooms = {
        path.name for path in (ROOT / "artifact_tui").iterdir() if (path / "__init__.py").exists()
    }
    assert {room for room in rooms if f"`{room}/`" not in GUIDE} == set()
