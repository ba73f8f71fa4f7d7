"""What a change would do to each version, in groups, before anything is sent. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from artifact_tui.deletion.confirm import FEW, REGISTRY_LIMIT, Challenge, Kind
from artifact_tui.model import TTL_INHERIT, TTL_OFF
from artifact_tui.text import count, duration, moment, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.model import Edit, Outcome
    from artifact_tui.tui.edits.foresee import Change, Changes, Wanted


class Effect(StrEnum):
    """What becomes of one version, the greatest harm first."""

    AT_ONCE = "at_once"
    """Its new time to live has passed already."""
    LATER = "later"
    """It expires at a known moment to come."""
    SOME_TIME = "some_time"
    """It expires, nobody here knows when."""
    INHERITS = "inherits"
    STAYS = "stays"
    """It never expires any more."""
    NAMES = "names"
    """Its aliases or tags change."""
    SAME = "same"
    """It is so already: nothing is sent."""
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Line:
    """One version, and what the change does to it."""

    row: VersionRow
    effect: Effect
    words: str
    """What it becomes, or why it does not; safe."""
    outcome: Outcome | None = None
    """What the registry answered, once it was asked."""

    @property
    def name(self) -> str:
        """`COLLECTION:LABEL`, untrusted."""
        return f"{self.row.collection}:{self.row.label}"


@dataclass(frozen=True, slots=True)
class EditPlan:
    """A change for some versions; nothing is sent yet."""

    title: str
    """What is changed, such as `time to live 30 d`; safe."""
    lines: tuple[Line, ...]
    edits: tuple[Edit, ...]
    """What is sent once it is confirmed."""
    last_us: int | None = None
    """When the last of those expires that do not expire at once."""

    def of(self, effect: Effect) -> list[Line]:
        """The versions with this effect."""
        return [line for line in self.lines if line.effect is effect]

    @property
    def counts(self) -> Counter[Effect]:
        """How many versions have which effect."""
        return Counter(line.effect for line in self.lines)


def planned(wanted: Wanted, changes: Changes, now_us: int) -> EditPlan:
    """What was asked for, and what it does to each version, at this moment."""
    later = [one.expires_us for one in changes.changed if (one.expires_us or 0) > now_us]
    return EditPlan(
        title_of(wanted),
        tuple(_lines(wanted, changes, now_us)),
        tuple(one.edit for one in changes.changed),
        max((at for at in later if at is not None), default=None),
    )


def _lines(wanted: Wanted, changes: Changes, now_us: int) -> Iterator[Line]:
    for one in changes.changed:
        yield _ttl(one, wanted.ttl_us, now_us) if one.edit.ttl_us is not None else _names(one)
    for row in changes.same:
        yield Line(row, Effect.SAME, _why_nothing(row, wanted))
    for left in changes.left:
        yield Line(left.row, Effect.NOT_POSSIBLE, safe(left.why))


def _ttl(one: Change, ttl_us: int | None, now_us: int) -> Line:
    if ttl_us == TTL_INHERIT:
        return Line(one.row, Effect.INHERITS, "as its collection or team says")
    if ttl_us == TTL_OFF:
        return Line(one.row, Effect.STAYS, "never expires")
    if one.expires_us is None:
        return Line(one.row, Effect.SOME_TIME, "expires; when it was made is not known")
    if one.expires_us <= now_us:
        return Line(one.row, Effect.AT_ONCE, f"expired since {moment(one.expires_us)}")
    return Line(one.row, Effect.LATER, f"expires {moment(one.expires_us)}")


def _names(one: Change) -> Line:
    moves = {name: f" (moves from {safe(ref.label)})" for name, ref in one.moves.items()}
    parts = [
        *(f"+{safe(name)}{moves.get(name, '')}" for name in one.edit.add_aliases),
        *(f"-{safe(name)}" for name in one.edit.remove_aliases),
        *(f"+tag {safe(name)}" for name in one.edit.add_tags),
        *(f"-tag {safe(name)}" for name in one.edit.remove_tags),
    ]
    return Line(one.row, Effect.NAMES, ", ".join(parts))


def _why_nothing(row: VersionRow, wanted: Wanted) -> str:
    elsewhere = [a for a in row.aliases if a.scope and a.name in wanted.remove_aliases]
    if elsewhere:
        return f"{safe(elsewhere[0].name)} is held in {safe(elsewhere[0].scope)}: change it there"
    return "it is so already"


def title_of(wanted: Wanted) -> str:
    """What is asked for, in short and safe words."""
    if wanted.ttl_us is not None:
        named = {TTL_INHERIT: "inherit", TTL_OFF: "off"}
        return f"time to live {named.get(wanted.ttl_us) or duration(wanted.ttl_us)}"
    parts = [
        *(f"+{safe(name)}" for name in wanted.add_aliases),
        *(f"-{safe(name)}" for name in wanted.remove_aliases),
        *(f"+tag {safe(name)}" for name in wanted.add_tags),
        *(f"-tag {safe(name)}" for name in wanted.remove_tags),
    ]
    return " ".join(parts) or "nothing"


def sentence(plan: EditPlan) -> str:
    """All of it in one: `312 expire at once, 40 by 2026-12-24, 3 not possible`; safe."""
    found = plan.counts
    if found[Effect.NAMES] == 1:
        (line,) = plan.of(Effect.NAMES)
        first = [f"{safe(line.name)}: {line.words}"]
    else:
        many = found[Effect.NAMES]
        first = [f"{plural(many, 'version')} would change"] if many else []
    by = moment(plan.last_us)[: len("2026-12-24")]
    forms = {
        Effect.AT_ONCE: "{} expire at once",
        Effect.LATER: f"{{}} by {by}",
        Effect.SOME_TIME: "{} some time",
        Effect.INHERITS: "{} take that of their collection or team",
        Effect.STAYS: "{} never expire",
        Effect.SAME: "{} stay as they are",
        Effect.NOT_POSSIBLE: "{} not possible",
    }
    rest = [form.format(count(found[effect])) for effect, form in forms.items() if found[effect]]
    return ", ".join([*first, *rest]) or "nothing is chosen"


def challenge(plan: EditPlan, *, production: bool, registry: str) -> Challenge:
    """What must be typed: `y`, the count, or the registry's name; the greater the harm, the more.

    `registry` is untrusted text.
    """
    total = len(plan.edits)
    at_once = plan.counts[Effect.AT_ONCE]
    undated = plan.counts[Effect.SOME_TIME] + plan.counts[Effect.INHERITS]
    if not total:
        return Challenge(Kind.NOTHING, "", "nothing to change")
    why = ""
    if at_once:
        why = f"{count(at_once)} expire at once" if at_once > 1 else "it expires at once"
    elif undated:
        why = f"{count(undated)} may expire at once" if undated > 1 else "it may expire at once"
    typeable = registry == safe(registry).strip() and len(registry) <= REGISTRY_LIMIT
    if why and production and typeable:
        return Challenge(Kind.REGISTRY, registry, f"type {registry} to change", why)
    if why or total > FEW:
        return Challenge(Kind.COUNT, str(total), f"type {total} to change", why)
    return Challenge(Kind.YES, "y", "type y to change")
