"""The configuration file is changed, and everything else in it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui import config
from artifact_tui.configwrite import add_registry, remove_registry, set_default
from artifact_tui.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def written(text: str, mode: int = 0o600) -> Path:
    path = config.config_dir() / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_link_stays_a_link_and_the_mode_stays(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("# mine\n", encoding="utf-8")
    real.chmod(0o640)
    (config.config_dir() / "config.toml").symlink_to(real)
    add_registry("a", "local:/a")
    assert (config.config_dir() / "config.toml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_text(encoding="utf-8").startswith("# mine\n")
    assert not list(real.parent.glob(".config-*"))


def test_the_default_goes_with_its_registry() -> None:
    add_registry("a", "local:/a", default=True)
    add_registry("b", "https://h/api", read_only=True, production=True, settings={"batch": 3})
    assert config.load().default == "a"
    assert set_default("b").default == "b"
    found = remove_registry("b")
    assert (found.default, list(found.registries)) == ("", ["a"])


def test_a_default_that_is_not_there_is_not_written() -> None:
    path = written('[registries.a]\naddress = "local:/a"\n')
    with pytest.raises(ConfigError, match="no registry “b”"):
        set_default("b")
    assert path.read_text(encoding="utf-8") == '[registries.a]\naddress = "local:/a"\n'


def test_registries_in_one_line_are_left_to_the_user() -> None:
    path = written('registries = { a = { address = "local:/a" } }\n')
    with pytest.raises(ConfigError, match="a way that this program does not change"):
        add_registry("b", "local:/b")
    assert "local:/b" not in path.read_text(encoding="utf-8")


@given(name=st.text(min_size=1, max_size=12), address=st.text(max_size=20))
def test_whatever_is_added_can_be_read_and_removed(name: str, address: str) -> None:
    path = written("# first\n[keys]\nreview = 'x'  # odd\n")
    before = path.read_text(encoding="utf-8")
    try:
        found = add_registry(name, f"https://{address}")
    except (UsageError, UnicodeEncodeError):
        assert path.read_text(encoding="utf-8") == before
        return
    assert found.registries[name].address == f"https://{address}"
    text = path.read_text(encoding="utf-8")
    assert "# first" in text
    assert "# odd" in text
    assert "address" in tomlkit.parse(text)["registries"][name]
    assert not remove_registry(name).registries
