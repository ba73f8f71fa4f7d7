"""A mistake of ours: what is written, and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.errors import RegistryError
from artifact_tui.tui import crash

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _fail() -> BaseException:
    try:
        int("no number")
    except ValueError as error:
        return error
    raise AssertionError


def test_an_error_with_words_of_its_own_says_them() -> None:
    error = RegistryError("The catalog \x1b[31m is damaged.", hint="Sync it again.")
    assert crash.words(error, None) == "The catalog \\x1b[31m is damaged. Sync it again."


def test_a_folder_that_cannot_be_written_is_no_second_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARTIFACT_TUI_STATE", str(tmp_path / "file" / "sub"))
    assert crash.write_log(_fail()) is None
    assert "No log was written." in crash.words(_fail(), None)
