"""Reads the configuration file: what is allowed in it, and errors that point at the line."""

from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from artifact_tui.config import (
    COMMON_KEYS,
    LOCAL,
    Config,
    RegistryConfig,
    Settings,
    did_you_mean,
    is_secret,
    nearest,
    refuse_unknown_settings,
    toml_complaint,
)
from artifact_tui.errors import ConfigError, may_hold_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IN_PLAIN = ("token", "password")
"""Secrets that may stand in a file which only its owner can read."""

_Where = tuple[str, ...]
"""A place in the file: table names, then the key."""


class _RegistryTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`[registries.NAME]` as it may be written."""

    address: str
    read_only: bool | None = None
    production: bool = False


class _FileTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file; registries and keys are read one by one, so that errors name them."""

    default_registry: str = ""
    theme: str = ""
    mouse: bool | None = None
    ascii: bool = False
    registries: dict[str, dict[str, Any]] = {}
    keys: dict[str, Any] = {}


_S = TypeVar("_S", _RegistryTable, _FileTable)


def read(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: it cannot be read, has a mistake, or shows a secret to other users.
    """
    return _Reader(path).config()


class _Reader:
    """One reading of one file: its content and where everything stands in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                self.shared = bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
                text = stream.read().decode()
            self.raw = tomllib.loads(text)
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} is not a text in UTF-8.") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                f"{path} is not valid TOML: {error}.",
                hint='Text stands in quotes: theme = "…". Tables look like [registries.team].',
            ) from error
        self.lines = dict(_places(text))

    def config(self) -> Config:
        """Everything in the file, checked."""
        self._refuse_shown_secrets()
        top = self._convert(self.raw, _FileTable, ())
        registries = {name: self._registry(name, top.registries[name]) for name in top.registries}
        if top.default_registry and top.default_registry not in registries:
            self._fail(
                ("default_registry",),
                f"there is no registry “{top.default_registry}”",
                did_you_mean(top.default_registry, registries) or "Add it as [registries.NAME].",
            )
        keys = {
            ".".join(where[1:]): (self._line(where), value)
            for where, value in self._keys(top.keys, ("keys",))
        }
        return Config(
            registries=registries,
            default=top.default_registry,
            keys={name: value for name, (_, value) in keys.items()},
            key_lines={name: line for name, (line, _) in keys.items()},
            theme=top.theme,
            mouse=top.mouse,
            ascii=top.ascii,
            path=self.path,
        )

    def _registry(self, name: str, raw: dict[str, Any]) -> RegistryConfig:
        where = ("registries", name)
        if "address" not in raw:
            self._fail(
                where, f"the registry “{name}” has no address", 'Add address = "local:PATH".'
            )
        if isinstance(raw["address"], str) and may_hold_secret(raw["address"].removeprefix(LOCAL)):
            self._fail(
                (*where, "address"),
                "only a place may stand in an address: no user name or password, no ? and no #",
                "Leave them out. A token belongs in a variable, which token_env names.",
            )
        common = {key: value for key, value in raw.items() if key in COMMON_KEYS}
        table = self._convert(common, _RegistryTable, where)
        if "\0" in table.address:
            self._fail((*where, "address"), "no address may hold a null character", "Leave it out.")
        protected = table.production if table.read_only is None else table.read_only
        rest = {key: value for key, value in raw.items() if key not in COMMON_KEYS}
        lines = {key: self._line((*where, key)) for key in rest}
        settings = Settings(rest, self.path, lines)
        for key, value in rest.items():
            if isinstance(value, str) and not key.endswith("_command") and may_hold_secret(value):
                self._fail(
                    (*where, key),
                    f"“{key}” holds a user name, a password, or something behind the place",
                    "Leave out what stands before an @, and after a ? or #.",
                )
            if nearest(key, COMMON_KEYS, cutoff=0.8):
                refuse_unknown_settings(Settings({key: ""}, self.path, lines), ())
        if table.address.startswith(LOCAL):
            refuse_unknown_settings(settings, _IN_PLAIN)
        return RegistryConfig(
            address=table.address,
            read_only=protected,
            production=table.production,
            settings=settings,
        )

    def _keys(self, raw: dict[str, Any], where: _Where) -> Iterator[tuple[_Where, tuple[str, ...]]]:
        """Where each binding id stands, and its keys; an id with dots may be written as tables."""
        for name, value in raw.items():
            here = (*where, name)
            if isinstance(value, dict):
                yield from self._keys(value, here)
                continue
            keys = [value] if isinstance(value, str) else value
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                self._fail(here, f"“{name}” must be a key or a list of keys", 'Like "x" or ["x"].')
            yield here, tuple(keys)

    def _convert(self, raw: dict[str, Any], kind: type[_S], where: _Where) -> _S:
        known = [entry.name for entry in msgspec.structs.fields(kind)]
        for name in raw:
            if name not in known:
                self._fail(
                    (*where, name),
                    f"unknown key “{name}”",
                    did_you_mean(name, known) or f"Known keys: {', '.join(known)}.",
                )
        try:
            return msgspec.convert(raw, kind, strict=True)
        except msgspec.ValidationError as error:
            key, what = toml_complaint(error)
            self._fail((*where, key), f"“{key}”: {what}", "")

    def _refuse_shown_secrets(self) -> None:
        registries = self.raw.get("registries")
        for name, table in registries.items() if isinstance(registries, dict) else ():
            for key in table if isinstance(table, dict) else ():
                if self.shared and is_secret(key):
                    self._fail(
                        ("registries", name, key),
                        f"“{key}” is a secret, and other users of this machine can read the file",
                        f"Run: chmod 600 {self.path}",
                    )

    def _line(self, where: _Where) -> int:
        """The line of a place, or of the nearest thing around it."""
        for end in range(len(where), 0, -1):
            if where[:end] in self.lines:
                return self.lines[where[:end]]
        return 1

    def _fail(self, where: _Where, what: str, hint: str) -> NoReturn:
        raise ConfigError(f"{self.path}, line {self._line(where)}: {what}.", hint=hint)


def _places(text: str) -> Iterator[tuple[_Where, int]]:
    """Where each table and key stands. Lines inside a value of several lines are passed over."""
    table: _Where = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = line.lstrip().startswith("[")
        try:
            parsed = tomllib.loads(line if header else line.partition("=")[0] + "= 0")
        except tomllib.TOMLDecodeError:
            continue
        where = tuple(_path(parsed))
        table = where if header else table
        yield (where if header else (*table, *where)), number


def _path(parsed: Any) -> Iterator[str]:
    """The names on the way to the only leaf."""
    while isinstance(parsed, (dict, list)) and parsed:
        if isinstance(parsed, list):
            parsed = parsed[0]
            continue
        name, parsed = next(iter(parsed.items()))
        yield name
