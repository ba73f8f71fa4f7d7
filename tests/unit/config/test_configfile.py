"""A mistake in the configuration file names the file, the line and the nearest key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui import config
from artifact_tui.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """\
default_registry = "team"
theme = "textual-dark"
mouse = false
ascii = true

[registries.team]
address = "local:/srv/registry"
production = true

[registries."old one"]
address = "local:/srv/old"
read_only = true

[keys]
review = "x"
"browse.sort" = ["s", "S"]
tasks.pause = "p"
"""


def written(text: str, mode: int = 0o600) -> Path:
    path = config.config_dir() / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_without_a_file_everything_has_its_default() -> None:
    assert config.load() == config.Config()


def test_everything_that_can_be_written() -> None:
    path = written(WHOLE)
    found = config.load()
    assert found.default == "team"
    assert (found.theme, found.mouse, found.ascii) == ("textual-dark", False, True)
    assert found.path == path
    assert found.registries == {
        "team": config.RegistryConfig("local:/srv/registry", read_only=True, production=True),
        "old one": config.RegistryConfig("local:/srv/old", read_only=True),
    }
    assert found.keys == {"review": ("x",), "browse.sort": ("s", "S"), "tasks.pause": ("p",)}
    assert found.key_lines == {"review": 15, "browse.sort": 16, "tasks.pause": 17}


def test_production_is_read_only_unless_stated() -> None:
    written('[registries.a]\naddress = "local:/a"\nproduction = true\nread_only = false\n')
    assert not config.load().registries["a"].read_only


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"),
    [
        ('theem = "x"\n', 1, "unknown key “theem”", "Did you mean “theme”?"),
        (
            '[registries.a]\naddress = "hf:/a\\u0000"\n',
            2,
            "no address may hold a null character",
            "Leave it out.",
        ),
        ("\n\nzzz = 1\n", 3, "unknown key “zzz”", "Known keys: default_registry"),
        (
            '[registries.a]\naddress = "local:/a"\nproducton = true\n',
            3,
            "unknown key “producton”",
            "production",
        ),
        (
            '[registries]\na = { address = "local:/a", readonly = true }\n',
            2,
            "unknown key “readonly”",
            "read_only",
        ),
        (
            '[registries.a]\naddress = "local:/a"\nread_only = "yes"\n',
            3,
            "“read_only”: Expected true or false, got a text in quotes",
            "",
        ),
        ("[registries.a]\nread_only = true\n", 1, "the registry “a” has no address", "address"),
        ('x = 1\ndefault_registry = "b"\n', 1, "unknown key “x”", ""),
        ('\ndefault_registry = "b"\n', 2, "there is no registry “b”", "[registries.NAME]"),
        ('[keys]\nfine = [\n  "a",\n]\nwrong = 3\n', 5, "“wrong” must be a key", ""),
        ("mouse = 1\n", 1, "“mouse”: Expected true or false, got a number", ""),
    ],
)
def test_a_mistake_is_pointed_at(text: str, line: int, said: str, hint: str) -> None:
    path = written(text)
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert str(caught.value).startswith(f"{path}, line {line}: {said}")
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_what_is_not_toml_names_the_line() -> None:
    written("theme = dark\n")
    with pytest.raises(ConfigError, match=r"config\.toml is not valid TOML.*line 1"):
        config.load()


def test_what_is_not_text() -> None:
    path = written("")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load()


@pytest.mark.parametrize("key", ["token", "password", "api_key"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_that_others_can_read_is_refused(key: str, mode: int) -> None:
    written(f'[registries.a]\naddress = "local:/a"\n{key} = "canary-4711"\n', mode)
    with pytest.raises(ConfigError, match=f"line 3: “{key}” is a secret") as caught:
        config.load()
    assert "chmod 600" in caught.value.hint
    assert "canary" not in str(caught.value) + caught.value.hint


def test_a_secret_of_ones_own_is_kept_but_never_printed() -> None:
    written('[registries.a]\naddress = "local:/a"\ntoken = "canary-4711"\n')
    found = config.load()
    assert found.registries["a"].settings["token"] == "canary-4711"  # noqa: S105 - what the test wrote
    assert "canary" not in repr(found)


@given(st.text(max_size=60))
def test_no_text_does_anything_but_load_or_point_at_its_mistake(text: str) -> None:
    written(text.encode("utf-8", "replace").decode())
    said = "config.toml"
    try:
        config.load()
    except ConfigError as error:
        said = str(error)
    assert "config.toml" in said
