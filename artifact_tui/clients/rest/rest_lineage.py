"""Lineage of a REST registry: the parents of one model at a time.

The family's servers show only an artifact's own parents, so dependents become known by reading
the lineage of every model. Parents may be named by id, by name, by something made from the name,
or be `external:`; those that the registry does not list are gone: the lineage is broken there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_listing import MODEL
from artifact_tui.clients.rest.rest_requests import wants_credentials
from artifact_tui.clients.transport import AddressingError, SilentError
from artifact_tui.model import GONE, Relative

if TYPE_CHECKING:
    from artifact_tui.clients.rest.rest_listing import ListingReader, RestListing
    from artifact_tui.clients.rest.rest_requests import RestRequests


EXTERNAL = "external:"
"""Before the name of a parent that the reference server does not have."""


async def parents_of(
    requests: RestRequests, reader: ListingReader, ref: Ref
) -> tuple[Relative, ...] | None:
    """What one artifact was made from, or None when the server does not tell.

    Parents that the registry does not list, such as `external:NAME`, are gone.

    Raises:
        RegistryError: the registry cannot be used.
    """
    try:
        answer, found = await requests.parsed(
            requests.paths.lineage(ref),
            lambda answer: rest_entries.decode_lineage(answer.body, ref.id),
            "lineage",
        )
    except (AddressingError, SilentError):
        return None
    if found is None:
        if answer.later or wants_credentials(answer):
            raise requests.refused(answer, "reading lineage")
        return None
    listing = reader.last or await reader.listing()
    mine = {found.own, ref.id}
    made_from = set()
    for start in {start for start, end in found.edges if end in mine and start not in mine}:
        name = found.names.get(start, "")
        parent = _listed_parent(listing, start, name)
        if parent is None:
            shown = name or start.removeprefix(EXTERNAL)
            key = EXTERNAL + start.removeprefix(EXTERNAL)
            made_from.add(Relative(key, f"{shown}:?{GONE}"))
        elif parent != ref:
            made_from.add(Relative(parent.key, f"{listing.rows[parent].name}:{parent.id}"))
    return tuple(sorted(made_from))


def _listed_parent(listing: RestListing, identifier: str, name: str) -> Ref | None:
    """The artifact that a node of the graph stands for.

    By id; else by name, the oldest of that name: so does the reference server, whose stored lineage
    has only names.
    """
    if types := listing.types.get(identifier):
        return Ref(MODEL if MODEL in types else types[0], identifier)
    oldest = listing.oldest
    return oldest.get(name) or oldest.get(identifier.removeprefix(EXTERNAL))
