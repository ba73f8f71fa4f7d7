"""Changes the configuration file, and keeps everything else in it: comments, order, spelling.

The new text is read back by the same strict reader before it takes the old one's place, in one
step. No secret is ever written: say where it is (`token_env`, `token_command`, `netrc`).
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from artifact_tui.config import (
    LOCAL,
    Config,
    config_dir,
    config_file,
    did_you_mean,
    is_secret,
    resolve,
)
from artifact_tui.configfile import read
from artifact_tui.errors import ConfigError, UsageError, bare, may_hold_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tomlkit import TOMLDocument

_HEAD = "artifact-tui: what may stand here is shown by `artifact-tui registries add --help`."


def add_registry(
    name: str,
    address: str,
    *,
    production: bool = False,
    read_only: bool | None = None,
    settings: Mapping[str, object] | None = None,
    default: bool = False,
) -> Config:
    """Write a new `[registries.NAME]` table; gives the configuration as it is then.

    Raises:
        UsageError: the name cannot be used or is taken, or a setting is a secret.
        ConfigError: the file has a mistake, with or without the addition. Nothing was written.
    """
    _check_name(name)
    if may_hold_secret(address.removeprefix(LOCAL)):
        address = resolve(Config(), address).address
    for key, value in (settings or {}).items():
        if isinstance(value, str) and not key.endswith("_command") and may_hold_secret(value):
            raise UsageError(
                f"“{key}” holds a user name, a password, or something behind the place:"
                f" {bare(value)}. Nothing was written.",
                hint="Leave out what stands before an @, and after a ? or #.",
            )
        if is_secret(key):
            raise UsageError(
                f"“{key}” is a secret, and secrets are not written to the configuration.",
                hint=f"Say where it is: {key}_env names a variable, token_command a program.",
            )
    path, document = _open()
    registries = _registries(document)
    if name in registries:
        raise UsageError(
            f"There is a registry “{name}” already: {registries[name].get('address')}.",
            hint="Remove it first, or choose another name.",
        )
    table = tomlkit.table()
    table.add("address", address)
    if production:
        table.add("production", value=True)
    if read_only is not None:
        table.add("read_only", read_only)
    for key, value in (settings or {}).items():
        table.add(key, value)
    if list(document)[-1] != "registries":
        table.add(tomlkit.nl())
    registries.add(name, table)
    return _write(path, _with_default(document, name) if default else document.as_string())


def remove_registry(name: str) -> Config:
    """Take a registry out of the configuration; gives it as it is then. No artifact is touched.

    Raises:
        UsageError: there is no such registry.
        ConfigError: the file has a mistake. Nothing was written.
    """
    path, document = _open()
    registries = _registries(document)
    if name not in registries:
        raise UsageError(
            f"There is no registry “{name}” in {path}.",
            hint=did_you_mean(name, registries) or "See: artifact-tui registries",
        )
    registries.remove(name)
    if document.get("default_registry") == name:
        document.remove("default_registry")
    return _write(path, document.as_string())


def set_default(name: str) -> Config:
    """Make a configured registry the default one.

    Raises:
        ConfigError: there is none of that name. Nothing was written.
    """
    path, document = _open()
    return _write(path, _with_default(document, name))


def _check_name(name: str) -> None:
    signs = set(name) & set(':/\\~"*|<>=')  # of addresses, paths and filters
    if not name or not name.isprintable() or name.startswith("-") or signs:
        raise UsageError(
            f"“{name}” cannot be the name of a registry.",
            hint="A name has none of : / \\ ~ * | < > = and no quotes, and begins with no dash.",
        )


def _open() -> tuple[Path, TOMLDocument]:
    """The file behind links, and its content; an empty one when there is none."""
    path = Path(os.path.realpath(config_file()))
    if not path.exists():
        document = tomlkit.document()
        document.add(tomlkit.comment(_HEAD))
        return path, document
    read(path)
    try:
        return path, tomlkit.parse(path.read_text(encoding="utf-8"))
    except (TOMLKitError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be changed by this program.", hint="Change it with an editor."
        ) from error


def _registries(document: TOMLDocument) -> Table:
    """The table of registries, made when it is missing."""
    found = document.get("registries")
    if found is None:
        found = tomlkit.table(is_super_table=True)
        document.add("registries", found)
    if not isinstance(found, Table):
        raise ConfigError(
            "The registries are written in a way that this program does not change.",
            hint=f"Write them as [registries.NAME] in {config_file()}.",
        )
    return found


def _with_default(document: TOMLDocument, name: str) -> str:
    """The text with another default registry."""
    if "default_registry" in document:
        document["default_registry"] = name
        return document.as_string()
    return f"default_registry = {tomlkit.item(name).as_string()}\n\n{document.as_string()}"


def _write(path: Path, text: str) -> Config:
    """Check the new text, then put it in place of the old one in one step."""
    config_dir()
    handle, name = tempfile.mkstemp(prefix=".config-", suffix=".toml", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        read(Path(name))
        if path.exists():
            Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path)
    except ConfigError as error:
        said = str(error).replace(name, str(path))
        raise ConfigError(f"{said} Nothing was written.", hint=error.hint) from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Nothing was changed."
        ) from error
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
    return read(path)
