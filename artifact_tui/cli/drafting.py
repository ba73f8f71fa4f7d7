"""`artifact-tui plan`: a draft from a filter, the marks, collections or a list; saved and printed.

A list is a file or the standard input; a line of it is a key, TYPE/ID, NAME:LABEL or JSON. Before
the draft is made, the registry is read, and asked for the lineage that is not known.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import config, text
from artifact_tui.catalog.catalog_rows import refs_of
from artifact_tui.catalog.sizes import keys_without_size
from artifact_tui.catalog.version_names import existing_values, ids_by_keys, ids_by_names
from artifact_tui.cli import reviewing
from artifact_tui.cli.options import FilterCommand, cached_option, json_option
from artifact_tui.cli.output import Output, Progress, command, say
from artifact_tui.cli.reviewing import option_of
from artifact_tui.cli.session import (
    ask_for_sizes,
    client_of,
    connected,
    parse_filter,
    split,
    synced,
    where_of,
)
from artifact_tui.config import did_you_mean
from artifact_tui.deletion import review as asking
from artifact_tui.deletion.items import UNFINISHED_DAYS, Action, Options
from artifact_tui.deletion.plan import Plan, new_path
from artifact_tui.deletion.review import (
    BuildProgress,
    ReviewRequest,
    ReviewSource,
    collection_keys_of,
    review,
)
from artifact_tui.deletion.review_words import CONSENTS
from artifact_tui.errors import NotFoundError, PlanError, UsageError
from artifact_tui.model import now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.catalog.marks import Selection as Selected
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.deletion.plan import Draft

    _Command = Callable[..., Any]


_QUOTED = 20
"""Lines that are quoted; the others are counted."""

_LONGEST_LIST = 1 << 28
"""Bytes that are read at most."""


class VersionLines:
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
                raw = sys.stdin.buffer.read(_LONGEST_LIST + 1)
            else:
                with Path(source).open("rb") as file:
                    raw = file.read(_LONGEST_LIST + 1)
            if len(raw) > _LONGEST_LIST:
                raise UsageError(f"{source} is too long to be a list. No plan was made.")
            found = raw.decode("utf-8-sig").split("\n")
        except OSError as error:
            raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            at = raw.count(b"\n", 0, error.start) + 1
            raise UsageError(f"Line {at} of {source} is no text. No plan was made.") from error
        stripped = ((at, line.strip()) for at, line in enumerate(found, start=1))
        self._lines = [(at, *_read_line(at, line)) for at, line in stripped if line]
        if not self._lines:
            raise UsageError(f"{source} lists nothing. No plan was made.")

    def keys(self, conn: sqlite3.Connection) -> list[str]:
        """The keys of the versions that are listed; what there is not is said, and counted.

        Raises:
            UsageError: a line names several versions, or another one than it says.
        """
        ids = ids_by_names(conn, [name for _, name, said in self._lines if said is None])
        records = ids_by_keys(conn, [name for _, name, said in self._lines if said is not None])
        numbers = {*chain.from_iterable(ids.values()), *records.values()}
        refs = {ref.id: ref for ref in refs_of(conn, sorted(numbers))}
        wrong, missing = [], []
        keys: dict[str, None] = {}
        for at, name, said in self._lines:
            one = records.get(name)
            named = ids[name] if said is None else {one}
            found = [refs[number] for number in named if number in refs]
            where = f"line {at}: {safe(name)}"
            if not found:
                bare = said is None and not {"/", ":"} & set(name)
                why = (
                    "nothing has this key; write TYPE/ID or NAME:LABEL" if bare else "there is none"
                )
                missing.append(f"{where}: {why}")
            elif len(found) > 1:
                wrong.append(
                    f"{where}: may be {' or '.join(sorted(map(text.version_name, found))[:3])}"
                )
            elif said not in {None, (found[0].collection, found[0].label)}:
                wrong.append(f"{where}: is {text.version_name(found[0])}, not what the line says")
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


def _read_line(at: int, line: str) -> tuple[str, tuple[str, str] | None]:
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
    say(*lines[:_QUOTED])
    if len(lines) > _QUOTED:
        say(f"and {text.count(len(lines) - _QUOTED)} more")


@dataclass(frozen=True, slots=True)
class PlanSubject:
    """What the plan is about: versions that match a filter or are marked, and collections."""

    filter: str
    marked: bool = False
    collections: tuple[str, ...] = ()
    """Names; all their versions are selected, and empty ones themselves."""
    lines: VersionLines | None = None
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
        named = [f"--collection {quote(name)}" for name in self.collections]
        if self.lines is not None:
            named = [f"--from {quote(str(self.lines.source))}", *named]
        return " ".join([*([self.filter.strip()] if self.filter.strip() else []), *named])


async def make_draft(
    target: Target,
    selection: PlanSubject,
    options: Options,
    *,
    cached: bool = False,
    scan: bool = False,
) -> Draft:
    """Judge what is selected in a registry; with `scan`, ask for all lineage first.

    Raises:
        NotFoundError: there is no such collection.
        UsageError: it is to be purged, and the registry removes for good by itself, or at once.
    """
    parsed = parse_filter([selection.filter])  # before anything is sent
    async with client_of(target) as client:
        if options.action is Action.PURGE and not client.can("purge"):
            raise _cannot_purge(client, target, selection.filter)
        source = await review_source(client, target, marked=selection.marked, cached=cached)
        with connected(client, source.catalog_path, source.marks) as conn:
            if "size" in parsed.fields and client.can("sizes") and not cached:
                await ask_for_sizes(client, keys_without_size(conn))
            picked: Selected = "marked" if selection.marked else ()
            if selection.lines is not None:
                picked = selection.lines.keys(conn)
            elif selection.filter.strip():
                picked = where_of(conn, parsed, client, acts=True)
            request = ReviewRequest(
                selection=picked,
                options=options,
                collections=_collection_keys(conn, selection.collections, target),
                query=selection.text,
                ask=not cached,
                scan=scan,
            )
        return await reviewed(source, request)


def _cannot_purge(client: Client, target: Target, chosen: str) -> UsageError:
    """Why nothing is removed for good here, and what of it can be."""
    if why := client.cannot("purge"):
        rest = command("plan", target.typed, chosen, "--storage")
        return UsageError(
            f"“{target.name}” cannot purge: {why}. Nothing was deleted.",
            hint=f"To delete what it stored, and leave it in the trash: {rest}"
            if client.can("storage")
            else "It stays in the trash until then.",
        )
    return UsageError(
        f"“{target.name}” has no trash that could be purged. Nothing was deleted.",
        hint=f"{client.freeing}." if client.freeing else "What is deleted there is gone at once.",
    )


async def review_source(
    client: Client, target: Target, *, marked: bool = False, cached: bool = False
) -> ReviewSource:
    """An open registry as it is reviewed, its catalog synced first; `marked` needs the marks."""
    path = client.catalog_path or await synced(client, cached=cached)
    marks = config.marks_file(client.identity.uid) if marked else None
    return ReviewSource(client, target, path, marks)


async def reviewed(source: ReviewSource, request: ReviewRequest) -> Draft:
    """The draft of a request, with progress; what is not known is said.

    Raises:
        ArtifactTuiError: as `deletion.review.review`.
    """
    with Progress() as progress:
        draft = await review(source, request, now_us=now_us(), progress=_review_progress(progress))
    if draft.lineage_error:
        say(f"not all lineage is known: {safe(draft.lineage_error)}")
    if draft.storage_error:
        say(f"what this leaves in the storage is not known: {safe(draft.storage_error)}")
    return draft


async def ask_lineage(source: ReviewSource, keys: Sequence[str]) -> None:
    """Ask for the lineage of these versions, with progress; what is not known then is said."""
    with Progress() as progress:
        untold = await asking.ask_lineage(
            source, ReviewRequest(selection=keys), progress=_review_progress(progress)
        )
    if untold:
        say(f"not all lineage is known: {safe(untold)}")


QUIET_SECONDS = 1.0
"""How long a review is built before anything is said of that."""


def _review_progress(progress: Progress) -> Callable[[LineageCoverage | BuildProgress], None]:
    """Shows how far questions and review are; what takes long is announced first."""
    announced = False
    began: float | None = None

    def tell(state: LineageCoverage | BuildProgress) -> None:
        nonlocal announced, began
        if isinstance(state, BuildProgress):
            began = time.monotonic() if began is None else began
            if time.monotonic() - began >= QUIET_SECONDS:
                progress.show(state.words())
            return
        if state.models and not announced:
            announced = True
            untold = state.total - state.scanned
            left = text.plural(untold, "model")
            were = "was" if untold == 1 else "were"
            say(
                f"asking what {left} {were} made from, as the registry tells nothing else of"
                " lineage (Ctrl+C leaves)"
            )
        progress.show(state.asking_words())

    return tell


def _collection_keys(
    conn: sqlite3.Connection, names: Sequence[str], target: Target
) -> tuple[str, ...]:
    """The keys of the collections with these names.

    Raises:
        NotFoundError: there is no such collection.
    """
    keys: list[str] = []
    for name in names:
        found = collection_keys_of(conn, name)
        if not found:
            guess = did_you_mean(name, existing_values(conn, "name", "", 10_000))
            raise NotFoundError(
                f"There is no collection “{name}”. No plan was made.",
                hint=guess or f"List them: {command('ls', target.typed)}",
            )
        keys += found
    return tuple(keys)


DRAFT_ITEMS = 20
"""Items of each verdict that are printed; `review` prints all."""


_CONSENT_HELP = {
    "delete_aliases": "Aliases may go along (never protected ones).",
    "with_dependents": "Delete also all that was made from these.",
    "orphan_dependents": "Live dependents may lose a parent.",
    "unknown_lineage": "What may have dependents that are not known may go.",
    "storage": "Delete the stored objects too.",
    "storage_versions": "Of those objects every stored version, for good, where the bucket keeps"
    " versions.",
    "break_links": "Versions may go that other collections show.",
    "generated": "Versions may go that the registry made by itself: it may refuse.",
    "unfinished": f"Versions may go whose upload began over {UNFINISHED_DAYS} days ago and never"
    " ended.",
    "in_use": "Versions may go although processes of this machine hold files of them open.",
    "whole_collections": "Where all versions of a collection go, one request deletes it with them.",
}


def consents_of(*fields: str) -> Callable[[_Command], _Command]:
    """Options that give these consents, as parameters with the names of the fields."""

    def with_options(command: _Command) -> _Command:
        for field in reversed(fields):
            option = click.option(option_of(field), is_flag=True, help=_CONSENT_HELP[field])
            command = option(command)
        return command

    return with_options


@click.command("plan", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] FILTER…")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The plan file to make.")
@click.option("--marked", is_flag=True, help="What is marked on the screen, instead of a filter.")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="Versions that a file lists, instead of a filter; - is the standard input.",
)
@click.option(
    "--scan-lineage",
    "scan",
    is_flag=True,
    help="With --unknown-lineage: ask all the same for what is missing.",
)
@click.option(
    "--collection",
    "collections",
    multiple=True,
    metavar="NAME",
    help="All versions of this collection, or an empty one itself; may be repeated.",
)
@consents_of(*CONSENTS)
@cached_option
@json_option()
def plan_command(
    words: tuple[str, ...],
    *,
    output: Path | None,
    marked: bool,
    source: str | None,
    scan: bool,
    collections: tuple[str, ...],
    cached: bool,
    out: Output,
    **agreed: Any,
) -> int:
    """Build a plan from a filter, and print what it would do. Nothing is deleted.

    \b
    artifact-tui plan local:./sample 'type:model age>90d alias:none' -o old.plan
    artifact-tui plan local:./sample 'name:sweep* -latest:3' -o sweep.plan --with-dependents
    artifact-tui plan team --collection sweep-checkpoints --whole-collections -o all.plan
    artifact-tui plan team --from ids.txt -o listed.plan

    A line of --from is a key, TYPE/ID or NAME:LABEL, or what ls --versions --json prints; it goes
    with --collection, and not with a filter. Lines that name nothing are said, the others planned,
    and the exit code is 1; where a line may name several versions, no plan is made.

    A version with a protected alias, or with live dependents outside the plan, stays; so does one
    of which a process of this machine holds files open, without --in-use. The filter * means
    everything. Without -o the plan is kept where `artifact-tui tasks` finds it.

    Lineage that the registry tells only when asked is asked for first, unless --cached: at W&B
    about what was selected; at REST registries each model that is new is asked what it was made
    from. What stays unknown needs --unknown-lineage, which also saves the asking of models. Stored
    objects go only after their version is gone.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words)
    lines = None if source is None else VersionLines(source)
    selection = PlanSubject(" ".join(rest), marked, collections, lines)
    selection.check()
    options = Options(**agreed)
    options = replace(options, storage=options.storage or options.storage_versions)
    draft = asyncio.run(make_draft(target, selection, options, cached=cached, scan=scan))
    path = (
        save_draft(draft, output) if draft.summary.deletes else None
    )  # before a reader may hang up
    if path is not None:
        out.done = f"The plan is in {safe(str(path), 4096)}. Nothing was deleted."
    print_draft(draft, out)
    reviewing.print_next(path or save_draft(draft, output), draft.summary, out)
    return 1 if lines is not None and lines.missing else 0


def save_draft(draft: Draft, output: Path | None) -> Path:
    """Write a draft to a file, by default among the plans of this user; gives its path.

    Raises:
        PlanError: it deletes nothing, or the file cannot be made.
    """
    if not draft.summary.deletes:
        verb, _ = draft.summary.verbs
        asked = draft.head.query or "the marks"
        raise PlanError(
            f"There is nothing to {verb}, so no plan was made.",
            hint="See above why." if draft.items else f"Nothing matches: {asked}",
        )
    path = output or new_path(draft.head)
    Plan.create(path, draft).close()
    return path


def print_draft(draft: Draft, out: Output, *, records: bool = True) -> None:
    """Print a draft: all items as JSON (unless `records` says no), or the first for people.

    What lets more of them go is told as far as the running command has an option for it.
    """
    command = click.get_current_context().command
    if out.json and records:
        reviewing.print_item_records(draft, out)
    offered = {option for one in command.params for option in one.opts}
    reviewing.print_review(draft, out, most=0 if out.json else DRAFT_ITEMS, offered=offered)
