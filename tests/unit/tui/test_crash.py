"""A mistake of ours: what is written, and what is said."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.errors import RegistryError
from artifact_tui.tui import crash

if TYPE_CHECKING:
    import pytest

SECRET = "token-0123456789"  # noqa: S105 - made up


def _fail() -> BaseException:
    header = f"Bearer {SECRET}"
    try:
        int(f"no number, {len(header)} long")
    except ValueError as error:
        return error
    raise AssertionError


def test_the_log_says_where_and_holds_no_values() -> None:
    path = crash.write_log(_fail())
    assert path is not None
    text = path.read_text()
    assert "ValueError: invalid literal" in text
    assert "_fail" in text
    assert SECRET not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_words_name_the_log_and_what_goes_on() -> None:
    said = crash.words(_fail(), Path("/state/crash.log"))
    assert "a mistake in it (ValueError)" in said
    assert "/state/crash.log" in said
    assert "artifact-tui tasks" in said
    assert "Traceback" not in said


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
