"""Undo of a deletion: versions come back from the trash, or are made again from a source address.

A registry without a trash gives an entry that is made again a new id and new metrics, and bytes
deleted from its storage are not brought back. The plan records which new version stands for which
old one. Each creation is on the disk before its request leaves, so that nothing is made twice after
a crash. What was answered is not believed: afterwards the registry is asked what is there, as after
a deletion.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import TYPE_CHECKING

from artifact_tui.catalog.trash import PAUSE_US
from artifact_tui.clients.base import MakingClient
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.calls import redacted
from artifact_tui.deletion.draft_items import PAGE
from artifact_tui.deletion.items import DELETED_HERE, DONE, VERSION, ItemState, Verdict
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ArtifactTuiError,
    NotFoundError,
    NotToldError,
    PlanError,
    ReadOnlyError,
    RegistryError,
    UncertainError,
    UsageError,
)
from artifact_tui.model import Outcome, Recipe, Result, VersionState, now_us
from artifact_tui.text import count, moment, plural, safe, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.items import Item


MADE, SENT, FAILED = "made", "sent", "failed"

CAVEAT = (
    "Made again means: a new id and new metrics. What was deleted from the storage is not brought"
    " back."
)
"""What a person must know, before and after."""

LOOKS = (0.0, 0.3, 1.0)
"""Seconds before each look at what was made, unless the registry only accepted it."""

LONGER = (2.0, 4.0, 8.0)
"""Seconds before further looks at what it accepted; the last one repeats."""

ENDED_LOOK_S = 0.2
"""Seconds between two looks at a plan whose end is waited for."""

SURE = 4
"""From this look on, what was only accepted is believed: some of it fails a second later."""

STRANGERS = 20
"""New entries under other names that are asked for their source address."""

_UNCERTAIN = "it was asked for before, and whether it was made is not known: look, then ask again"
_MISSING = "the registry said that it was made, and does not list it"
_LOST = "the registry made it, and lists it no more"
_NOT_YET = "the registry accepted it, and has not made it yet: ask again later"
_NO_SOURCE = "its source address is not known"
_THERE = "it is still there, or nobody knows that it is gone: it was not made again"


@dataclass(frozen=True, slots=True)
class RemadeEntry:
    """What became of one entry that was to be made again. Names and errors are untrusted text."""

    seq: int
    old_key: str
    name: str
    """`COLLECTION:LABEL`, as it was."""
    recipe: Recipe | None
    new_key: str = ""
    """Empty when it was not made."""
    differs: str = ""
    """What of it is not as it was, though it was made: another type, no source address."""
    error: str = ""
    before: bool = False
    """Made by an earlier call."""


@dataclass(frozen=True, slots=True)
class Reingestion:
    """A version that is to be made again once it is deleted. All of it is untrusted text."""

    key: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: for each version, whether it is back and as it was."""

    restored: tuple[Outcome, ...] = ()
    """The answers about what was asked back from the trash."""
    remade: tuple[RemadeEntry, ...] = ()
    """The entries that were to be made again."""
    names: Mapping[str, str] = field(default_factory=dict)
    """`COLLECTION:LABEL` of the restored versions by key: untrusted text."""

    @property
    def missing(self) -> int:
        """How many versions are not back."""
        lost = sum(one.result is not Result.DONE for one in self.restored)
        return lost + sum(not one.new_key for one in self.remade)

    @property
    def complete(self) -> bool:
        """Whether every version is back, and what was made again is as it was asked for."""
        return not self.missing and not any(one.differs for one in self.remade)

    @property
    def lines(self) -> list[str]:
        """A sentence, then one for each version that is not as it was; safe."""
        return [
            *(self._restored_lines() if self.restored else ()),
            *(self._remade_lines() if self.remade else ()),
        ] or ["There is nothing to bring back."]

    def _restored_lines(self) -> Iterable[str]:
        lost = sum(one.result is not Result.DONE for one in self.restored)
        rest = f", {count(lost)} not" if lost else ""
        yield f"{plural(len(self.restored) - lost, 'version')} restored{rest}."
        for one in self.restored:
            name = safe_name(self.names.get(one.key, one.key))
            if one.result is not Result.DONE:
                yield f"{name} was not restored: {safe(one.message) or one.result}."
            elif one.message:
                yield f"{name} is back, but {safe(one.message)}."

    def _remade_lines(self) -> Iterable[str]:
        made = sum(bool(one.new_key) for one in self.remade)
        differing = sum(bool(one.differs) for one in self.remade)
        rest = f", {count(differing)} of them not as before" if differing else ""
        rest += f", {count(len(self.remade) - made)} not" if made < len(self.remade) else ""
        yield f"{plural(made, 'entry', 'entries')} made again{rest}."
        for one in self.remade:
            name = safe_name(one.name)
            if one.new_key:
                before = " (by an earlier try)" if one.before else ""
                but = f" But {safe(one.differs)}." if one.differs else ""
                yield f"{name} is now {safe(one.new_key)}{before}: a new id, new metrics.{but}"
            else:
                yield f"{name} was not made again: {safe(one.error)}."
        if len(self.remade) > 1:
            yield CAVEAT


