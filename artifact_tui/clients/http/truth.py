"""What is really there: the answer to "which of these versions exist now?".

One answer is not enough here. A 404 may come from a server whose storage failed for a moment; a
listing may be old, empty for the same reason, or miss rows because somebody deleted while it was
paging. So:

- there: a GET answers 200, or a listing shows it (unless we sent its deletion; then only a GET);
- gone: a listing that is sure (see `Reader.snapshot`) does not show its id under any type; where
  listing and GET contradict each other, the GET must say 404 `LOOKS` times `ROUNDS` times;
- once a success of this server proved false, a listing alone does not suffice: a GET confirms it;
- an id that no GET can ask about is there when the listing shows it, under whatever type;
- gone, too, where the listing is empty: what we may have deleted, when nothing else was ever seen
  on this connection, and a GET says 404 for each one;
- anything else is an error: nothing is known.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.clients.http import decode, keys
from artifact_tui.clients.http.listing import TYPES
from artifact_tui.clients.http.reader import OutageError, Snapshot
from artifact_tui.clients.http.routes import DetailsUnknownError, Missing
from artifact_tui.clients.http.shelf import Shelf
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.keys import Ref
    from artifact_tui.clients.http.reader import Reader
    from artifact_tui.clients.http.routes import Routes

LOOKS = 2
"""How often the listing is read before GETs alone are believed."""

ROUNDS = 3
"""How often, for each of these, a 404 must be repeated, each time after the server loaded its
storage again."""

CONFIRMATIONS = 2
"""How often a 404 must confirm the listing, once the server was caught saying what is not so."""


class Truth:
    """Facts about versions of one registry."""

    def __init__(self, reader: Reader, routes: Routes) -> None:
        self._reader = reader
        self._routes = routes
        self.done: set[str] = set()
        """Keys whose deletion was answered with success."""
        self._lied = False
        """The server said that something was deleted, and listed it afterwards."""
        self.survivors = 0
        """How many of them were found to be there still."""

    async def facts(self, wanted: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Raises:
            RegistryError: it cannot be told.
        """
        anyones = {key: one for key in wanted if (one := keys.any_id(key)) is not None}
        if anyones:
            return await self._of_any_type(wanted, anyones)
        refs = {key: ref for key in wanted if (ref := keys.parse(key)) is not None}
        if not refs:
            return {}
        found: dict[str, Facts] = {}
        pending = dict(refs)
        if self._single_is_cheaper(pending):
            await self._ask_each(pending, found, self._reader.last)
            pending = {key: ref for key, ref in refs.items() if key not in found}
        for _ in range(LOOKS):
            if not pending:
                break
            try:
                snapshot = await self._reader.snapshot(
                    partial(self._routes.get, next(iter(refs.values())))
                )
            except OutageError:
                if not await self._emptied(pending, found):
                    raise
                break
            pending = await self._settle(snapshot, pending, found)
        self.survivors += len(self.done & found.keys())
        self.done -= found.keys()
        return {key: found[key] for key in wanted if key in found}

    async def _emptied(self, pending: Mapping[str, Ref], found: dict[str, Facts]) -> bool:
        """Whether an empty listing is what was meant; then what is there after all is found.

        All of these may have been deleted by us, nothing else was ever seen, the server's health
        answers, and it says of each one that it does not exist.
        """
        reader = self._reader
        if reader.last is not None or any(ref.id not in reader.sent for ref in pending.values()):
            return False
        if (await reader.health()).status >= 500:  # noqa: PLR2004 - the server's own failures
            return False
        nothing = Snapshot(Shelf(), sure=False)
        await self._ask_again(nothing, dict(pending), found, CONFIRMATIONS)
        return True

    async def _of_any_type(
        self, wanted: Sequence[str], anyones: Mapping[str, str]
    ) -> Mapping[str, Facts]:
        """Facts where some keys ask for an id of whatever type: the listing tells the type."""
        first = keys.Ref(TYPES[0], next(iter(anyones.values())))
        try:
            snapshot = await self._reader.snapshot(partial(self._routes.get, first))
        except OutageError:  # what is asked below decides whether it is one
            snapshot = None
        if snapshot is not None and not snapshot.sure:
            raise RegistryError(
                "The registry's listing changes each time it is read.",
                hint="Try again when nobody else changes it.",
            )
        meant = {key: _types(snapshot, identifier) for key, identifier in anyones.items()}
        others = [key for key in wanted if key not in anyones]
        found = await self.facts([*others, *(one for ones in meant.values() for one in ones)])
        there = {key: found[key] for key in others if key in found}
        for key, ones in meant.items():
            if one := next((one for one in ones if one in found), None):
                there[key] = replace(found[one], key=key)
        return there

    def _single_is_cheaper(self, pending: Mapping[str, Ref]) -> bool:
        """Few keys against many pages; the first look of a connection is always a listing."""
        last = self._reader.last
        if last is None or len(pending) > self._reader.pages:
            return False
        return not any(last.twins(ref) for ref in pending.values())

    async def _settle(
        self, snapshot: Snapshot, pending: Mapping[str, Ref], found: dict[str, Facts]
    ) -> dict[str, Ref]:
        """What a look at the listing leaves open: 404 for each GET, against the listing's word.

        Raises:
            RegistryError: neither listing nor GET can tell.
        """
        doubtful = self._compare(snapshot, pending, found)
        self._lied = self._lied or bool(self.done & doubtful.keys())
        absent = {k: ref for k, ref in pending.items() if k not in found and k not in doubtful}
        if self._lied and absent:
            await self._ask_again(snapshot, absent, found, CONFIRMATIONS)
        return await self._ask_again(snapshot, doubtful, found, ROUNDS)

    async def _ask_again(
        self, snapshot: Snapshot, asked: dict[str, Ref], found: dict[str, Facts], rounds: int
    ) -> dict[str, Ref]:
        """Ask for each so many times; gives those that answered 404 each time."""
        for attempt in range(rounds):
            if attempt and asked:
                await self._reader.count()
            absent, untold = await self._ask_each(asked, found, snapshot.shelf)
            for key in asked.keys() - absent.keys() - found.keys():
                ref = asked[key]
                listed = snapshot.shelf.has_id(ref.id)
                why = untold.get(key)
                if why and not (
                    listed and (isinstance(why, DetailsUnknownError) or self._unsent(ref))
                ):
                    raise why
                if listed or not snapshot.sure:
                    found[key] = _unaskable(key, ref, snapshot)
            asked = absent
        return asked

    def _unsent(self, ref: Ref) -> bool:
        """Whether nobody can have deleted it through this connection."""
        return ref.id not in self._reader.sent

    def _compare(
        self, snapshot: Snapshot, pending: Mapping[str, Ref], found: dict[str, Facts]
    ) -> dict[str, Ref]:
        """Settle what the listing settles; the rest is doubtful."""
        shelf = snapshot.shelf
        doubtful = {}
        for key, ref in pending.items():
            if ref in shelf.rows and self._unsent(ref):
                found[key] = _facts(key, shelf.digest(ref), shelf.rows[ref])
            elif snapshot.sure and not shelf.has_id(ref.id):
                continue
            else:
                doubtful[key] = ref
        return doubtful

    async def _ask_each(
        self, refs: Mapping[str, Ref], found: dict[str, Facts], shelf: Shelf | None
    ) -> tuple[dict[str, Ref], dict[str, NotToldError]]:
        """One GET for each; gives those that answered 404, and those that it does not tell about.

        Listing and GET may word names and addresses differently: what a GET finds there is
        described as `shelf` lists it. One that is listed under another name is left out.

        Raises:
            RegistryError: an answer that says nothing.
        """
        absent, untold = {}, {}
        for key, ref in refs.items():
            try:
                row = await self._routes.get(ref)
            except NotToldError as error:
                untold[key] = error
                continue
            if row is Missing.ABSENT:
                absent[key] = ref
            elif not isinstance(row, Missing):
                described = self._described(key, ref, row, shelf)
                if described is not None:
                    found[key] = described
        return absent, untold

    def _described(self, key: str, ref: Ref, row: Row, shelf: Shelf | None) -> Facts | None:
        """An artifact that a GET has shown, in the words of a listing."""
        listed = shelf.rows.get(ref) if shelf is not None else None
        if shelf is None or listed is None:
            last = self._reader.last
            return _facts(key, decode.digest(row, with_url=last is not None and last.urls), row)
        if row.name != listed.name:
            return None
        return _facts(key, shelf.digest(ref), listed)


