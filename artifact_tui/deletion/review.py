"""A review: from a request to a judged draft, for both front ends.

Where lineage is told only for the asking, the registry is asked about the selection first, and
about all that was made from it when that is to go too. Where a registry tells only what models
were made from, every model that nobody asked yet is asked: any may have been made from these.
Then the catalog is judged in SQL, and the storage beside the registry is asked what stays there.

A whole collection is offered when every live version of it goes anyway. It stands before its
versions in the order, after all that must go before any of them; should it turn out to have
changed, its versions are still there to be deleted one by one, in the order of the plan.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import closing, contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.catalog import connect, lineage
from artifact_tui.catalog import marks as picking
from artifact_tui.catalog.catalog_file import (
    CatalogLane,
    connect_beside,
    plain_errors,
    stopping_with,
)
from artifact_tui.catalog.lineage import LineageCoverage, lineage_coverage
from artifact_tui.catalog.listing import last_synced_us
from artifact_tui.catalog.sizes import ask_sizes, picked_without_size
from artifact_tui.clients.base import MakingClient
from artifact_tui.database import as_number, as_text
from artifact_tui.deletion import judging, wholes
from artifact_tui.deletion.draft_items import DraftItems, RequestedKeys
from artifact_tui.deletion.items import Action, Item, Options, Verdict
from artifact_tui.deletion.plan import Draft, Head, Summary, WholeCollection, count_summary
from artifact_tui.deletion.storage import (
    ChosenOrphans,
    draft_of_orphans,
    require_storage,
    with_storage,
)
from artifact_tui.errors import NotToldError, RegistryError, UsageError
from artifact_tui.model import Facts, Holders, VersionState, actor

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import PickedBytes
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target

    Progress = Callable[["LineageCoverage | BuildProgress"], object]
    LineageTold = Callable[[LineageCoverage], object]


NOBODY = Holders()
"""Nothing is used, as far as is known."""


@dataclass(frozen=True, slots=True)
class ReviewSource:
    """The registry that is reviewed, and what is known of it on this machine."""

    client: Client
    target: Target
    """How it is called and protected: `read_only` tells of this session too."""
    catalog_path: Path
    """Its catalog, synced before."""
    marks: Path | None = None
    """The file of the marks, for the selection `marked`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequest:
    """What is to be reviewed, and what was agreed to.

    The request of a draft has the very keys that were selected: with other options it judges the
    same versions again, whatever is marked or matches by then.
    """

    selection: Selection | ChosenOrphans = ()
    """Keys, those that match a filter, the marks; or stored objects. Unknown keys are left out."""
    options: Options = field(default_factory=Options)
    collections: tuple[str, ...] = ()
    """Keys of collections: all their versions are selected too, and empty ones themselves."""
    query: str = ""
    """How it was selected, in words of the user."""
    ask: bool = True
    """Whether the registry is asked for the lineage that is not known."""
    scan: bool = False
    """Whether every model is asked even though `unknown_lineage` agrees not to know."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a review is that is being built."""

    step: int
    """From 1."""
    steps: int
    """0 while it is not being built yet."""
    what: str
    """What is being done now."""
    versions: int | None
    """How many versions are under review; None while they are being found."""
    first: tuple[Item, ...] = ()
    """Some of them, before anything was decided about any: their verdicts say nothing."""

    def words(self) -> str:
        """Such as `494,854 versions, step 3 of 7: who stays, and why`."""
        if not self.steps:
            return self.what
        known = "" if self.versions is None else f"{text.plural(self.versions, 'version')}, "
        return f"{known}step {self.step} of {self.steps}: {self.what}"


class Steps:
    """Tells what is being done, one step after the other."""

    def __init__(self, tell: Callable[[BuildProgress], object], steps: int) -> None:
        self._tell = tell
        self._progress = BuildProgress(0, steps, "", None)

    def begin(self, what: str, *, versions: int | None = None, first: Sequence[Item] = ()) -> None:
        """The next step begins; what is known of the versions by now is told from now on."""
        before = self._progress
        self._progress = BuildProgress(
            before.step + 1, before.steps, what,
            before.versions if versions is None else versions, tuple(first) or before.first,
        )  # fmt: skip
        self._tell(self._progress)