def why_no_undo(client: Client, name: str) -> str:
    """Why nothing that is deleted comes back in the registry `name`; empty where it can.

    It is untrusted text.
    """
    if client.can("restore") or isinstance(client, MakingClient):
        return ""
    instead = f" {client.freeing}." if client.freeing else ""
    return f"“{name}” cannot restore: what was deleted stays deleted.{instead}"


def deleted_by(
    plan: Plan,
    only: Collection[str] | None = None,
    states: Collection[ItemState] = DELETED_HERE,
) -> list[Item]:
    """Versions that a plan has deleted, what others were made from first.

    With `only`, the versions with these keys that it was to delete, whatever became of them.
    """
    items = [
        item
        for item in plan.every_item(verdict=Verdict.DELETE)
        if item.kind == VERSION and (item.key in only if only is not None else item.state in states)
    ]
    return sorted(items, key=lambda item: (-item.level, item.seq))


async def restore_versions(client: Client, names: Mapping[str, str]) -> Undone:
    """Bring versions back from the trash; `names` are `COLLECTION:LABEL` by key.

    Raises:
        RegistryError: the registry could not be asked, or restores nothing.
        ReadOnlyError: it may only be read.
    """
    return Undone(tuple(await client.restore(list(names))), names=names)


async def undo(
    path: Path,
    client: Client,
    *,
    only: Collection[str] | None = None,
    also: Mapping[str, str] | None = None,
    uncertain: bool = False,
    progress: Callable[[str], object] | None = None,
) -> Undone:
    """Bring back what a plan deleted: from the trash where there is one, else by making it again.

    What was sent and never answered may be in the trash, and is asked back with the rest.

    Args:
        path: a plan that is not applied now.
        client: the registry that it was made for.
        only: keys of versions, instead of all that it deleted.
        also: other versions to restore from the trash with them, `COLLECTION:LABEL` by key.
        uncertain: ask again also for entries that may have been made already.
        progress: called with what is made, or waited for, now.

    A version that came back since, or that somebody deleted again later, is left as it is.

    Raises:
        PlanError: the plan is for another registry.
        UsageError: this registry brings nothing back.
        ReadOnlyError: it may only be read.
        BusyError: somebody applies the plan.
    """
    if not client.can("restore"):
        with Plan.open(path, write=True) as plan:
            return Undone(
                remade=await recreate(
                    plan, client, only=only, uncertain=uncertain, progress=progress
                )
            )
    with Plan.open(path) as plan:
        plan_file.check_registry(plan, client.identity)
        if plan_file.is_locked(path):
            raise plan_file.busy_error(path)
        items = deleted_by(plan, only, DELETED_HERE | {ItemState.SENT})
    names = {**(also or {}), **{item.key: item.name for item in items}}
    left = await _not_of_this_plan(client, [i for i in items if i.key not in (also or {})])
    back = iter(await client.restore([key for key in names if key not in left]))
    return Undone(tuple(left.get(key) or next(back) for key in names), names=names)


