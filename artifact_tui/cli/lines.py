"""Versions that a file or the standard input lists: a key, TYPE/ID, NAME:LABEL or JSON a line."""

from __future__ import annotations

import json
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.catalog.fetch import refs_of
from artifact_tui.catalog.names import keyed, meant
from artifact_tui.cli.failures import say
from artifact_tui.cli.wording import name_of
from artifact_tui.errors import UsageError
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3


_SHOWN = 20
"""Lines that are quoted; the others are counted."""

_LONGEST = 1 << 28
"""Bytes that are read at most."""


class Lines:
    """The lines of a file; `-` is the standard input.

    Raises:
        UsageError: it cannot be read, or it is no text.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.missing = 0
        """How many lines named nothing that could be deleted, once `keys` has looked."""
        try:
            if source == "-":
                raw = sys.stdin.buffer.read(_LONGEST + 1)
            else:
                with Path(source).open("rb") as file:
                    raw = file.read(_LONGEST + 1)
            if len(raw) > _LONGEST:
                raise UsageError(f"{source} is too long to be a list. No plan was made.")
            found = raw.decode("utf-8-sig").split("\n")
        except OSError as error:
            raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            at = raw.count(b"\n", 0, error.start) + 1
            raise UsageError(f"Line {at} of {source} is no text. No plan was made.") from error
        stripped = ((at, line.strip()) for at, line in enumerate(found, start=1))
        self._lines = [(at, *_read(at, line)) for at, line in stripped if line]
        if not self._lines:
            raise UsageError(f"{source} lists nothing. No plan was made.")

    def keys(self, conn: sqlite3.Connection) -> list[str]:
        """The keys of the versions that are listed; what there is not is said, and counted.

        Raises:
            UsageError: a line names several versions, or another one than it says.
        """
        ids = meant(conn, [name for _, name, said in self._lines if said is None])
        records = keyed(conn, [name for _, name, said in self._lines if said is not None])
        numbers = {*chain.from_iterable(ids.values()), *records.values()}
        refs = {ref.id: ref for ref in refs_of(conn, sorted(numbers))}
        wrong, missing = [], []
        keys: dict[str, None] = {}
        for at, name, said in self._lines:
            one = records.get(name)
            named = ids[name] if said is None else () if one is None else [one]
            found = [refs[number] for number in named if number in refs]
            where = f"line {at}: {safe(name)}"
            if not found:
                bare = said is None and not {"/", ":"} & set(name)
                why = (
                    "nothing has this key; write TYPE/ID or NAME:LABEL" if bare else "there is none"
                )
                missing.append(f"{where}: {why}")
            elif len(found) > 1:
                wrong.append(f"{where}: may be {' or '.join(sorted(map(name_of, found))[:3])}")
            elif said not in {None, (found[0].collection, found[0].label)}:
                wrong.append(f"{where}: is {name_of(found[0])}, not what the line says")
            elif found[0].state == "trash":
                missing.append(f"{where}: is in the trash already")
            else:
                keys[found[0].key] = None
        if wrong:
            _quote(wrong)
            raise UsageError(
                f"{text.plural(len(wrong), 'line')} of {self.source} cannot be meant.",
                hint="No plan was made. A version's key, as `artifact-tui ls --versions --json`"
                " prints it, names one and no other.",
            )
        if missing:
            _quote(missing)
            say(f"{text.plural(len(missing), 'line')} of {text.count(len(self._lines))} not found")
        self.missing = len(missing)
        return list(keys)


def _read(at: int, line: str) -> tuple[str, tuple[str, str] | None]:
    """What a line names, and for JSON the collection and label that it says with a key.

    Raises:
        UsageError: it is JSON, and no version.
    """
    if not line.startswith("{"):
        return line, None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Line {at} is no JSON: {error}. No plan was made.") from error
    key, name, label = (record.get(field) for field in ("key", "name", "version"))
    if record.get("kind", "version") != "version" or not isinstance(label, str):
        raise UsageError(
            f"Line {at} is no version. No plan was made.",
            hint="List versions: artifact-tui ls --versions --json; a collection: --collection.",
        )
    try:
        f"{key}{name}{label}".encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"Line {at} is no text. No plan was made.") from error
    if isinstance(key, str) and isinstance(name, str):
        return key, (name, label)
    if isinstance(name, str):
        return f"{name}:{label}", None
    raise UsageError(f"Line {at} names no version. No plan was made.")


def _quote(lines: list[str]) -> None:
    """Say the first of these lines, and how many there are more."""
    say(*lines[:_SHOWN])
    if len(lines) > _SHOWN:
        say(f"and {text.count(len(lines) - _SHOWN)} more")
