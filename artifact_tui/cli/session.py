"""What most commands begin with: which registry, its client, its catalog, and the filter.

The catalog of a remote registry is synced first, or read as it was with `--cached`.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifact_tui import catalog, config, query, text
from artifact_tui.catalog.filter_doubts import doubts, refuse_slips, undecided
from artifact_tui.catalog.listing import last_synced_us
from artifact_tui.catalog.sizes import ask_sizes
from artifact_tui.catalog.sync import SyncProgress, sync
from artifact_tui.cli.output import Progress, command, say
from artifact_tui.clients import kind_of, open_client
from artifact_tui.config import (
    Config,
    Target,
    did_you_mean,
    keep_reserve,
    load,
    nearest,
    resolve,
)
from artifact_tui.edits.keeping import own_registry
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ArtifactTuiError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    RegistryError,
    UsageError,
)
from artifact_tui.model import actor, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from artifact_tui.clients.base import Client, OwnClient


async def synced(client: Client, *, cached: bool = False) -> Path:
    """The catalog file of a remote registry, brought up to date unless `cached`.

    Raises:
        NotFoundError: nothing was synced yet, and `cached` forbids it.
        RegistryError: it could not be synced; the hint says how old what is known is.
    """
    path = config.catalog_file(client.identity.uid)
    if cached:
        if synced_us(path) is None:
            raise NotFoundError(
                f"{client.identity.address} was never synced to its end on this machine.",
                hint="Leave --cached out once.",
            )
        return path
    with Progress() as progress:
        line = f"listing {safe(client.identity.address)}"

        def tell(state: SyncProgress) -> None:
            nonlocal line
            found = text.plural(state.versions, "version")
            line = f"listing {safe(client.identity.address)}: {found}"
            progress.show(line)

        waiting = asyncio.create_task(
            _tell_waits(client, lambda words: progress.show(line + words))
        )
        try:
            marks = config.marks_file(client.identity.uid)
            done = await sync(client, path, marks_path=marks, progress=tell)
        except RegistryError as error:
            with suppress(RegistryError):
                if (at := synced_us(path)) is not None:
                    known = f"--cached shows what was known at {text.moment(at)} UTC."
                    error.hint = f"{error.hint} {known}".strip()
            raise
        finally:
            waiting.cancel()
    say(*(safe(sentence) for sentence in (*client.notices, *done.notices)))
    return path


async def ask_for_sizes(client: Client, keys: Sequence[str]) -> None:
    """Have sizes told that come only for the asking, with progress; else they stay unknown."""
    with Progress() as progress:
        try:
            await ask_sizes(
                client,
                config.catalog_file(client.identity.uid),
                keys,
                progress=lambda asked, total: progress.show(f"sizes of {asked:,} of {total:,}"),
            )
        except RegistryError as error:
            say(safe(f"not all sizes are known: {error} {error.hint}".rstrip()))


async def _tell_waits(client: Client, show: Callable[[str], object]) -> None:
    """Say every second what the registry is waited for."""
    while True:
        await asyncio.sleep(1)
        if words := client.transport.pace():
            show(f" · {safe(words)}")


def synced_us(path: Path) -> int | None:
    """When a catalog was last synced to its end; None when it never was."""
    if not path.is_file():
        return None
    with closing(catalog.connect(path)) as conn:
        return last_synced_us(conn)


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_PLAIN = re.compile(r"[^\s()|\"*:<>=!~^&-][^\s()|\"*:<>=!~^&]*")
"""A word of a filter that could as well be the name of a registry."""


_BARE = re.compile(r"`artifact-tui (fsck|gc|ls|trash)((?: --[a-z]+)*)`")
"""A command about a registry, as those name it who do not know how the user typed it."""


def only_reads() -> bool:
    """Whether `--read-only` stands before the running command."""
    return bool(click.get_current_context().find_root().params["read_only"])


def target_of(registry: str | None) -> Target:
    """The registry that was named, or the default one; `--read-only` counts for any."""
    target = resolve(load(), registry)
    return replace(target, read_only=target.read_only or only_reads())


def split(words: Sequence[str], *, names: bool = False) -> tuple[Target, list[str]]:
    """The registry, if the first word names one, else the default; and the other words.

    Args:
        words: as they were typed; the others are a filter, or with `names` versions.
        names: whether `net:v3` may name a version.

    Raises:
        UsageError: the first word may be meant as a registry, and there is none of that name.
    """
    config = load()
    named = bool(words) and _names_registry(config, words[0])
    if words and not named:
        _refuse_unclear(config, words, names=names)
    target = target_of(words[0] if named else None)
    return target, list(words[1:] if named else words)


def _refuse_unclear(config: Config, words: Sequence[str], *, names: bool) -> None:
    """Refuse words that may be meant as a registry and are none.

    Raises:
        UsageError: so they are.
    """
    first = words[0]
    scheme, colon, rest = first.partition(":")
    if colon and _SCHEME.fullmatch(scheme) and scheme.lower() not in query.FIELDS:
        plain = names or nearest(scheme.lower(), query.FIELDS)
        if rest.startswith("/") or not plain:
            kind_of(first)
    if _PLAIN.fullmatch(first) and first.upper() not in {"AND", "OR", "NOT"}:
        in_names = shlex.quote(f"*{first}*")
        way = f"To look for it in names, write {in_names}, or name the registry first."
        way = "A version is named as NAME:V." if names else way
        raise UsageError(
            f"There is no registry named “{first}”.",
            hint=f"{did_you_mean(first, config.registries)} {way}".lstrip(),
        )
    for word in words[1:]:
        if word in config.registries:
            looked_for = f"*{word}*" if _PLAIN.fullmatch(word) else f'"{word}"'
            raise UsageError(
                f"“{word}” is a registry, and stands after a filter.",
                hint=f"Put the registry first; to look for “{word}” in names,"
                f" write {shlex.quote(looked_for)}.",
            )


def _names_registry(config: Config, word: str) -> bool:
    """Whether a word can only mean a registry: a field of a filter or a name cannot."""
    if word in config.registries or word.startswith(("./", "../", "/", "~")):
        return True
    scheme, colon, _ = word.partition(":")
    if not colon:
        return (Path(word) / "FORMAT").is_file()
    if scheme.lower() in query.FIELDS:
        return False
    try:
        kind_of(word)
    except UsageError:
        return False
    return True


@asynccontextmanager
async def client_of(target: Target, *, write: bool = False) -> AsyncIterator[Client]:
    """An open client; for writing only when the target is not read-only."""
    keep_reserve()
    with _hints_as_typed(target):
        client = open_client(
            target.address,
            read_only=target.read_only or not write,
            actor=actor() if write else "",
            settings=target.settings,
        )
        try:
            yield client
        finally:
            await client.aclose()


@contextmanager
def _hints_as_typed(target: Target) -> Iterator[None]:
    """Let commands in the hints of errors name this registry as the user typed it."""
    try:
        yield
    except ArtifactTuiError as error:
        error.hint = _BARE.sub(
            lambda found: f"`{command(found[1], target.typed, *found[2].split())}`", error.hint
        )
        raise


def refuse_read_only(target: Target, *, done: str = "deleted", then: str = "") -> None:
    """Refuse to write before anything is sent; `then` is what to do once it may be written.

    Raises:
        ReadOnlyError: the registry may only be read.
    """
    if target.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was {done}.",
            hint=f"{READ_ONLY_HINT}. {then}".removesuffix(". "),
        )


@asynccontextmanager
async def own_client_of(target: Target, *, write: bool = False) -> AsyncIterator[OwnClient]:
    """An open client of a registry that this program keeps itself.

    Raises:
        UsageError: it is kept by others.
    """
    keep_reserve()
    with _hints_as_typed(target):
        async with own_registry(target, write=write) as client:
            yield client


@asynccontextmanager
async def reading(
    client: Client, *, marks: Path | None = None, cached: bool = False
) -> AsyncIterator[sqlite3.Connection]:
    """A read-only connection to the catalog of an open registry; a remote one is synced first.

    With `cached`, what the last sync knew is read, and nothing is sent.
    """
    path = client.catalog_path or await synced(client, cached=cached)
    with connected(client, path, marks) as conn:
        yield conn


@contextmanager
def connected(
    client: Client, path: Path, marks: Path | None = None
) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a catalog and the marks; what SQLite cannot read is explained."""
    with closing(catalog.connect(path, marks=marks, mapped=False)) as conn:
        try:
            yield conn
        except sqlite3.Error as error:
            check = f"Check it: {command('fsck', client.identity.address)}"
            made_anew = f"Remove it, it is made anew: {path}"
            raise RegistryError(
                f"{path} could not be read: {error}. Nothing was changed.",
                hint=made_anew if client.catalog_path is None else check,
            ) from error


