"""What goes wrong in the middle: said on the message line, or an end without values."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Never

import pytest

from artifact_tui import config
from artifact_tui.config import Config
from artifact_tui.errors import ConfigError, RegistryError
from tests.tui.browse.shelf import browse

if TYPE_CHECKING:
    from tests.tui.browse.shelf import Shelf


async def _broken(*_: object, **__: object) -> Never:
    raise RegistryError("The catalog cannot be read.", hint="Nothing was changed.")


async def test_a_list_that_cannot_be_read_leaves_the_old_one(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        for name in ("outline", "window", "mark", "mark_where", "freed"):
            monkeypatch.setattr(type(user.app.services.catalog), name, _broken)
        await user.presses("slash", "x", "enter")
        await user.sees("The catalog cannot be read. Nothing was changed.", "resnet50")
        assert "/ x" not in user.screen
        await user.presses("l")
        await user.sees("The catalog cannot be read.", "▾ resnet50")
        await user.presses("g", "space")
        await user.sees("The catalog cannot be read.")
        assert user.app.is_running


async def test_a_version_that_is_gone_has_no_detail(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf.opened() as user:
        await user.sees("9 of 9")
        monkeypatch.setattr(type(user.app.services.catalog), "detail", _broken)
        await user.presses("l", "l", "j")
        await user.sees_no("sha256:")
        await user.presses("L")
        await user.sees("The catalog cannot be read.")


async def test_a_mistake_of_ours_ends_without_values(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "token-0123456789"  # noqa: S105 - made up

    def mistaken(*_: object) -> Never:
        header = f"Bearer {secret}"
        raise KeyError(len(header))

    async def story() -> None:
        async with shelf.opened() as user:
            await user.sees("9 of 9")
            monkeypatch.setattr(type(browse(user).versions), "action_sort", mistaken)
            await user.presses("s")
            await user.until(lambda: not user.app.is_running)

    with pytest.raises(KeyError):
        await story()
    said = capsys.readouterr()
    assert "a mistake in it (KeyError)" in said.err
    assert secret not in said.err + said.out
    (log,) = config.state_dir().glob("crash-*.log")
    assert str(log) in said.err.replace("\n", "")  # lines end anywhere
    assert "artifact-tui tasks" in said.err
    assert "Traceback" not in said.err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "mistaken" in log.read_text()
    assert secret not in log.read_text()


async def test_a_wrong_key_is_refused_before_anything_is_drawn(shelf: Shelf) -> None:
    with pytest.raises(ConfigError, match="no key binding"):
        async with shelf.opened(config=Config(keys={"browse.makr": ("x",)})):
            pytest.fail("it was opened")