async def _not_of_this_plan(client: Client, items: Sequence[Item]) -> dict[str, Outcome]:
    """What a plan deleted and is not in the trash because of it any more, as far as is told."""
    found: dict[str, Outcome] = {}
    # A catalog of its own has times of this machine; the clock of a server may be ahead of ours.
    ahead_us = PAUSE_US if client.catalog_path is None else 0
    for start in range(0, len(items), PAGE):
        page = items[start : start + PAGE]
        try:
            facts = dict(await client.facts([item.key for item in page]))
        except NotToldError:
            facts = {}
            for item in page:
                with suppress(NotToldError):
                    facts |= await client.facts([item.key])
        for item in page:
            now = facts.get(item.key)
            if now is None:
                continue
            if now.state is not VersionState.TRASH:
                why = "it is back already, so this was undone"
                found[item.key] = Outcome(item.key, Result.ABSENT, why)
            elif now.deleted_us and item.done_us and now.deleted_us > item.done_us + ahead_us:
                why = f"it was deleted again since, on {moment(now.deleted_us)}"
                why += ": restore it by its name if that is meant"
                found[item.key] = Outcome(item.key, Result.CHANGED, why)
    return found


async def wait_for_end(path: Path, poll_s: float = ENDED_LOOK_S) -> bool:
    """Wait until a plan has ended or was interrupted; whether every version of it is gone."""
    while True:
        gone = await asyncio.to_thread(_gone_at_end, path)
        if gone is not None:
            return gone
        await asyncio.sleep(poll_s)


def _gone_at_end(path: Path) -> bool | None:
    """Whether every version of the plan at `path` is gone; None while it has not ended."""
    with Plan.open(path) as plan:
        if plan.status not in {Status.FINISHED, Status.CANCELLED, Status.INTERRUPTED}:
            return None
        items = plan.every_item(verdict=Verdict.DELETE)
        return all(item.state in DONE for item in items if item.kind == VERSION)


async def reingest(path: Path, client: Client, again: Reingestion) -> Undone:
    """Wait for the end of the deletion at `path`, then make the version again.

    Raises:
        PlanError: the version was not deleted.
        ArtifactTuiError: it cannot be made. The entry is gone.
    """
    if not await wait_for_end(path):
        raise PlanError(
            f"{again.name} was not made again: it was not deleted.", hint="See the task for why."
        )
    return await undo(path, client, only=[again.key])


async def source_of(client: Client, key: str, name: str) -> Recipe:
    """From what the version `name` can be made again; its address is empty if that is not known.

    Raises:
        RegistryError: it is gone, or the registry could not be asked.
        UsageError: the registry makes nothing again.
    """
    known = await maker_of(client).recipe([key])
    if key not in known:
        raise RegistryError(f"The registry has no {name} any more.", hint="Sync again.")
    return known[key]


async def recreate(
    plan: Plan,
    client: Client,
    *,
    only: Collection[str] | None = None,
    urls: Mapping[str, str] | None = None,
    uncertain: bool = False,
    progress: Callable[[str], object] | None = None,
    clock: Callable[[], int] = now_us,
) -> tuple[RemadeEntry, ...]:
    """Make again what a plan deleted, oldest level last; one answer for each.

    Args:
        plan: open for writing, and not applied now.
        client: the registry that it was made for.
        only: keys of items, instead of all.
        urls: other source addresses, by key; else the last one tried, else that of the recipe.
        uncertain: ask again also for those that may have been made already.
        progress: called with what is made, or waited for, now.
        clock: the time, microseconds UTC.

    Raises:
        PlanError: it is for another registry.
        UsageError: this registry cannot make entries again.
        ReadOnlyError: the registry may only be read.
        BusyError: somebody applies the plan.
    """
    maker = _maker(plan, client)
    tell = progress or (lambda _: None)
    with plan_file.hold_lock(plan.path):
        found = [
            _making_of(plan, item, (urls or {}).get(item.key, ""), uncertain=uncertain)
            for item in deleted_by(plan, only)
        ]
        making = [one for one in found if isinstance(one, _Making)]
        before = (await maker.entries()).keys() if making else ()
        for number, one in enumerate(making, start=1):
            tell(f"making {number:,} of {len(making):,} again")
            await _make(plan, maker, one, clock)
        patience = client.accepted_s
        await _look(maker, making, before=set(before), patience_s=patience, tell=tell)
        for one in making:
            _note_making(plan, one, clock)
        return tuple(one.end if isinstance(one, _Making) else one for one in found)