async def review(
    source: ReviewSource,
    request: ReviewRequest,
    *,
    now_us: int,
    progress: Progress | None = None,
) -> Draft:
    """Judge what is selected in a registry; nothing is written but what was learnt of lineage.

    Args:
        source: the registry.
        request: what is to be reviewed.
        now_us: the time, microseconds UTC.
        progress: called with how far the questions about lineage are, and then the review.

    Raises:
        RegistryError: the catalog cannot be used; or the storage could not be asked although its
            objects are to go.
        UsageError: stored objects are to go, and no storage is configured.
    """
    chosen = request.selection
    if isinstance(chosen, ChosenOrphans):
        named = replace(request, query="orphans")
        head = new_head(source, named, now_us=now_us, facts_us=chosen.findings.at_us)
        return await draft_of_orphans(chosen, request, head, require_storage(source.client))
    options = request.options
    storage = source.client.storage() if options.action is Action.DELETE else None
    needed = options.storage or options.storage_versions
    if needed and storage is None:
        raise UsageError(
            f"No storage is configured for “{source.target.name}”. No plan was made.",
            hint="Give it a bucket in the configuration, or leave its objects out.",
        )
    untold = await ask_lineage(source, request, progress=progress)
    await _ask_sizes(source, request, progress)
    holders = await _ask_holders(source, request)
    build = partial(build_plan, source=source, request=request, now_us=now_us, holders=holders)
    if progress is not None:
        loop, context = asyncio.get_running_loop(), copy_context()
        build = partial(
            build,
            tell=lambda found: loop.call_soon_threadsafe(progress, found, context=context),
        )
    lane = await CatalogLane.open(
        "review", partial(connect, source.catalog_path, marks=source.marks, mapped=False)
    )
    try:
        draft = replace(await lane.run(build), lineage_error=untold)
    finally:
        await lane.close()
    try:
        return await with_storage(draft, storage)
    except RegistryError as error:
        if needed:
            raise
        return replace(draft, storage_error=f"{error} {error.hint}".strip())


def asks(client: Client, request: ReviewRequest) -> bool:
    """Whether a review asks the registry for lineage: not for all models if one agreed to less."""
    scans = client.scanned_types
    return request.ask and not (scans and request.options.unknown_lineage and not request.scan)


async def ask_lineage(
    source: ReviewSource, request: ReviewRequest, *, progress: LineageTold | None = None
) -> str:
    """Ask for the lineage that a review needs; why not all is known, which is untrusted text.

    With dependents, those of all that is found are asked for too.
    """
    client, options = source.client, request.options
    deletes = options.action is Action.DELETE and not isinstance(request.selection, ChosenOrphans)
    if not (deletes and client.can("lineage") and asks(client, request)):
        return ""

    def selected() -> list[str]:
        with closing(connect(source.catalog_path, marks=source.marks)) as conn:
            _pick_request(conn, request)
            sql = "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id"
            return [key for (key,) in conn.execute(f"{sql} ORDER BY v.id")]

    try:
        found = await lineage.ask_lineage(
            client,
            source.catalog_path,
            await asyncio.to_thread(selected),
            closure=options.with_dependents,
            progress=progress,
        )
    except RegistryError as error:
        return f"{error} {error.hint}".strip()
    return found.missing


async def _ask_sizes(
    source: ReviewSource, request: ReviewRequest, progress: Progress | None
) -> None:
    """Ask for the sizes that a review lacks; what the registry does not tell stays unknown."""
    chosen, options = request.selection, request.options
    if not request.ask or not source.client.can("sizes") or isinstance(chosen, ChosenOrphans):
        return

    def without_size() -> list[str]:
        if isinstance(chosen, RequestedKeys) and chosen.items.can_be_judged(options):
            return []  # they were asked about when they were read
        with _picked(source, request) as conn:
            return picked_without_size(conn)

    def show(asked: int, total: int) -> None:
        if progress is not None:
            progress(BuildProgress(0, 0, f"sizes of {asked:,} of {total:,}", None))

    with suppress(RegistryError):
        lacking = await asyncio.to_thread(without_size)
        await ask_sizes(source.client, source.catalog_path, lacking, progress=show)


async def _ask_holders(source: ReviewSource, request: ReviewRequest) -> Holders:
    """Ask which processes use what is under review, where that can be told: as it is now."""
    if not source.client.can("in_use"):
        return Holders()

    def keys() -> list[str]:
        with _picked(source, request) as conn:
            sql = "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id"
            return [key for (key,) in conn.execute(sql)]

    return await _holders_of(source.client, await asyncio.to_thread(keys))


