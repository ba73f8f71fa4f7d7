"""What a change would do to each version, in groups, before anything is sent. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.edits import confirm
from artifact_tui.edits.effects import UNDATED, Effect
from artifact_tui.edits.names import names
from artifact_tui.model import TTL_INHERIT, TTL_OFF
from artifact_tui.text import count, duration, moment, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.deletion.confirm import Challenge
    from artifact_tui.edits.changes import Change, Changes
    from artifact_tui.edits.names import Name
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.model import Outcome


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
    def key(self) -> str:
        """The key of the version."""
        return self.row.key

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
    changed: tuple[Change[VersionRow], ...]
    """What is sent once it is confirmed."""
    last_us: int | None = None
    """When the last of those expires that do not expire at once."""
    unasked: tuple[str, ...] = ()
    """Keys of those that may be changed once their lineage is known."""

    def of(self, effect: Effect) -> list[Line]:
        """The versions with this effect."""
        return [line for line in self.lines if line.effect is effect]

    @property
    def counts(self) -> Counter[Effect]:
        """How many versions have which effect."""
        return Counter(line.effect for line in self.lines)


def planned(wanted: Wanted, changes: Changes[VersionRow]) -> EditPlan:
    """What was asked for, and what it does to each version."""
    later = (one.expires_us for one in changes.changed if one.effect is Effect.LATER)
    return EditPlan(
        title_of(wanted),
        tuple(_lines(changes)),
        changes.changed,
        max((at for at in later if at is not None), default=None),
        tuple(changes.unasked),
    )


def _lines(changes: Changes[VersionRow]) -> Iterator[Line]:
    for one in changes.changed:
        yield Line(one.row, one.effect, _words(one))
    for row in changes.same:
        yield Line(row, Effect.SAME, "it is so already")
    for left in changes.left:
        yield Line(left.row, Effect.DUE if left.due else Effect.NOT_POSSIBLE, safe(left.why))


def _words(one: Change[VersionRow]) -> str:
    """What becomes of a version that changes; safe."""
    if one.effect is Effect.NAMES:
        return ", ".join(_signed(names(one.wish, one.moves, one.held)))
    return {
        Effect.INHERITS: "as its collection or team says",
        Effect.STAYS: "never expires",
        Effect.SOME_TIME: "expires; when it was made is not known",
        Effect.AT_ONCE: f"expired since {moment(one.expires_us)}",
    }.get(one.effect, f"expires {moment(one.expires_us)}")


def _signed(found: Iterable[Name]) -> list[str]:
    """Each name with its sign; safe."""
    return [f"{one.sign}{'tag ' if one.what == 'tag' else ''}{one.words}" for one in found]


def title_of(wanted: Wanted) -> str:
    """What is asked for, in short and safe words."""
    if wanted.ttl_us is not None:
        named = {TTL_INHERIT: "inherit", TTL_OFF: "off"}
        return f"time to live {named.get(wanted.ttl_us) or duration(wanted.ttl_us)}"
    return " ".join(_signed(names(wanted))) or "nothing"


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
    left = "left as it is" if found[Effect.DUE] == 1 else "left as they are"
    forms = {
        Effect.AT_ONCE: "{} expire at once",
        Effect.LATER: f"{{}} by {by}",
        Effect.SOME_TIME: "{} some time",
        Effect.INHERITS: "{} take that of their collection or team",
        Effect.STAYS: "{} never expire",
        Effect.SAME: "{} stays as it is" if found[Effect.SAME] == 1 else "{} stay as they are",
        Effect.DUE: f"{{}} would be deleted at once ({left})",
        Effect.NOT_POSSIBLE: "{} not possible",
    }
    rest = [form.format(count(found[effect])) for effect, form in forms.items() if found[effect]]
    return ", ".join([*first, *rest]) or "nothing is chosen"


def challenge(plan: EditPlan, *, production: bool, registry: str) -> Challenge:
    """What must be typed: `y`, the count, or the registry's name; the greater the harm, the more.

    `registry` is untrusted text.
    """
    found = plan.counts
    return confirm.challenge(
        len(plan.changed),
        at_once=found[Effect.AT_ONCE],
        undated=sum(found[effect] for effect in UNDATED),
        production=production,
        registry=registry,
    )
