"""The client of REST registries: the protocol of `clients.base`, and what only they can do."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.artifact_keys import Ref, parse_key
from artifact_tui.clients.base import MakingClient
from artifact_tui.clients.rest import NAME, rest_entries
from artifact_tui.clients.rest.rest_deleting import RestDeletions, RestFacts
from artifact_tui.clients.rest.rest_lineage import parents_of
from artifact_tui.clients.rest.rest_listing import ALL, MODEL, ListingReader, RestListing
from artifact_tui.clients.rest.rest_requests import RestRequests
from artifact_tui.clients.rest.rest_settings import RestOptions
from artifact_tui.clients.servers import is_spelled, read_only_error
from artifact_tui.clients.transport import together
from artifact_tui.errors import (
    NotFoundError,
    NotToldError,
    RegistryError,
    UncertainError,
)
from artifact_tui.model import (
    Creation,
    Identity,
    Lineage,
    Listed,
    Recipe,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from artifact_tui.clients.rest.rest_settings import RestAddress
    from artifact_tui.clients.s3 import S3Storage
    from artifact_tui.clients.transport import HttpTransport
    from artifact_tui.model import Deletion, Facts, Outcome


AT_A_TIME = 50
"""Rows turned into versions before the event loop gets its turn."""


class RestClient(MakingClient):
    """One connection to one REST registry.

    Its listings carry no size, date, alias or digest: `digest` is a fingerprint of type, id, name
    (and source address where the listing has it).
    """

    tells = frozenset({"lineage"})
    scanned_types = (MODEL,)
    unsure_answers = True

    def __init__(
        self, address: RestAddress, options: RestOptions | None, *, read_only: bool
    ) -> None:
        options = options or RestOptions()
        self._address = address
        self._options = options
        self.identity = Identity(NAME, address.text, address.text)
        self.read_only = read_only
        self.batch_delete = options.batch
        self.accepted_s = options.accepted_s
        self._requests = RestRequests(address, options, read_only=read_only)
        self.transport: HttpTransport = self._requests.transport
        self.reader = ListingReader(self._requests, options)
        self._facts = RestFacts(self._requests, self.reader)
        self._storage: S3Storage | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about this connection, in whole sentences."""
        found = []
        place = self._address.place
        if place.scheme == "http" and not place.loopback:
            found.append("The connection is not encrypted: others may read along.")
        found += [_incomplete(kind, why) for kind, why in self.reader.missing.items()]
        if skipped := self.reader.skipped:
            found.append(f"{plural(skipped, 'artifact')} without a usable id: left out.")
        if spelled := self.reader.spelled:
            found.append(
                f"{plural(spelled, 'artifact')} with a name that is not Unicode:"
                " what is broken in it is spelled out, and its id names it."
            )
        if self._facts.survivors:
            found.append(
                f"{self._facts.survivors:,} deletions were answered with success and were not"
                " done. Deletions are sent one at a time now."
            )
        return tuple(found)

    # reading

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Everything, as it comes: the cheapest way to fill a catalog.

        A version may come again, when a later page shows that another entry has the same id.
        """
        listing = RestListing()
        async with aclosing(self.reader.rows(listing)) as parts:
            async for rows in parts:
                for start in range(0, len(rows), AT_A_TIME):
                    await asyncio.sleep(0)  # the request for the next page leaves meanwhile
                    yield listing.shown(rows[start : start + AT_A_TIME])
        yield Listed(complete=not self.reader.missing)

    async def lineage(self, keys: Sequence[str], *, parents: bool = False) -> Mapping[str, Lineage]:
        """The parents of versions; what the server does not tell about is left out."""
        del parents
        refs = {key: ref for key in keys if (ref := parse_key(key)) is not None}
        found = await together(
            *(parents_of(self._requests, self.reader, ref) for ref in refs.values())
        )
        pairs = zip(refs, found, strict=True)
        return {key: Lineage(parents=parents) for key, parents in pairs if parents is not None}

    def recall(self, keys: Sequence[str]) -> None:
        """An earlier connection may have deleted these."""
        self.reader.sent |= {ref.id for key in keys if (ref := parse_key(key)) is not None}

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true now; without dependents, which only a scan of all lineage can tell."""
        found = await self._facts.facts(keys)
        if self._facts.survivors:
            self.transport.pacing.serial()
        return found

    async def recipe(self, keys: Sequence[str], *, quick: bool = False) -> Mapping[str, Recipe]:
        """What is needed to make these artifacts again; those that are gone are left out.

        With `quick` only what the last listing tells.
        """
        refs = {key: ref for key in keys if (ref := parse_key(key)) is not None}
        if quick:
            rows = self.reader.last.rows if self.reader.last is not None else {}
            listed = {key: rows[ref] for key, ref in refs.items() if ref in rows}
            return {k: Recipe(r.type, r.name, r.url) for k, r in listed.items() if r.url}
        found = await together(*(self._recipe(ref) for ref in refs.values()))
        return {key: one for key, one in zip(refs, found, strict=True) if one is not None}

    async def _recipe(self, ref: Ref) -> Recipe | None:
        try:
            row = await self._requests.get(ref)
        except NotToldError:
            row = self.reader.last.rows.get(ref) if self.reader.last is not None else None
        if row is None or is_spelled(row.name + row.url):
            return None  # gone, or nobody could write its name
        return Recipe(row.type, row.name, row.url)

    async def check(self) -> tuple[str, ...]:
        """What was found at the address, in whole sentences.

        Raises:
            RegistryError: it cannot be reached, or it is no such registry.
        """
        health = await self.reader.health()
        found = [f"{self._address.text} answers in {health.milliseconds:.0f} ms."]
        listing = await self.reader.listing()
        pages = plural(self.reader.pages or 1, "page")
        found.append(f"It lists {plural(len(listing.rows), 'artifact')} on {pages}.")
        one = next(iter(listing.rows), None)
        if one is not None:
            try:
                there = await self._requests.get(one)
            except NotToldError:
                there = None
            if there is None:
                found.append(f"It lists {one.key}, and cannot be asked for it.")
        writing = "nothing can be changed" if self.read_only else "artifacts can be deleted"
        found.append(f"The connection is {'read-only' if self.read_only else 'armed'}: {writing}.")
        storage = self.storage()
        if storage is not None:
            kept = "keeps versions" if await storage.versioned() else "keeps no versions"
            found.append(f"Its storage {storage.place} can be read; the bucket {kept}.")
        return (*found, *self.notices)

    def cannot(self, what: str, of_type: str = "") -> str:
        """Why this registry cannot clean up its storage, when no bucket is configured."""
        del of_type
        unknown = what == "storage" and self._options.storage is None
        return "no bucket is configured for it" if unknown else ""

    def storage(self) -> S3Storage | None:
        """The storage beside the registry, when a bucket is configured."""
        if self._storage is None and self._options.storage is not None:
            from artifact_tui.clients.s3 import S3Storage  # noqa: PLC0415 - lazy

            self._storage = S3Storage(self._options.storage, read_only=self.read_only)
        return self._storage

    # writing

    def _check_writable(self) -> None:
        if self.read_only:
            raise read_only_error(f"The registry {self._address.text}")

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Delete these artifacts, for good: there is no trash."""
        self._check_writable()
        return await RestDeletions(self._requests, self.reader, self._facts, deletions).outcomes()

    async def create(self, kind: str, name: str, url: str) -> Creation:
        """Make an artifact from a source address. It may take minutes.

        Raises:
            UncertainError: it may have been made, and nobody knows.
            RegistryError: it was not made.
        """
        self._check_writable()
        body = msgspec.json.encode({"url": url, "name": name})
        call = self._requests.paths.create(kind, body, self._options.create_s)
        answer = await self.transport.send(call)
        if not answer.good:
            error = self._requests.refused(answer, "making the artifact")
            if answer.status < 500 or answer.later:  # noqa: PLR2004 - the server's own failures
                raise error
            raise UncertainError(str(error), hint="List the registry: it may have been made.")
        accepted = answer.status == 202  # noqa: PLR2004 - accepted
        try:
            return Creation(rest_entries.decode_entry(answer.body, kind).ref.key, accepted)
        except rest_entries.GarbageError:
            if accepted or not answer.body.strip():
                return Creation(accepted=accepted)
            raise UncertainError(
                f"The registry accepted the artifact ({answer.status}) without telling its id.",
                hint="List the registry again to see it.",
            ) from None

    async def entries(self) -> Mapping[str, Recipe]:
        """Everything that is listed now, read after the server has loaded its storage again."""
        await self.reader.count()
        listing = await self.reader.listing()
        return {ref.key: Recipe(row.type, row.name, row.url) for ref, row in listing.rows.items()}

    async def entry(self, key: str) -> Recipe:
        """One artifact as a GET describes it."""
        ref = parse_key(key)
        row = None if ref is None else await self._requests.get(ref)
        if row is None:
            raise NotFoundError(f"The registry has no artifact {key}.")
        return Recipe(row.type, row.name, row.url)

    async def reset(self) -> None:
        """Delete everything, in one request.

        Raises:
            RegistryError: it was not done, or nobody knows; the message says which.
        """
        self._check_writable()
        if self.reader.last is not None:  # also when no answer comes, it may all be gone
            self.reader.sent |= {ref.id for ref in self.reader.last.rows}
        answer = await self.transport.send(self._requests.paths.reset())
        if not answer.good:
            raise self._requests.refused(answer, "deleting everything")
        if answer.html:
            raise RegistryError(
                "The registry answered the reset with a web page.",
                hint="Whether it was done is not known: list the registry.",
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.aclose()
        if self._storage is not None:
            await self._storage.aclose()


def plural(number: int, word: str) -> str:
    """`1 page`, `2,000 pages`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _incomplete(kind: str, why: RegistryError) -> str:
    """What a listing lacks, as a sentence."""
    what = "artifacts" if kind == ALL else f"artifacts of the type {kind}"
    return (
        f"The list is incomplete: the registry does not list all {what}."
        f" {why} What is not listed is not taken as gone."
    )
