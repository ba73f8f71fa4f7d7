"""Kinds of registries: nothing else names one, and README has their settings."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import artifact_tui
from artifact_tui.clients import every_kind, setting_rows
from artifact_tui.model import now_us
from artifact_tui.query import compile_query, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.clients.base import Kind

PACKAGE = Path(artifact_tui.__file__).parent
README = PACKAGE.parent / "README.md"
NAMED = re.compile(
    r"wandb|W&B|Weights|weave|hugging|ollama|kitops|mlflow|RestClient|LocalClient|HfClient|TagClient",
    re.IGNORECASE,
)

HELP = {("cli/root.py", "EXAMPLES")}
"""What `artifact-tui --help` says is read before any kind is loaded."""


def files() -> Iterator[Path]:
    """The modules outside of the folders of the kinds."""
    own = {path for path in (PACKAGE / "clients").iterdir() if path.is_dir()}
    for path in sorted(PACKAGE.rglob("*.py")):
        if not own.intersection(path.parents):
            yield path


def said(tree: ast.AST, file: str) -> Iterator[tuple[int, str]]:
    """Names and texts in a module, but for docstrings and the words of the help."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.Assign) and (file, ast.unparse(node.targets[0])) in HELP:
            skipped.update(ast.walk(node.value))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        if isinstance(node, ast.Name):
            yield node.lineno, node.id


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_kind_is_named_outside_of_its_folder(path: Path) -> None:
    file = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [f"{file}:{line}: {text[:80]}" for line, text in said(tree, file) if NAMED.search(text)]
    assert found == []


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.name)
def test_a_kind_knows_its_places_and_what_may_go(kind: Kind) -> None:
    for place in kind.places({"HOME": "/home/ada"}):
        assert kind.claims(place.address)
        assert place.why
        assert all(folder.is_absolute() for folder in kind.folders(place.address))
    assert compile_query(parse(kind.reclaimable), now_us()).sql


def table() -> str:
    """The settings of every kind, as README has them."""
    lines = ["| address | setting | meaning | usual |", "|---|---|---|---|"]
    for kind in every_kind():
        for row in setting_rows(kind):
            usual = f"`{row.usual}`" if row.usual else ""
            lines.append(
                f"| `{kind.forms.split(',')[0]}` | `{row.name}` | {row.meaning} | {usual} |"
            )
    return "\n".join(lines)


def test_readme_has_every_setting() -> None:
    assert table() in README.read_text(encoding="utf-8"), f"put this into README.md:\n{table()}"