async def _holders_of(client: Client, keys: Sequence[str]) -> Holders:
    """Who uses these versions, but for those that cannot be read."""
    try:
        return await client.in_use(keys)
    except NotToldError:
        half = len(keys) // 2
        if not half:
            return Holders()
        parts = [await _holders_of(client, part) for part in (keys[:half], keys[half:])]
    by = {key: names for part in parts for key, names in part.by.items()}
    return Holders(by, unseen=any(part.unseen for part in parts))


@contextmanager
def _picked(source: ReviewSource, request: ReviewRequest) -> Iterator[sqlite3.Connection]:
    """A catalog in which all is picked that is to be reviewed, with what joins."""
    with closing(connect(source.catalog_path, marks=source.marks)) as conn:
        _pick_request(conn, request)
        if request.options.with_dependents and request.options.action is Action.DELETE:
            picking.pick_dependents(conn)
        yield conn


_ALL_OF = """
INSERT OR IGNORE INTO temp.picked SELECT v.id FROM json_each(?) j
CROSS JOIN collection c ON c.key = j.value CROSS JOIN version v ON v.collection_id = c.id
WHERE v.state <> 'trash'"""


def build_plan(
    conn: sqlite3.Connection,
    source: ReviewSource,
    request: ReviewRequest,
    *,
    now_us: int,
    holders: Holders = NOBODY,
    tell: Callable[[BuildProgress], object] = lambda _: None,
) -> Draft:
    """Judge a selection of one registry's catalog; nothing is written or asked anywhere.

    `conn` is a connection to the catalog (`catalog.connect`); the draft keeps one of its own. What
    is judged again with other consents has its facts already, unless the catalog was changed since.
    """
    head = new_head(source, request, now_us=now_us, facts_us=last_synced_us(conn) or now_us)
    before = request.selection.items if isinstance(request.selection, RequestedKeys) else None
    if before is not None and before.can_be_judged(request.options):
        head = replace(head, facts_us=before.head.facts_us)
        steps = Steps(tell, _JUDGING_STEPS)
        with before.verdicts_lock, before.lock, _work_on(before.conn, conn):
            judging.note_users(before.conn, holders.by)
            summary = _judge(
                before.conn, head, request, source.client, steps, unseen=holders.unseen
            )
            before.conn.execute("COMMIT")
            before.judged_for(head)
        return Draft(head, before, summary, request)
    steps = Steps(tell, _READING_STEPS + _JUDGING_STEPS)
    beside = connect_beside(conn)
    try:
        judging.make_tables(beside)
        with _work_on(beside, conn):
            _pick(beside, request, steps)
            judging.lay_out(beside, head, steps)
            judging.note_users(beside, holders.by)
            summary = _judge(beside, head, request, source.client, steps, unseen=holders.unseen)
            items = DraftItems(beside, head)
            beside.execute("COMMIT")
    except BaseException:
        beside.close()
        raise
    return Draft(head, items, summary, replace(request, selection=RequestedKeys(items)))


@contextmanager
def _work_on(beside: sqlite3.Connection, conn: sqlite3.Connection) -> Iterator[None]:
    """Begin a transaction, undone should it not be committed; it stops when `conn` must."""
    with plain_errors(beside), stopping_with(beside, conn):
        beside.execute("BEGIN")
        try:
            yield
        finally:
            if beside.in_transaction:
                beside.rollback()


def new_head(source: ReviewSource, request: ReviewRequest, *, now_us: int, facts_us: int) -> Head:
    """The head of a plan that is made now from facts of another moment, microseconds UTC."""
    return Head(
        id=uuid.uuid4().hex,
        identity=source.client.identity,
        registry=source.target.name,
        options=request.options,
        created_us=now_us,
        facts_us=facts_us,
        actor=actor(),
        query=request.query,
        production=source.target.production,
        read_only=source.target.read_only,
    )


def _pick_request(conn: sqlite3.Connection, request: ReviewRequest) -> None:
    """Pick what is selected, and every live version of the collections that are."""
    if not isinstance(request.selection, ChosenOrphans):
        picking.pick(conn, request.selection)
    conn.execute(_ALL_OF, (json.dumps(request.collections),))


_PICK_KEY = "INSERT OR IGNORE INTO temp.picked SELECT id FROM version WHERE key = ?"


_READING_STEPS = 3
_JUDGING_STEPS = 4

_FIRST = 50
"""Versions that are shown while all of them are being read."""

