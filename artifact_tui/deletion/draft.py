"""What a review shows: the head of a plan, its items and their summary, before or in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.deletion.checks import KNOWN, lost_aliases
from artifact_tui.deletion.items import (
    COLLECTION,
    Action,
    Item,
    ItemState,
    Options,
    Reason,
    Verdict,
)
from artifact_tui.model import Identity  # noqa: TC001 - msgspec reads the annotations
from artifact_tui.text import count

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from artifact_tui.catalog.coverage import Coverage
    from artifact_tui.model import Alias, Capabilities, Facts


@dataclass(frozen=True, slots=True)
class Head:
    """Who planned what for which registry, and when."""

    id: str
    """Unique to this plan; copies of the file share it."""
    identity: Identity
    registry: str
    """The registry's name in the configuration, or its address; untrusted text."""
    options: Options
    created_us: int
    facts_us: int
    """When the reviewed facts were read from the registry."""
    actor: str = ""
    query: str = ""
    """The filter that chose the items, if one did."""
    production: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """A collection of which every live version goes, so that one request could do it."""

    key: str
    name: str
    """Untrusted text."""
    versions: int
    """Live versions (or links) in it; 0 for an empty collection that was asked for by name."""
    links: bool = False
    """It holds only links: they are unlinked, and their sources stay."""
    broken: tuple[tuple[str, int], ...] = ()
    """Other collections that show its versions, with how many links break there; most first."""
    aliases: int = 0
    """Aliases that its versions carry, those in other collections included."""
    used: bool = False
    """The plan does it so; else it would with `whole_collections`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A plan in numbers. Counts are of versions, sizes in bytes, names are untrusted text."""

    action: Action = Action.DELETE
    items: int = 0
    deletes: int = 0
    """Items that will be deleted (or purged): versions, links, collections, stored objects."""
    consents: int = 0
    blocked: int = 0
    added: int = 0
    """Those of `deletes` that were not asked for: they joined as dependents."""
    listed: int = 0
    """Sum of the sizes of what will be deleted, shared bytes counted each time."""
    unknown_sizes: int = 0
    """Versions that will be deleted and whose size the registry does not say."""
    freed: int = 0
    """Bytes that nothing else needs, as far as that is told."""
    freed_untold: int = 0
    """Versions that will be deleted and of which nobody tells what that frees."""
    freed_now: bool = False
    """True when those bytes are free as soon as the plan is applied."""
    freed_after: str = ""
    """What else must happen first: `purge and gc`, `gc`, or nothing.

    Where the registry frees bytes in its own time: a sentence of its own (`freeing` says so).
    """
    freeing: bool = False
    """`freed_after` is the registry's own sentence, such as "W&B frees the bytes at its next…"."""
    charged: bool = False
    """`freed` is what the registry charges for these versions, not a sum of files."""
    no_way_back: bool = False
    """What is deleted cannot be brought back: to be said before the deletion."""
    unlinks: int = 0
    """Those of `deletes` that are links: they are unlinked, never their sources with them."""
    followed: int = 0
    """Those of `unlinks` whose sources are deleted by the same plan, after them."""
    linked: tuple[tuple[str, int], ...] = ()
    """Other collections that show what goes, with how many links break there; most first."""
    consent_links: tuple[tuple[str, int], ...] = ()
    """The same for the versions that need consent because of their links."""
    whole: tuple[Whole, ...] = ()
    """Collections that one request each (would) delete, largest first."""
    wholes: int = 0
    """Those of `deletes` that are whole collections; 0 while the option is off."""
    cheaper: int = 0
    """How many requests fewer it would be with `whole_collections`; 0 when that is on."""
    aliases: tuple[tuple[str, int], ...] = ()
    """Alias names that go, with how many versions lose them; most first."""
    consent_aliases: tuple[tuple[str, int], ...] = ()
    """Alias names on the versions that need consent."""
    protected_aliases: tuple[tuple[str, int], ...] = ()
    """Protected alias names on blocked versions."""
    collections: int = 0
    """Collections that lose a version."""
    emptied: tuple[tuple[str, int], ...] = ()
    """Collections that lose every version they have, with how many."""
    orphaned: int = 0
    """Live versions that stay and lose a parent."""
    scanned: int = 0
    """Models whose parents were asked for, of `models`: until all were, dependents may hide."""
    models: int = 0
    """Live models of a registry whose lineage must be scanned; 0 where that is not so."""
    storage: str = ""
    """The storage that was looked at: its place, for people; empty when none was."""
    objects: int = 0
    """Those of `deletes` that are stored objects."""
    object_bytes: int = 0
    """Their bytes, also in `listed` and, unless `markers`, in `freed`."""
    markers: bool = False
    """The bucket keeps versions: deleting these objects hides them and frees nothing."""
    for_good: bool = False
    """Every stored version of those objects goes: no delete marker, and no way back."""
    empty_registry: bool = False
    """The registry listed nothing at all, and was said to be really empty."""
    left_objects: int = 0
    """Stored objects that nothing refers to once the versions are gone, and that stay."""
    left_bytes: int = 0
    reasons: tuple[tuple[Reason, int], ...] = ()
    """Why versions stay, with how many; most first."""
    states: Mapping[ItemState, int] = field(default_factory=dict)
    """For a plan file: how many of `deletes` are in each state."""

    @property
    def versions(self) -> int:
        """Versions that will be deleted (or purged), and links that will be unlinked."""
        return self.deletes - self.objects - self.wholes

    @property
    def sources(self) -> str:
        """What becomes of that which the unlinked links show, in words."""
        stay = self.unlinks - self.followed
        if stay and self.followed:
            return f"the sources of {count(stay)} stay, the others go too"
        if self.unlinks == 1:
            return "its source stays" if stay else "its source goes too"
        return "their sources stay" if stay else "their sources go too"


