"""From what was asked for to a draft: the registry is read, and asked for what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui import places, text
from artifact_tui.catalog import queries
from artifact_tui.cli.failures import say
from artifact_tui.cli.output import command
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import client_of, parse_filter, reading, where_of
from artifact_tui.config import nearest
from artifact_tui.deletion import whole_review
from artifact_tui.deletion.build import build_plan
from artifact_tui.deletion.items import Action, Options
from artifact_tui.deletion.objects import with_storage
from artifact_tui.deletion.preparing import prepare
from artifact_tui.deletion.target import storage_of
from artifact_tui.errors import NotFoundError, RegistryError, UsageError
from artifact_tui.here import actor, now_us

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from artifact_tui.catalog.lineage_ask import Asked
    from artifact_tui.catalog.selection import Selection as Selected
    from artifact_tui.cli.lines import Lines
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.deletion.draft import Draft


@dataclass(frozen=True, slots=True)
class Selection:
    """What the plan is about: versions that match a filter or are marked, and collections."""

    filter: str
    marked: bool = False
    collections: tuple[str, ...] = ()
    """Names; all their versions are selected, and empty ones themselves."""
    lines: Lines | None = None
    """A file that lists versions."""

    def check(self) -> None:
        """Refuse nothing, and a filter with the marks.

        Raises:
            UsageError: it does not say what the plan is about.
        """
        chosen = bool(self.filter.strip()) + self.marked + (self.lines is not None)
        if chosen > 1 or not (chosen or self.collections):
            raise UsageError(
                "Say what the plan is about: a filter, or --from, --marked or --collection.",
                hint="For everything in the registry, the filter is '*'.",
            )

    @property
    def text(self) -> str:
        """What was asked for, as the plan records it."""
        named = [f"--collection {name}" for name in self.collections]
        if self.lines is not None:
            named = [f"--from {self.lines.source}", *named]
        return " ".join([*([self.filter.strip()] if self.filter.strip() else []), *named])


async def make_draft(
    target: Target,
    selection: Selection,
    options: Options,
    *,
    cached: bool = False,
    scan: bool = False,
) -> Draft:
    """Judge what is selected in a registry; with `scan`, ask for all lineage first."""
    parse_filter([selection.filter])  # before anything is sent
    async with client_of(target) as client:
        _refuse_purge(client, target, options)
        marks = places.marks_file(client.identity.uid) if selection.marked else None
        async with reading(client, marks=marks, cached=cached) as conn:
            chosen = _chosen(conn, client, selection)
            keys = collection_keys(conn, selection.collections, target)
            if not cached:
                await ask_lineage(client, chosen, options, collections=keys, marks=marks, scan=scan)
            draft = draft_of(
                conn, client, target, chosen, options=options,
                query_text=selection.text, collections=keys,
            )  # fmt: skip
        return await with_objects(draft, client)


def _chosen(conn: sqlite3.Connection, client: Client, selection: Selection) -> Selected:
    if selection.marked:
        return "marked"
    if selection.lines is not None:
        return selection.lines.keys(conn)
    if not selection.filter.strip():
        return ()
    return where_of(conn, parse_filter([selection.filter]), client, acts=True)


def collection_keys(conn: sqlite3.Connection, names: Sequence[str], target: Target) -> list[str]:
    """The keys of the collections with these names.

    Raises:
        NotFoundError: there is no such collection.
    """
    keys: list[str] = []
    for name in names:
        found = whole_review.keys_of(conn, name)
        if not found:
            near = nearest(name, queries.values(conn, "name", "", 10_000))
            raise NotFoundError(
                f"There is no collection “{name}”. No plan was made.",
                hint=f"Did you mean “{near}”?"
                if near
                else f"List them: {command('ls', target.typed)}",
            )
        keys += found
    return keys


def _refuse_purge(client: Client, target: Target, options: Options) -> None:
    """Refuse to purge where nothing can be purged.

    Raises:
        UsageError: the registry removes for good by itself, or at once.
    """
    can = client.capabilities
    if options.action is not Action.PURGE or can.purge:
        return
    then = f"{can.freeing}." if can.freeing else "What is deleted there is gone at once."
    raise UsageError(
        f"“{target.name}” has no trash that could be purged. Nothing was deleted.", hint=then
    )


def draft_of(
    conn: sqlite3.Connection,
    client: Client,
    target: Target,
    selection: Selected,
    *,
    options: Options,
    query_text: str = "",
    collections: Sequence[str] = (),
) -> Draft:
    """Judge a selection of a catalog."""
    return build_plan(
        conn,
        identity=client.identity,
        name=target.name,
        selection=selection,
        options=options,
        production=target.production,
        read_only=target.read_only,
        now_us=now_us(),
        actor=actor(),
        query_text=query_text,
        capabilities=client.capabilities,
        collections=collections,
    )


async def with_objects(draft: Draft, client: Client) -> Draft:
    """The draft with what it leaves in the storage, or deletes there.

    Raises:
        UsageError: objects are to go, and no storage is configured.
        RegistryError: objects are to go, and the storage could not be asked.
    """
    wanted = draft.head.options.storage
    storage = storage_of(client)
    if wanted and storage is None:
        raise UsageError(
            f"No storage is configured for “{draft.head.registry}”. No plan was made.",
            hint="Give it a bucket in the configuration, or leave --storage out.",
        )
    try:
        return await with_storage(draft, storage)
    except RegistryError as error:
        if wanted:
            raise
        say(f"what this leaves in the storage is not known: {error}")
        return draft


async def ask_lineage(
    client: Client,
    selection: Selected,
    options: Options,
    *,
    collections: Sequence[str] = (),
    marks: Path | None = None,
    scan: bool = False,
) -> None:
    """Ask for the lineage of a selection, as far as a registry tells it only when asked.

    Asking every model takes long: that is left out where the user agrees not to know, unless
    `scan` says otherwise.
    """
    if client.capabilities.scanned_lineage and options.unknown_lineage and not scan:
        return
    path = client.catalog_path or places.catalog_file(client.identity.uid)
    told: list[Asked] = []

    def tell(asked: Asked) -> None:
        if asked.models and not told:
            left = text.plural(asked.untold, "model")
            were = "was" if asked.untold == 1 else "were"
            say(
                f"asking what {left} {were} made from, as the registry tells nothing else of"
                " lineage (Ctrl+C leaves)"
            )
        told.append(asked)
        progress.show(asked.words())

    with Progress() as progress:
        try:
            found = await prepare(
                client, path, selection, options,
                collections=collections, marks=marks, progress=tell,
            )  # fmt: skip
        except RegistryError as error:
            say(f"not all lineage is known: {error}")
            return
    if found is not None and not found.complete:
        say(f"not all lineage is known: {found.missing}")