_FIRST_ITEMS = f"""
SELECT {as_text("v.key")}, {as_text("c.name")}, {as_text("v.label")}, {as_text("c.type")},
  {as_number("v.size")}, {as_text("v.digest")}
FROM picked p CROSS JOIN version v ON v.id = p.version_id
CROSS JOIN collection c ON c.id = v.collection_id ORDER BY c.name, c.id, v.ordinal"""


def _pick(conn: sqlite3.Connection, request: ReviewRequest, steps: Steps) -> None:
    """Pick all that is to be reviewed; the first of it at once, to have something to show."""
    selection = request.selection
    if isinstance(selection, RequestedKeys):
        steps.begin("finding what is selected")
        conn.executemany(_PICK_KEY, ((key,) for key in selection))
        conn.execute(_ALL_OF, (json.dumps(request.collections),))
        return
    if not isinstance(selection, ChosenOrphans):
        picking.pick(conn, selection, limit=_FIRST)
        first = [
            Item(
                seq=seq, level=0, key=key, collection=name, label=label, type=kind, size=size,
                facts=Facts(key, digest, VersionState.LIVE), verdict=Verdict.BLOCKED,
            )
            for seq, (key, name, label, kind, size, digest) in enumerate(
                conn.execute(_FIRST_ITEMS).fetchall(), start=1
            )
        ]  # fmt: skip
        steps.begin("finding what is selected", first=first)
    _pick_request(conn, request)


def _judge(
    conn: sqlite3.Connection,
    head: Head,
    request: ReviewRequest,
    client: Client,
    steps: Steps,
    *,
    unseen: bool,
) -> Summary:
    """Give a verdict on all that was laid out, put it in order, and count it."""
    options = request.options
    steps.begin("who stays, and why")
    judging.give_verdicts(conn, head, client.holding_types)
    offers: list[WholeCollection] = []
    if client.can("delete_collection") and options.action is Action.DELETE:
        offers = wholes.offer_collections(conn, request.collections, head, client)
    steps.begin("putting it in order")
    judging.put_items(conn)
    steps.begin("which bytes that frees")
    judging.pick_going(conn)
    types = judging.going_types(conn)
    freeing = _freeing_of(options.action, client, picking.picked_bytes(conn), types)
    emptied = emptied_collections(conn, options.action)
    coverage = lineage_coverage(conn)
    steps.begin("counting it")
    seen = replace(freeing, emptied=emptied, whole=tuple(offers),
                   scanned=coverage.scanned, models=coverage.total,
                   users_unseen=unseen)  # fmt: skip
    return count_summary(conn, seen, options)


def _freeing_of(
    action: Action, client: Client, found: PickedBytes, types: frozenset[str]
) -> Summary:
    """What the deletion frees, and what must happen after the plan before bytes are free."""
    trash = action is Action.DELETE and "trash" in client.tells
    steps = ["purge"] if trash and client.can("purge") else []
    steps += ["gc"] if client.can("collect_garbage") else []
    own = client.freeing if not steps else ""
    restores = client.restores(types)
    after = own or " and ".join(steps) or ("its own garbage collection" if trash else "")
    return Summary(
        freed=found.freed if client.frees else 0,
        freed_untold=found.unknown_count if client.frees else 0,
        held=found.held if client.frees else 0,
        charged=found.charged,
        freed_now=not after,
        freed_after=after,
        freeing=bool(own),
        restorable=trash and restores and not client.can("purge"),
        no_way_back=action is Action.DELETE and not (restores or isinstance(client, MakingClient)),
    )


_EMPTIED = f"""
SELECT {as_text("c.name")}, count(*)
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id GROUP BY c.id
HAVING count(*) = (SELECT count(*) FROM version w WHERE w.collection_id = c.id AND {{counted}})
ORDER BY count(*) DESC, c.name"""


def emptied_collections(conn: sqlite3.Connection, action: Action) -> tuple[tuple[str, int], ...]:
    """Collections of which every version is picked: name and count, largest first.

    A deletion leaves what is in the trash out of account; a purge does not.
    """
    counted = "1" if action is Action.PURGE else "w.state <> 'trash'"
    return tuple(conn.execute(_EMPTIED.format(counted=counted)).fetchall())


def collection_keys_of(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The keys of the collections with this name; there is one of each type at most."""
    rows = conn.execute("SELECT key FROM collection WHERE name = ? ORDER BY id", (name,))
    return tuple(row[0] for row in rows)
