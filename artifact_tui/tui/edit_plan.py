"""A change of aliases, tags or times to live: whether it can be, what is typed, planned, and sent.

A plan says in groups what the change would do to each version, before anything is sent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.edits import changes
from artifact_tui.edits.changes import (
    NO_OTHERS,
    UNDATED,
    CommonEdit,
    EditProgress,
    Effect,
    ExpiryClock,
    Foresight,
    editor_of,
    name_changes,
)
from artifact_tui.errors import UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF
from artifact_tui.query import filter_fields
from artifact_tui.text import count, duration, moment, plural, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.deletion.review import Challenge
    from artifact_tui.edits.changes import Changes, NameChange, Subjects, VersionChange
    from artifact_tui.model import Outcome
    from artifact_tui.tui.services import Services


def retention_why_not(services: Services) -> str:
    """Why there is nothing to see about times to live; empty when there is."""
    return "" if services.client.capabilities.ttl else "this registry has no times to live"


def ttl_why_not(services: Services) -> str:
    """Why times to live cannot be changed; empty when they can."""
    if editor_of(services.client, "ttl") is None:
        return "its times to live cannot be changed"
    return services.read_only_reason


def inherit_why_not(services: Services) -> str:
    """Why a time to live cannot come from the collection or team; empty when it can."""
    if why := ttl_why_not(services):
        return why
    can = services.client.capabilities.inherit_ttl
    return "" if can else "its versions inherit no time to live"


def names_why_not(services: Services) -> str:
    """Why neither aliases nor tags can be changed; empty when they can."""
    if editor_of(services.client, "aliases", "tags") is None:
        return "its aliases and tags cannot be changed"
    return services.read_only_reason


@dataclass(frozen=True, slots=True)
class WishField:
    """One line to type in."""

    id: str
    label: str
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class WishForm:
    """What is asked for, and how it is read."""

    title: str
    fields: tuple[WishField, ...]
    read: Callable[[Mapping[str, str]], CommonEdit | None]
    """What was typed, by field; None while nothing is. Raises `UsageError`."""


def _read_ttl(typed: Mapping[str, str]) -> CommonEdit | None:
    text = typed["ttl"].strip()
    if not text:
        return None
    span = filter_fields.read_duration(text)
    if span is None or span[0] <= 0:
        raise UsageError(f"“{text}” is no span of time:", hint="write 30d, 12h or 1y.")
    return CommonEdit(ttl_us=span[0])


def _read_names(typed: Mapping[str, str]) -> CommonEdit | None:
    wanted = CommonEdit(
        add_aliases=names_in(typed["add-alias"]),
        remove_aliases=names_in(typed["remove-alias"]),
        add_tags=names_in(typed["add-tag"]),
        remove_tags=names_in(typed["remove-tag"]),
    )
    both = {*wanted.add_aliases} & {*wanted.remove_aliases} | (
        {*wanted.add_tags} & {*wanted.remove_tags}
    )
    if both:
        raise UsageError(f"“{min(both)}” cannot be added and taken away at once.")
    return None if wanted == CommonEdit() else wanted


def names_in(text: str) -> tuple[str, ...]:
    """The names in a line, separated by commas; each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


TTL_FORM = WishForm(
    "Time to live", (WishField("ttl", "time to live", "such as 30d, 12h, 1y"),), _read_ttl
)


def names_form(*, aliases: bool, tags: bool) -> WishForm:
    """Asks for aliases, tags or both: whatever the registry lets one change."""
    fields = (
        WishField("add-alias", "add alias", "moves from the version that has it; commas between"),
        WishField("remove-alias", "remove alias"),
        WishField("add-tag", "add tag"),
        WishField("remove-tag", "remove tag"),
    )
    shown = tuple(f for f in fields if (aliases if f.id.endswith("alias") else tags))

    def read(typed: Mapping[str, str]) -> CommonEdit | None:
        return _read_names({field.id: typed.get(field.id, "") for field in fields})

    what = " and ".join(word for word, on in (("Aliases", aliases), ("tags", tags)) if on)
    return WishForm(what[:1].upper() + what[1:], shown, read)


@dataclass(frozen=True, slots=True)
class EditLine:
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
    lines: tuple[EditLine, ...]
    changed: tuple[VersionChange[VersionRow], ...]
    """What is sent once it is confirmed."""
    last_us: int | None = None
    """When the last of those expires that do not expire at once."""
    unasked: tuple[str, ...] = ()
    """Keys of those that may be changed once their lineage is known."""

    def of(self, effect: Effect) -> list[EditLine]:
        """The versions with this effect."""
        return [line for line in self.lines if line.effect is effect]

    @property
    def counts(self) -> Counter[Effect]:
        """How many versions have which effect."""
        return Counter(line.effect for line in self.lines)