@dataclass(frozen=True, slots=True)
class Draft:
    """A reviewed plan that is not in a file yet."""

    head: Head
    items: tuple[Item, ...]
    summary: Summary
    requested: tuple[str, ...]
    """The keys that were selected, before dependents joined."""
    names: Mapping[str, str]
    """`COLLECTION:LABEL` of each live dependent that stays, by key."""
    collections: tuple[str, ...] = ()
    """Keys of the collections that were selected by name, empty ones included."""
    capabilities: Capabilities | None = None
    """What the registry can do, as far as it was told."""


@dataclass(frozen=True, slots=True)
class Freeing:
    """What a deletion frees, and when."""

    freed: int
    untold: int
    """As `Summary.freed_untold`."""
    charged: bool
    after: str
    """As `Summary.freed_after`."""
    own_words: bool
    """As `Summary.freeing`."""
    no_way_back: bool


def summarise(
    items: Sequence[Item],
    *,
    action: Action,
    freeing: Freeing,
    emptied: tuple[tuple[str, int], ...],
    whole: Sequence[Whole] = (),
    coverage: Coverage = KNOWN,
) -> Summary:
    """The numbers of a list of items; bytes freed and emptied collections come from the catalog."""
    goes = [item for item in items if item.verdict is Verdict.DELETE]
    going = {item.key for item in goes}
    stays = [item for item in items if item.verdict is not Verdict.DELETE]
    verdicts = Counter(item.verdict for item in items)
    wholes = [item for item in goes if item.kind == COLLECTION]
    return Summary(
        action=action,
        items=len(items),
        deletes=len(goes),
        consents=verdicts[Verdict.CONSENT],
        blocked=verdicts[Verdict.BLOCKED],
        added=sum(item.added_as_dependent for item in goes),
        listed=sum(item.size or 0 for item in goes),
        unknown_sizes=sum(item.size is None for item in goes),
        freed=freeing.freed,
        freed_untold=freeing.untold,
        freed_now=not freeing.after,
        freed_after=freeing.after,
        freeing=freeing.own_words,
        charged=freeing.charged,
        no_way_back=freeing.no_way_back,
        unlinks=sum(item.is_link for item in goes),
        followed=sum(item.facts.source_key in going for item in goes if item.is_link),
        linked=_links(goes, going),
        consent_links=_links((i for i in stays if i.reason is Reason.LINKED), set()),
        whole=tuple(whole),
        wholes=len(wholes),
        cheaper=sum(max(0, one.versions - 1) for one in whole if not one.used),
        aliases=_aliases(goes),
        consent_aliases=_aliases([i for i in stays if i.verdict is Verdict.CONSENT]),
        protected_aliases=_aliases(
            [i for i in stays if i.reason is Reason.PROTECTED], protected_only=True
        ),
        collections=len({item.collection for item in goes}),
        emptied=emptied,
        scanned=coverage.scanned,
        models=coverage.total,
        orphaned=len({key for item in goes for key in item.outside_dependents}),
        reasons=tuple(Counter(item.reason for item in stays).most_common()),
    )


def _aliases(items: Sequence[Item], *, protected_only: bool = False) -> tuple[tuple[str, int], ...]:
    """Aliases by name; one that a link carries and its source has by that link counts once."""
    inside = {item.key for item in items if item.is_link}
    found = Counter(
        alias.name
        for item in items
        for alias in _own(item.facts, inside)
        if alias.protected or not protected_only
    )
    return most_first(found)


def _own(facts: Facts, inside: Container[str]) -> Iterator[Alias]:
    """The aliases that go with an item, but for those that a link in the list carries."""
    shown = {link.name for link in facts.links if link.key in inside}
    return (alias for alias in lost_aliases(facts) if not (alias.scope and alias.scope in shown))


def _links(items: Iterable[Item], going: Container[str]) -> tuple[tuple[str, int], ...]:
    """Collections that show these items by links that do not go, with how many of them."""
    links = (link for item in items for link in item.facts.links if link.key not in going)
    return most_first(Counter(link.name for link in links))


def most_first(found: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Names with their counts, the greatest count first."""
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