def parse_filter(words: Sequence[str]) -> query.Query:
    """The filter that these words make together; an error knows the text it is about."""
    typed = " ".join(words)
    try:
        return query.parse(typed)
    except QueryError as error:
        error.add_note(typed)
        raise


def where_of(
    conn: sqlite3.Connection, parsed: query.Query, client: Client, *, acts: bool = False
) -> query.Where:
    """The condition of a filter at this moment; what in it nothing here has is said.

    Raises:
        QueryError: it asks for what this registry never tells; or, where something is done with
            what matches (`acts`), it leaves out a value that nothing has.
    """
    try:
        found = doubts(conn, parsed, client)
        if acts:
            refuse_slips(found, parsed, written=shlex.quote)
    except QueryError as error:
        error.add_note(parsed.text)
        raise
    for doubt in found:
        say(safe(doubt.words()))
    where = query.compile_query(parsed, now_us())
    unsure = undecided(conn, where)
    if unsure:
        what = text.plural(unsure, "version")
        say(f"whether {what} match is not known: left out")
    return where


def split_one(words: Sequence[str]) -> tuple[Target, str]:
    """The registry, and the one version that the other word names."""
    if len(words) == 1:
        target, rest = split(words, names=True)
        if rest:
            return target, rest[0]
    if len(words) != 2:  # noqa: PLR2004 - a registry and a name
        raise UsageError(
            "Name one version, after the registry if it is not the default one.",
            hint="Such as: artifact-tui show local:./sample resnet50:v3",
        )
    return target_of(words[0]), words[1]