def planned(wanted: CommonEdit, changes: Changes[VersionRow]) -> EditPlan:
    """What was asked for, and what it does to each version."""
    later = (one.expires_us for one in changes.changed if one.effect is Effect.LATER)
    return EditPlan(
        title_of(wanted),
        tuple(_edit_lines(changes)),
        changes.changed,
        max((at for at in later if at is not None), default=None),
        tuple(changes.unasked),
    )


def _edit_lines(changes: Changes[VersionRow]) -> Iterator[EditLine]:
    for one in changes.changed:
        yield EditLine(one.row, one.effect, _effect_words(one))
    for row in changes.same:
        yield EditLine(row, Effect.SAME, "it is so already")
    for left in changes.left:
        yield EditLine(left.row, Effect.DUE if left.due else Effect.NOT_POSSIBLE, safe(left.why))


def _effect_words(one: VersionChange[VersionRow]) -> str:
    """What becomes of a version that changes; safe."""
    if one.effect is Effect.NAMES:
        return ", ".join(_signed_names(name_changes(one.wish, one.moves, one.held)))
    return {
        Effect.INHERITS: "as its collection or team says",
        Effect.STAYS: "never expires",
        Effect.SOME_TIME: "expires; when it was made is not known",
        Effect.AT_ONCE: f"expired since {moment(one.expires_us)}",
    }.get(one.effect, f"expires {moment(one.expires_us)}")


def _signed_names(found: Iterable[NameChange]) -> list[str]:
    """Each name with its sign; safe."""
    return [f"{one.sign}{'tag ' if one.what == 'tag' else ''}{one.words}" for one in found]


def title_of(wanted: CommonEdit) -> str:
    """What is asked for, in short and safe words."""
    if wanted.ttl_us is not None:
        named = {TTL_INHERIT: "inherit", TTL_OFF: "off"}
        return f"time to live {named.get(wanted.ttl_us) or duration(wanted.ttl_us)}"
    return " ".join(_signed_names(name_changes(wanted))) or "nothing"


def edit_sentence(plan: EditPlan) -> str:
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


def edit_challenge(plan: EditPlan, *, production: bool, registry: str) -> Challenge:
    """What must be typed: `y`, the count, or the registry's name; the greater the harm, the more.

    `registry` is untrusted text.
    """
    found = plan.counts
    return changes.edit_challenge(
        len(plan.changed),
        at_once=found[Effect.AT_ONCE],
        undated=sum(found[effect] for effect in UNDATED),
        production=production,
        registry=registry,
    )


async def subjects_of(services: Services, chosen: Selection) -> Subjects:
    """Read what was chosen.

    Raises:
        UsageError: these are more than can be changed at once.
    """
    return await services.catalog.run(
        lambda conn: changes.read_subjects(conn, chosen), latest="subjects"
    )


async def edit_plan_of(services: Services, subjects: Subjects, wanted: CommonEdit) -> EditPlan:
    """What a change would do to each of these; nothing is sent.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    rows, around = subjects.rows, NO_OTHERS
    if wanted.add_aliases or wanted.ttl_us == TTL_INHERIT:
        around = await services.catalog.run(
            lambda conn: changes.read_others(conn, rows, wanted), latest="around"
        )

    def foreseen() -> EditPlan:
        foresight: Foresight[VersionRow] = Foresight(wanted, lambda row: row, clock_of(services))
        foresight.take(rows, tags=subjects.tags, around=around)
        return planned(wanted, foresight.changes())

    return await asyncio.to_thread(foreseen)


def clock_of(services: Services) -> ExpiryClock:
    """By when something expires at once in this registry."""
    return ExpiryClock(services.now(), services.client.capabilities.restore)


def sent_words(sent: EditProgress) -> str:
    """How it went, in one sentence; the untrusted error is in it."""
    rest = sent.total - sent.done
    said = f"{count(sent.done)} of {count(sent.total)} changed"
    if sent.error is not None:
        return f"{said}. {sent.error} {sent.error.hint}".strip()
    return f"{said}, {count(rest)} not: see why." if rest and sent.ended else f"{said}."


async def send_plan(
    services: Services, plan: EditPlan, progress: Callable[[EditProgress], object]
) -> EditProgress:
    """Send every edit of a plan, some at a time; `progress` hears how far it is."""
    sent = EditProgress(len(plan.changed))
    client = editor_of(services.client, "aliases", "tags", "ttl")
    if client is None:
        sent.error = UsageError("This registry cannot be changed so.", hint="Nothing was changed.")
        return sent
    edits = changes.edits_in_time(plan.changed, sent, lambda: clock_of(services))
    await changes.send_edits(client, edits, sent, progress)
    if services.link is not None:
        services.link.sync()
    return sent
