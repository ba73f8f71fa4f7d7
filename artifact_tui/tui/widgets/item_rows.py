"""One item of a plan as a line and as sentences, and how far a task is. Names become safe here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.deletion.items import COLLECTION, DONE, OBJECT, Action, Item, ItemState, Verdict
from artifact_tui.deletion.plan import NAMES_SHOWN
from artifact_tui.deletion.review_words import first_names, item_end, item_notes
from artifact_tui.text import pad, plural, safe, size, width

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from artifact_tui.model import Alias
    from artifact_tui.tui.terminal import Signs


_SIZE = 9
_DIGEST = 19
"""Characters of a digest that are shown: its kind and twelve of its digits."""


def alias_words(aliases: tuple[Alias, ...], signs: Signs) -> str:
    """Aliases in one line, protected ones with their sign; safe."""
    return " ".join(
        safe(f"{alias.name}@{alias.scope}" if alias.scope else alias.name)
        + (signs.protected if alias.protected else "")
        for alias in aliases
    )


def _item_line(
    sign: tuple[str, str], name: str, middle: tuple[str, str], item: Item, cells: int
) -> Content:
    """Sign, name, what is special about it, size."""
    room = cells - 3 - _SIZE
    shown = max(min(width(name), room * 3 // 5), room * 2 // 5)
    return Content.assemble(
        (f"{sign[0]} ", sign[1]),
        pad(name, shown),
        " ",
        Content.styled(*middle).truncate(room - shown - 1, ellipsis=True, pad=True),
        pad("" if item.is_link else size(item.size), _SIZE, "right"),
        " ",
    )


def review_line(
    item: Item, cells: int, signs: Signs, action: Action, going: Container[str] = ()
) -> Content:
    """An item before it is applied: what will happen to it, its aliases, or why it stays.

    `going` are the keys of all that the plan deletes.
    """
    goes = signs.trash if action is Action.DELETE and item.kind != OBJECT else signs.no
    sign = {
        Verdict.DELETE: (signs.link if item.is_link else goes, "bold $text-error"),
        Verdict.CONSENT: ("?", "bold $text-warning"),
        Verdict.BLOCKED: (signs.locked, "$text-muted"),
    }[item.verdict]
    middle = (_special_words(item, signs, going), "$text-muted")
    return _item_line(sign, safe(item.name), middle, item, cells)


def unjudged_line(item: Item, cells: int, signs: Signs) -> Content:
    """An item while nobody knows yet what will happen to it."""
    return _item_line((signs.dot, ""), safe(item.name), ("", ""), item, cells)


def _special_words(item: Item, signs: Signs, going: Container[str]) -> str:
    fate = "goes too" if item.facts.source_key in going else "stays"
    notes = item_notes(
        item,
        aliases=alias_words(item.facts.aliases, signs),
        links=f"{signs.link}{len(item.facts.links)}",
        dependents=f"{signs.dependents}{len(item.facts.dependents)}",
        source=f"link: its source {fate}",
    )
    return f" {signs.dot} ".join(notes)


def result_line(item: Item, cells: int, signs: Signs) -> Content:
    """An item while or after it is applied: what happened to it, and why."""
    _, *why = item_end(item)  # the sign tells the state
    words = why or [result_words(item, signs)]
    special = (f" {signs.dot} ".join(words), "$text-muted")
    return _item_line(_item_sign(item, signs), safe(item.name), special, item, cells)


def _item_sign(item: Item, signs: Signs) -> tuple[str, str]:
    if item.verdict is not Verdict.DELETE:
        return signs.locked, "$text-muted"
    if item.state in DONE:
        return signs.yes, "$text-success"
    return {
        ItemState.REFUSED: (signs.locked, "bold $text-warning"),
        ItemState.FAILED: (signs.no, "bold $text-error"),
        ItemState.SENT: (signs.working, "bold $text-accent"),
        ItemState.NOT_TRIED: (signs.dot, "$text-muted"),
    }.get(item.state, (signs.dot, ""))


def result_words(item: Item, signs: Signs) -> str:
    """What happened to one item in words; safe."""
    if item.verdict is not Verdict.DELETE:
        return f"left out: {item.reason.words}"
    retried = ["can be retried"] if item.retryable else []
    return f" {signs.dot} ".join([*item_end(item), *retried])


def _kind_words(item: Item) -> str:
    if item.kind == OBJECT:
        return "stored object"
    if item.kind == COLLECTION:
        return f"collection of {safe(item.type)}"
    return f"link to a {safe(item.type)}" if item.is_link else safe(item.type)


def item_facts(
    item: Item, names: Mapping[str, str], signs: Signs, going: Container[str] | None = None
) -> Content:
    """Everything that was reviewed about one item, and why it stays if it does.

    `going` are the keys of all that the plan deletes, where they are at hand.
    """
    facts = item.facts
    head = [_kind_words(item), size(item.size), safe(facts.digest[:_DIGEST])]
    if facts.aliases:
        head.append("aliases " + alias_words(facts.aliases, signs))
    if facts.dependents:
        head.append(plural(len(facts.dependents), "live dependent"))
    if facts.links:
        head.append("shown in " + ", ".join(safe(link.name) for link in facts.links))
    line = Content.assemble((safe(item.name), "bold"), "  ", f" {signs.dot} ".join(head))
    return Content("\n").join([line, *_fate_lines(item, names, signs, going)])


def _fate_lines(
    item: Item, names: Mapping[str, str], signs: Signs, going: Container[str] | None
) -> list[Content]:
    """What becomes of an item, when there is something special about it; a line, or none."""
    if item.verdict is not Verdict.DELETE:
        detail = f": {safe(item.detail)}" if item.detail else ""
        return [Content.assemble((f"Stays: {item.reason.words}{detail}", "$text-warning"))]
    if item.outside_dependents:
        keys = item.outside_dependents
        known = first_names([safe(names.get(key, key)) for key in keys[:NAMES_SHOWN]], len(keys))
        return [Content.assemble((f"Lose this parent: {known}", "$text-warning"))]
    if item.state is not ItemState.PLANNED:
        return [Content(result_words(item, signs))]
    words = _going_words(item, going)
    return [Content(words)] if words else []


def _going_words(item: Item, going: Container[str] | None) -> str:
    """How an item goes, where that is not plain."""
    if item.kind == OBJECT:
        return f"Only if the registry has no {safe(item.collection)} then."
    if item.kind == COLLECTION:
        return "One request deletes it with all that is in it, if nothing in it changed."
    if item.is_link:
        return _unlink_words(item.facts.source_key, going)
    if item.added_as_dependent:
        return "Not in your selection: it was made from something that is."
    return "It goes with its whole collection, in one request." if item.belongs else ""


def _unlink_words(source: str, going: Container[str] | None) -> str:
    """What becomes of a link, and of what it shows as far as that is known."""
    if going is None:
        return "Only the link is removed."
    if source in going:
        return "The link is removed, and then its source."
    return "Only the link is removed: its source stays."


def bar(done: int, total: int, cells: int, signs: Signs) -> str:
    """A bar of `cells` cells, full when everything is done."""
    steps = len(signs.bar)
    filled = cells * steps if not total else done * cells * steps // total
    full, part = divmod(filled, steps)
    shown = signs.bar[-1] * full + (signs.bar[part - 1] if part else "")
    return pad(shown, cells).replace(" ", signs.track)


def percent(done: int, total: int) -> str:
    """Whole percents, 100 % only when everything is done."""
    return f"{done * 100 // total if total else 100} %"


def state_sign(state: ItemState | None, signs: Signs) -> tuple[str, str]:
    """The sign of what became of items, and its style; None for those that were left out."""
    if state is None:
        return signs.locked, "$text-muted"
    if state in DONE:
        return signs.yes, "$text-success"
    return {
        ItemState.REFUSED: (signs.locked, "bold $text-warning"),
        ItemState.FAILED: (signs.no, "bold $text-error"),
    }.get(state, (signs.dot, ""))