def _types(snapshot: Snapshot | None, identifier: str) -> list[str]:
    """The keys of all artifacts with an id, of whatever type; without a listing, what may be."""
    if snapshot is None:
        return [keys.Ref(kind, identifier).key for kind in TYPES]
    one = snapshot.shelf.any_type(identifier)
    kinds = snapshot.shelf.types_of(identifier) or ({one.type} if one else set())
    return [keys.Ref(kind, identifier).key for kind in sorted(kinds)]


def _unaskable(key: str, ref: Ref, snapshot: Snapshot) -> Facts:
    """An id that no GET can ask about (now): only the listing speaks."""
    shelf = snapshot.shelf
    listed = ref if ref in shelf.rows else shelf.any_type(ref.id)
    if listed is None:
        raise NotToldError(
            "The registry does not list an artifact, and cannot be asked about it either.",
            hint="Its listing changes while it is read. Try again when it is quiet.",
        )
    return _facts(key, shelf.digest(listed), shelf.rows[listed])


def _facts(key: str, digest: str, row: Row) -> Facts:
    """Aliases there are none; dependents are what the catalog's scan of lineage has found."""
    return Facts(
        key=key,
        digest=digest,
        state=VersionState.LIVE,
        lineage_known=False,
        collection=row.name,
        label=row.id,
        type=row.type,
    )
