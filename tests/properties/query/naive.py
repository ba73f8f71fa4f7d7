"""The filter language and the sums, worked out the slow and obvious way over `Maker`'s versions."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from artifact_tui.model import VersionState
from artifact_tui.query.filter_tree import (
    AllOf,
    AnyOf,
    DateTerm,
    DurationTerm,
    HasTerm,
    LatestTerm,
    Node,
    Not,
    NumberTerm,
    Query,
    StateTerm,
    Term,
    TextPattern,
    TextTerm,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from artifact_tui.catalog import Sort
    from tests.support.catalogs import Made, Maker

_SIGNS: dict[str, Callable[[int, int], bool]] = {
    ":": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Naive:
    """One catalog, looked at version by version."""

    def __init__(self, maker: Maker, now_us: int) -> None:
        self.maker = maker
        self.made = maker.versions
        self.edges = maker.edges
        self.now_us = now_us
        self._by_id = {made.id: made for made in self.made}

    def dependents(self, made: Made) -> set[int]:
        """The nearest versions below that are not in the trash."""
        return self._nearest(made)[0]

    def lost_by(self, made: Made) -> set[str]:
        """Keys of all that loses it, or something in the trash below it, as a parent."""
        found, through = self._nearest(made)
        beyond = {key for at, up, key, _ in self.maker.relatives if at in through and not up}
        return {self._by_id[number].key for number in found} | beyond

    def _nearest(self, made: Made) -> tuple[set[int], set[int]]:
        """The nearest live versions below it, and those in the trash on the way, with itself."""
        found: set[int] = set()
        waiting, seen = [made.id], {made.id}
        while waiting:
            at = waiting.pop()
            for child in (c for p, c in self.edges if p == at):
                if self._by_id[child].state is not VersionState.TRASH:
                    found.add(child)
                elif child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return found - {made.id}, seen

    def known(self, made: Made) -> bool:
        """Whether its dependents are all there are."""
        asked = self.maker.meta.get("asked_lineage") != "1" or made.id in self.maker.asked
        return asked or made.used_count == 0 or made.source_key is not None

    def all_below(self, ids: Iterable[int]) -> set[int]:
        """Every version that can be reached downwards, other than by standing still."""
        found: set[int] = set()
        waiting = list(ids)
        while waiting:
            at = waiting.pop()
            for child in (c for p, c in self.edges if p == at):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def charged(self, ids: set[int]) -> int:
        """Bytes that are charged for the picked sources whose files are not told."""
        picked = [made for made in self.made if made.id in ids and made.source_key is None]
        return sum(made.stored or 0 for made in picked if self.unique(made) is None)

    def freed(self, ids: set[int]) -> int:
        """Bytes of the blobs that no other version holds."""
        sizes: dict[str, int] = {}
        kept: set[str] = set()
        for made in self.made:
            for digest, size in made.files.values():
                sizes[digest] = size
                if made.id not in ids:
                    kept.add(digest)
        return sum(size for digest, size in sizes.items() if digest not in kept)

    def unique(self, made: Made) -> int | None:
        """Bytes that only this version holds."""
        if made.files:
            return self.freed({made.id})
        return 0 if made.file_count == 0 and not made.size else None

    def matching(self, query: Query) -> list[Made]:
        """The versions that a filter shows."""
        named = "state" in query.fields
        return [
            made
            for made in self.made
            if (named or made.state is not VersionState.TRASH) and self.fits(query.root, made)
        ]

    def fits(self, node: Node, made: Made) -> bool | None:
        """Whether a version fits a node of a filter; None where nobody knows."""
        match node:
            case AllOf(items):
                found = {self.fits(item, made) for item in items}
                return False if False in found else None if None in found else True
            case AnyOf(items):
                found = {self.fits(item, made) for item in items}
                return True if True in found else None if None in found else False
            case Not(item):
                fits = self.fits(item, made)
                return None if fits is None else not fits
        return self._term(node, made)

    def _term(self, term: Term, made: Made) -> bool | None:
        match term:
            case TextTerm():
                return any(_fits(text, term) for text in self._texts(term.field, made))
            case HasTerm():
                return self._has(term.field, made) == term.present
            case StateTerm(value):
                return value in {"any", made.state.value}
            case LatestTerm(count):
                return made.id in self._newest(made.collection, count)
        return self._compared(term, made)

    def _compared(self, node: NumberTerm | DurationTerm | DateTerm, made: Made) -> bool | None:
        value = self.value(node.field, made)
        if value is None:
            never = {"ttl": made.ttl_us is None, "used": made.used_count == 0}
            return False if never.get(node.field) else None
        if isinstance(node, NumberTerm) and node.field == "dependents" and not self.known(made):
            fits = {_SIGNS[node.op](more, node.value) for more in range(value, value + 10)}
            return None if len(fits) == 2 else fits.pop()
        match node:
            case NumberTerm():
                return _SIGNS[node.op](value, node.value)
            case DurationTerm():
                if node.op == ":":
                    return node.value_us <= value < node.value_us + node.unit_us
                return _SIGNS[node.op](value, node.value_us)
            case DateTerm():
                before, after = value < node.start_us, value >= node.end_us
                sides = {"<": before, "<=": not after, ">": after, ">=": not before}
                return sides.get(node.op, not before and not after)

    def value(self, field: str, made: Made) -> int | None:
        """What a field that can be compared says; None when it is not known."""
        now, expires = self.now_us, made.expires_us
        values: dict[str, int | None] = {
            "size": made.size,
            "stored": made.stored,
            "files": made.file_count,
            "dependents": len(self.lost_by(made)),
            "runs": made.used_count,
            "unique": self.unique(made),
            "created": made.created_us,
            "age": None if made.created_us is None else now - made.created_us,
            "used": None if made.used_us is None else now - made.used_us,
            "deleted": None if made.deleted_us is None else now - made.deleted_us,
            "ttl": None if expires is None else expires - now,
        }
        return values[field]

    def sort_key(self, sort: Sort, made: Made) -> tuple[bool, int | str | None]:
        """What a version is sorted by: whether it is unknown, and the key."""
        texts = {
            "name": made.collection.lower(),
            "type": made.type,
            "run": made.run or None,
            "alias": min((alias.name for alias in made.aliases), default=None),
        }
        if sort.field == "version":
            return (False, made.ordinal)
        key = texts[sort.field] if sort.field in texts else self.value(sort.field, made)
        if sort.field == "dependents" and not key and not self.known(made):
            key = None
        return (key is None, key)

    def sorted(self, sort: Sort, found: Sequence[Made]) -> list[Made]:
        """Versions in order: unknown ones last, equal ones by id."""
        known = [made for made in found if not self.sort_key(sort, made)[0]]
        known.sort(key=lambda made: made.id)
        known.sort(key=lambda made: self.sort_key(sort, made)[1], reverse=sort.descending)  # type: ignore[arg-type, return-value]
        unknown = [made for made in found if self.sort_key(sort, made)[0]]
        return known + sorted(unknown, key=lambda made: made.id)

    def within(self, sort: Sort, found: Sequence[Made]) -> list[Made]:
        """Versions of one collection in order: newest first where all are equal."""
        if sort.common:
            return sorted(found, key=lambda made: -made.ordinal)
        return self.sorted(sort, found)

    def _texts(self, field: str, made: Made) -> tuple[str, ...]:
        """The texts that a field has."""
        texts = {
            "name": (made.collection,),
            "type": (made.type,),
            "version": (made.label,),
            "run": (made.run,),
            "registry": tuple(link.name for link in made.links),
            "tag": made.tags,
            "alias": tuple(alias.name for alias in made.aliases),
        }
        return texts[field]

    def _has(self, field: str, made: Made) -> bool:
        """Whether a field says anything."""
        if field in {"alias", "tag", "run", "registry"}:
            return any(self._texts(field, made))
        if field == "link":
            return made.source_key is not None
        return self.value(field, made) is not None

    def _newest(self, collection: str, count: int) -> set[int]:
        """The ids of the newest live versions of a collection."""
        live = [
            made
            for made in self.made
            if made.collection == collection and made.state is VersionState.LIVE
        ]
        live.sort(key=lambda made: -made.ordinal)
        return {made.id for made in live[:count]}


def _fits(text: str, term: TextTerm) -> bool:
    """Whether a text is, contains or looks like what a term asks for."""
    made = _regex(term.pattern)
    flags = re.DOTALL | (re.IGNORECASE if term.bare else 0)
    found = re.search if term.bare and term.pattern.literal is not None else re.fullmatch
    return found(made, text, flags) is not None


def _regex(pattern: TextPattern) -> str:
    """A pattern as a regular expression."""
    return ".*".join(re.escape(piece) for piece in pattern.pieces)
