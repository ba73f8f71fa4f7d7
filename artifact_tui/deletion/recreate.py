"""Making entries again that a plan deleted, where the registry has no trash.

It is not an undo: the registry gives a new id and new metrics, and bytes deleted from its storage
are not brought back. The plan records which new version stands for which old one. Each creation is
on the disk before its request leaves, so that nothing is made twice after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Recreate
from artifact_tui.deletion import lock, planfile
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.said import redacted
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ArtifactTuiError,
    PlanError,
    ReadOnlyError,
    UncertainError,
)
from artifact_tui.here import now_us
from artifact_tui.model import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan

MADE, SENT, FAILED = "made", "sent", "failed"

CAVEAT = (
    "Made again means: a new id and new metrics. What was deleted from the storage is not brought"
    " back."
)
"""What a person must know, before and after."""

_UNCERTAIN = "it was asked for before, and whether it was made is not known: look, then ask again"
_NO_SOURCE = "its source address is not known"
_THERE = "it is still there, or nobody knows that it is gone: it was not made again"


@dataclass(frozen=True, slots=True)
class Remade:
    """What became of one entry that was to be made again. Names and errors are untrusted text."""

    seq: int
    old_key: str
    name: str
    """`COLLECTION:LABEL`, as it was."""
    recipe: Recipe | None
    new_key: str = ""
    """Empty when it was not made."""
    error: str = ""
    before: bool = False
    """Made by an earlier call."""


async def recreate(
    plan: Plan,
    client: Client,
    *,
    only: Collection[str] | None = None,
    urls: Mapping[str, str] | None = None,
    uncertain: bool = False,
    clock: Callable[[], int] = now_us,
) -> tuple[Remade, ...]:
    """Make again what a plan deleted, oldest level last; one answer for each.

    Args:
        plan: open for writing, and not applied now.
        client: the registry that it was made for.
        only: keys of items, instead of all.
        urls: other source addresses, by key; else the last one tried, else that of the recipe.
        uncertain: ask again also for those that may have been made already.
        clock: the time, microseconds UTC.

    Raises:
        PlanError: it is for another registry, or this registry cannot make entries again.
        ReadOnlyError: the registry may only be read.
        BusyError: somebody applies the plan.
    """
    maker = _maker(plan, client)
    with lock.held(plan.path):
        found = []
        for item in _gone(plan, only):
            url = (urls or {}).get(item.key, "")
            found.append(await _one(plan, maker, item, url, uncertain=uncertain, clock=clock))
        return tuple(found)


def wish(plan: Plan, url: str, *, clock: Callable[[], int] = now_us) -> None:
    """Note, before a plan is applied, from which address its versions are to be made again."""
    for item in plan.select("i.kind='version' AND i.verdict='delete'", ()):
        _note(plan, item.seq, FAILED, url, error="not made yet", at_us=clock())


def remade(plan: Plan) -> dict[str, str]:
    """New keys by old ones, of the entries that were made again."""
    sql = "SELECT i.key, r.key FROM remade r JOIN item i USING(seq) WHERE r.state='made'"
    with planfile.trouble(plan.path):
        return dict(plan.conn.execute(sql).fetchall())


def recipe_of(plan: Plan, seq: int) -> Recipe | None:
    """What was noted about an entry just before its deletion."""
    with planfile.trouble(plan.path):
        sql = "SELECT type, name, url FROM recipe WHERE seq=?"
        row = plan.conn.execute(sql, (seq,)).fetchone()
    return Recipe(*row) if row else None


def _maker(plan: Plan, client: Client) -> Recreate:
    """The client, if it may and can make the entries of this plan."""
    made_for, found = plan.head.identity, client.identity
    if (made_for.kind, made_for.uid) != (found.kind, found.uid):
        raise PlanError(
            f"The plan {plan.path} was made for another registry: {made_for.address}.",
            hint="Nothing was made.",
        )
    if client.read_only:
        raise ReadOnlyError(
            f"The registry {found.address} may only be read. Nothing was made.",
            hint=READ_ONLY_HINT,
        )
    if not client.capabilities.recreate or not isinstance(client, Recreate):
        raise PlanError(
            f"The registry {found.address} cannot make entries again.",
            hint="What it keeps in its trash can be restored.",
        )
    return client


def _gone(plan: Plan, only: Collection[str] | None) -> Iterator[Item]:
    """Versions that the plan deleted, what others were made from first."""
    ours = {ItemState.DELETED, ItemState.VERIFIED}
    items = [
        item
        for item in plan.select("i.kind='version' AND i.verdict='delete'", ())
        if (item.key in only if only is not None else item.state in ours)
    ]
    yield from sorted(items, key=lambda item: (-item.level, item.seq))


async def _one(
    plan: Plan,
    maker: Recreate,
    item: Item,
    url: str,
    *,
    uncertain: bool,
    clock: Callable[[], int],
) -> Remade:
    state, key, last_url = _known(plan, item.seq)
    url = url or last_url
    recipe = recipe_of(plan, item.seq)
    if recipe is not None and url:
        recipe = Recipe(recipe.type, recipe.name, url)
    elif recipe is None and url:
        recipe = Recipe(item.type, item.collection, url)
    why = ""
    if state == MADE:
        return Remade(item.seq, item.key, item.name, recipe, key, before=True)
    if item.state not in {ItemState.VERIFIED, ItemState.GONE, ItemState.DELETED}:
        why = _THERE
    elif recipe is None or not recipe.url:
        why = _NO_SOURCE
    elif state == SENT and not uncertain:
        why = _UNCERTAIN
    if why or recipe is None:
        return Remade(item.seq, item.key, item.name, recipe, error=why)
    _note(plan, item.seq, SENT, recipe.url, at_us=clock())
    try:
        new_key = await maker.create(recipe.type, recipe.name, recipe.url)
    except ArtifactTuiError as error:
        words = redacted(str(error), maker)
        end = SENT if isinstance(error, UncertainError) else FAILED
        _note(plan, item.seq, end, recipe.url, error=words, at_us=clock())
        return Remade(item.seq, item.key, item.name, recipe, error=words)
    _note(plan, item.seq, MADE, recipe.url, key=new_key, at_us=clock())
    return Remade(item.seq, item.key, item.name, recipe, new_key)


def _known(plan: Plan, seq: int) -> tuple[str, str, str]:
    """State, new key and source address of the last attempt."""
    with planfile.trouble(plan.path):
        sql = "SELECT state, key, url FROM remade WHERE seq=?"
        row = plan.conn.execute(sql, (seq,)).fetchone()
    return (row[0], row[1], row[2]) if row else ("", "", "")


def _note(
    plan: Plan, seq: int, state: str, url: str, *, error: str = "", key: str = "", at_us: int
) -> None:
    with planfile.trouble(plan.path):
        plan.conn.execute(
            "INSERT OR REPLACE INTO remade(seq, state, url, key, error, at_us) VALUES(?,?,?,?,?,?)",
            (seq, state, url, key, error, at_us),
        )