def note_source(plan: Plan, url: str, *, clock: Callable[[], int] = now_us) -> None:
    """Note, before a plan is applied, from which address its versions are to be made again."""
    for item in plan.select("i.kind='version' AND i.verdict='delete'", ()):
        _note(plan, item.seq, FAILED, url, error="not made yet", at_us=clock())


def recipe_of(plan: Plan, seq: int) -> Recipe | None:
    """What was noted about an entry just before its deletion."""
    with plan_file.trouble(plan.path):
        sql = "SELECT type, name, url FROM recipe WHERE seq=?"
        row = plan.conn.execute(sql, (seq,)).fetchone()
    return Recipe(*row) if row else None


def maker_of(client: Client) -> MakingClient:
    """The client as one that makes entries again.

    Raises:
        UsageError: this registry cannot.
    """
    if not isinstance(client, MakingClient):
        raise UsageError(
            f"The registry {client.identity.address} cannot make entries again."
            " Nothing was changed.",
            hint="What a registry keeps in its trash can be restored.",
        )
    return client


def _maker(plan: Plan, client: Client) -> MakingClient:
    """The client, if it may and can make the entries of this plan."""
    plan_file.check_registry(plan, client.identity)
    if client.read_only:
        raise ReadOnlyError(
            f"The registry {client.identity.address} may only be read. Nothing was made.",
            hint=READ_ONLY_HINT,
        )
    return maker_of(client)


@dataclass(slots=True)
class _Making:
    """An entry on its way to be made."""

    item: Item
    recipe: Recipe
    state: str = SENT
    key: str = ""
    """The new version, as far as the registry told."""
    accepted: bool = False
    seen: bool = False
    """Whether the registry showed it when it was last asked."""
    error: str = ""
    """Why it is not made; of one that is, what differs."""
    ended: bool = False
    """Nothing more is to be looked at."""

    @property
    def end(self) -> RemadeEntry:
        """What became of it."""
        item, made = self.item, self.state == MADE
        return RemadeEntry(
            item.seq,
            item.key,
            item.name,
            self.recipe,
            new_key=self.key if made else "",
            differs=self.error if made else "",
            error="" if made else self.error,
        )


def _making_of(plan: Plan, item: Item, url: str, *, uncertain: bool) -> RemadeEntry | _Making:
    """An entry that can be made, or was accepted before; or why it cannot."""
    state, key, last_url, error = _last_attempt(plan, item.seq)
    url = url or last_url
    recipe = recipe_of(plan, item.seq)
    if recipe is not None and url:
        recipe = Recipe(recipe.type, recipe.name, url)
    elif recipe is None and url:
        recipe = Recipe(item.type, item.collection, url)
    why = ""
    if state == MADE:
        return RemadeEntry(item.seq, item.key, item.name, recipe, key, differs=error, before=True)
    if item.state not in DONE:
        why = _THERE
    elif recipe is None or not recipe.url:
        why = _NO_SOURCE
    elif state == SENT and not (uncertain or key):
        why = _UNCERTAIN
    if why or recipe is None:
        return RemadeEntry(item.seq, item.key, item.name, recipe, error=why)
    if state == SENT and key and not uncertain:
        return _Making(item, recipe, key=key, accepted=True)
    return _Making(item, recipe)


async def _make(plan: Plan, maker: MakingClient, one: _Making, clock: Callable[[], int]) -> None:
    """Ask for one entry, once, unless that was accepted before."""
    if one.accepted:
        return
    _note_making(plan, one, clock)
    try:
        answer = await maker.create(one.recipe.type, one.recipe.name, one.recipe.url)
    except ArtifactTuiError as error:
        one.error = redacted(str(error), maker)
        one.state = SENT if isinstance(error, UncertainError) else FAILED
    else:
        one.key, one.accepted = answer.key, answer.accepted
    _note_making(plan, one, clock)


