"""Lineage of a REST registry: the parents of one model at a time.

The family's servers show only an artifact's own parents, so dependents become known by reading
the lineage of every model. Parents may be named by id, by name, by something made from the name,
or be `external:`; those that the registry does not list are gone: the lineage is broken there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_requests import wants_credentials
from artifact_tui.clients.transport import AddressingError, SilentError
from artifact_tui.model import GONE, Relative

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.clients.rest.rest_listing import ListingReader, RestListing
    from artifact_tui.clients.rest.rest_requests import RestRequests
    from artifact_tui.clients.transport import HttpAnswer


MODEL = "model"
"""The only type that has lineage in the family."""

EXTERNAL = "external:"
"""Before the name of a parent that the reference server does not have."""


class RestLineage:
    """Reads lineage, one model at a time."""

    def __init__(self, requests: RestRequests, reader: ListingReader) -> None:
        self._requests = requests
        self._reader = reader
        self._oldest: tuple[RestListing, dict[str, Ref]] | None = None

    async def parents(self, ref: Ref) -> tuple[Relative, ...] | None:
        """What one artifact was made from, or None when the server does not tell.

        Parents that the registry does not list, such as `external:NAME`, are gone.

        Raises:
            RegistryError: the registry cannot be used.
        """
        try:
            call = self._requests.paths.lineage(ref)
        except AddressingError:
            return None
        try:
            answer, found = await self._requests.parsed(call, self._parse(ref), "lineage")
        except SilentError:
            return None
        if found is None:
            if answer.later or wants_credentials(answer):
                raise self._requests.refused(answer, "reading lineage")
            return None
        listing = await self._listing()
        mine = {found.own, ref.id}
        made_from = set()
        for start in {start for start, end in found.edges if end in mine and start not in mine}:
            name = found.names.get(start, "")
            parent = self._known(listing, start, name)
            if parent is None:
                shown = name or start.removeprefix(EXTERNAL)
                key = EXTERNAL + start.removeprefix(EXTERNAL)
                made_from.add(Relative(key, f"{shown}:?{GONE}"))
            elif parent != ref:
                made_from.add(Relative(parent.key, f"{listing.rows[parent].name}:{parent.id}"))
        return tuple(sorted(made_from))

    @staticmethod
    def _parse(ref: Ref) -> Callable[[HttpAnswer], rest_entries.LineageGraph]:
        return lambda answer: rest_entries.decode_lineage(answer.body, ref.id)

    def _known(self, listing: RestListing, identifier: str, name: str) -> Ref | None:
        """The artifact that a node of the graph stands for.

        By id; else by name, the oldest of that name: so does the reference server, whose stored
        lineage has only names.
        """
        own = Ref(MODEL, identifier)
        if own in listing.rows:
            return own
        if types := listing.types.get(identifier):
            return Ref(types[0], identifier)
        oldest = self._names(listing)
        return oldest.get(name) or oldest.get(identifier.removeprefix(EXTERNAL))

    def _names(self, listing: RestListing) -> dict[str, Ref]:
        """The oldest artifact of each name; models before others."""
        if self._oldest is None or self._oldest[0] is not listing:
            oldest: dict[str, Ref] = {}
            for models in (True, False):
                for group, refs in listing.groups.items():
                    if (group.type == MODEL) is models and group.id:
                        oldest.setdefault(group.id, refs[0])
            self._oldest = (listing, oldest)
        return self._oldest[1]

    async def _listing(self) -> RestListing:
        """A listing to know ids by: the last one, or a new one."""
        if self._reader.last is None:
            listing = await self._reader.listing()
            if self._reader.last is None:
                return listing
        return self._reader.last
