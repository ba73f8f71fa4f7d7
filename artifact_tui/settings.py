"""Settings of one registry: what its table in the configuration says to its client.

A client names the settings it knows as a `msgspec.Struct` and reads them with `convert`; a mistake
points at the file, the line and the nearest key. Values may be secret: they are never printed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn, TypeVar

from artifact_tui.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import msgspec

S = TypeVar("S", bound="msgspec.Struct")

SECRETS = ("token", "password", "secret", "api_key", "apikey")
_NO_SECRETS = ("_env", "_command")
"""Ends of keys that say where a secret is, not what it is."""

COMMON = ("address", "read_only", "production")
"""Keys of every registry's table; they are not settings of a client."""


class Settings(Mapping[str, object]):
    """A read-only mapping that knows where each of its keys is written."""

    __slots__ = ("_lines", "_path", "_values")

    def __init__(
        self,
        values: Mapping[str, object] | None = None,
        path: Path | None = None,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        self._values = dict(values or {})
        self._path = path
        self._lines = dict(lines or {})

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Settings({', '.join(self._values)})"

    def place(self, key: str) -> str:
        """`FILE, line N: ` for an error about a key; empty when nobody wrote it in a file."""
        if self._path is None:
            return ""
        line = self._lines.get(key)
        return f"{self._path}{f', line {line}' if line else ''}: "


NONE: Mapping[str, object] = Settings()
"""For an address that is not configured."""


def is_secret(key: str) -> bool:
    """Whether the value of a key is a secret, by its name."""
    word = key.lower()
    return any(part in word for part in SECRETS) and not word.endswith(_NO_SECRETS)


def shown(settings: Mapping[str, object]) -> str:
    """The settings in a few words, without secrets and without commands that may hold some."""
    return ", ".join(
        f"{key} ***" if is_secret(key) or key.endswith("_command") else f"{key} {_value(value)}"
        for key, value in settings.items()
    )


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def fail(settings: Mapping[str, object], key: str, what: str, hint: str = "") -> NoReturn:
    """Refuse a setting; `what` has no full stop.

    Raises:
        ConfigError: always.
    """
    place = settings.place(key) if isinstance(settings, Settings) else ""
    said = what if place else what[:1].upper() + what[1:]
    raise ConfigError(f"{place}{said}.", hint=hint)


def convert(settings: Mapping[str, object], known: type[S]) -> S:
    """The settings as what a client knows.

    Raises:
        ConfigError: a key that it does not know, with the nearest one, or a value of another type.
    """
    import msgspec  # noqa: PLC0415 - a start without settings does without

    refuse_unknown(settings, [entry.name for entry in msgspec.structs.fields(known)])
    try:
        return msgspec.convert(dict(settings), known, strict=True)
    except msgspec.ValidationError as error:
        key, what = complaint(error)
        fail(settings, key, f"“{key}”: {what}")


def refuse_unknown(settings: Mapping[str, object], known: Iterable[str]) -> None:
    """Refuse every key that is not known.

    Raises:
        ConfigError: with the nearest key.
    """
    names = list(known)
    for key in settings:
        if key not in names:
            near = get_close_matches(key, (*names, *COMMON), n=1, cutoff=0.6)
            allowed = ", ".join((*COMMON, *names))
            hint = f"Did you mean “{near[0]}”?" if near else f"Known keys: {allowed}."
            fail(settings, key, f"unknown key “{key}”", hint)


def complaint(error: Exception) -> tuple[str, str]:
    """The key that msgspec complains about, and what it says in the words of TOML."""
    what, _, at = str(error).partition(" - at `$.")
    return at.rstrip("`").partition("[")[0], _plain(what)


_WORDS: dict[str, str] = {
    "bool": "true or false",
    "str": "a text in quotes",
    "int": "a number",
    "float": "a number",
    "object": "a table",
    "array": "a list",
    "null": "nothing",
}


def _plain(what: str) -> str:
    alone = re.sub(r" \| null`", "`", what)
    alone = re.sub(r"`int \| float`|`float \| int`", "`float`", alone)
    return re.sub(r"`(\w+)`", lambda found: _WORDS.get(str(found[1]), str(found[1])), alone)