async def _look(
    maker: MakingClient,
    making: Sequence[_Making],
    *,
    before: set[str],
    patience_s: float,
    tell: Callable[[str], object],
) -> None:
    """Ask what is there until each is seen, has failed, or was waited for too long.

    The patience begins anew with each that is seen.
    """
    progress = time.monotonic()
    for looks, delay in enumerate(chain(LOOKS, LONGER, repeat(LONGER[-1])), start=1):
        pending = [one for one in making if not one.ended]
        if not pending:
            return
        tell(f"looking at what was made: {len(pending):,} still open")
        await asyncio.sleep(delay)
        try:
            there = await maker.entries()
        except RegistryError as error:
            there = {}
            for one in pending:
                one.error = one.error or redacted(str(error), maker)
        known = before | {one.key for one in making}
        for one in pending:
            new = [key for key in there if key not in known]
            await _see(maker, one, there, new, sure=looks >= SURE or not one.accepted)
            known.add(one.key)
            progress = time.monotonic() if one.ended else progress
        late = time.monotonic() - progress > patience_s
        for one in pending:
            if looks >= len(LOOKS) and not one.ended and (late or not one.accepted):
                _give_up(one)


async def _see(
    maker: MakingClient,
    one: _Making,
    there: Mapping[str, Recipe],
    new: Sequence[str],
    *,
    sure: bool,
) -> None:
    """Look at one entry: under the key that was told, or at what is new and like it."""
    key = one.key
    if key not in there:
        key = await _like(maker, one, there, new) or key
    if not key:
        return
    try:
        entry = await maker.entry(key)
    except NotToldError as error:
        one.key, one.accepted = key, not error.lasting
        but = "not usable" if error.lasting else "not ready"
        one.error = f"it is listed as {key}, and is {but}: {redacted(str(error), maker)}"
    except RegistryError as error:
        one.error = one.error or redacted(str(error), maker)
    except NotFoundError:
        if sure and one.seen and key not in there:
            one.state, one.key, one.error, one.ended = FAILED, "", _LOST, True
    else:
        one.seen, one.key = True, key
        if not sure:
            return
        one.state, one.ended = MADE, True
        one.error = _differs(one.recipe, there.get(key, entry), entry)


async def _like(
    maker: MakingClient, one: _Making, there: Mapping[str, Recipe], new: Sequence[str]
) -> str:
    """The new entry that most likely is the one that was made again; empty when none is.

    Needed where the registry did not tell the key, or does not list it.
    """
    name, url = one.recipe.name.casefold(), one.recipe.url
    named = [key for key in new if there[key].name.casefold() == name]
    for key in sorted(named, key=lambda key: there[key].type != one.recipe.type):
        return key
    for key in new[:STRANGERS]:
        with suppress(NotFoundError, RegistryError):
            if (there[key].url or (await maker.entry(key)).url) == url:
                return key
    return ""


def _give_up(one: _Making) -> None:
    """Give up an entry that is not there, however often one looks."""
    one.ended = True
    if one.accepted:
        one.error = one.error or _NOT_YET
    elif one.state == SENT and one.key:
        one.state, one.key, one.error = FAILED, "", one.error or _MISSING


def _differs(wanted: Recipe, listed: Recipe, entry: Recipe) -> str:
    """What of an entry is not as it was asked for; the address in the words of either door."""
    found = []
    if listed.type != wanted.type:
        found.append(f"its type is {listed.type}, not {wanted.type}")
    if listed.name != wanted.name:
        found.append(f"its name is {listed.name}")
    urls = [url for url in (entry.url, listed.url) if url and url != entry.name]
    if not urls:
        found.append("its source address is lost")
    elif wanted.url.rstrip("/") not in {url.rstrip("/") for url in urls}:
        found.append(f"its source address is {urls[0]}")
    return ", ".join(found)


def _last_attempt(plan: Plan, seq: int) -> tuple[str, str, str, str]:
    """State, new key, source address and error of the last attempt."""
    with plan_file.trouble(plan.path):
        sql = "SELECT state, key, url, error FROM remade WHERE seq=?"
        row = plan.conn.execute(sql, (seq,)).fetchone()
    return (row[0], row[1], row[2], row[3]) if row else ("", "", "", "")


def _note_making(plan: Plan, one: _Making, clock: Callable[[], int]) -> None:
    """Write down how far one is."""
    url = one.recipe.url
    _note(plan, one.item.seq, one.state, url, error=one.error, key=one.key, at_us=clock())


def _note(
    plan: Plan, seq: int, state: str, url: str, *, error: str = "", key: str = "", at_us: int
) -> None:
    plan.write(
        "INSERT OR REPLACE INTO remade(seq, state, url, key, error, at_us) VALUES(?,?,?,?,?,?)",
        (seq, state, url, key, error, at_us),
    )
