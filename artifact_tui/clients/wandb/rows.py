"""What a list shows of collections and versions, in our own types.

A version shown in another collection than its own is a link: it carries the other's label, and a
key that can only ever be unlinked. Aliases held elsewhere carry the full name of who holds them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import ids, states
from artifact_tui.clients.wandb.decode import NOTE_LIMIT, Membership, count, moment
from artifact_tui.clients.wandb.rules import automatic
from artifact_tui.model import Alias, Collection, Link, Version, VersionState

if TYPE_CHECKING:
    from artifact_tui.clients.wandb import decode

HIDDEN = "a collection that you may not see"
"""Instead of a name that the server keeps to itself."""

UNTOLD = "places that W&B does not tell"
"""Instead of the collections that show a version, where the server says nothing about them."""

HIDDEN_ALIAS = "an alias that you may not see"

SEQUENCE = "ArtifactSequence"

_SECOND = 1_000_000
_LABEL = re.compile(r"v(\d+)", re.ASCII)
_SYSTEM = frozenset({"wandb-history", "job"})
"""Types of which W&B refuses to delete any version."""


def state(artifact: decode.Artifact) -> VersionState:
    """Where a version is in its life."""
    return states.of_version(artifact.state)


def is_label(alias: str) -> bool:
    """Whether an alias is only the number of a version: `v3`."""
    return _LABEL.fullmatch(alias) is not None


def kept(artifact: decode.Artifact) -> str:
    """Why W&B surely will not delete a version; empty: nothing is known against it."""
    kind = _type(artifact)
    return f"system-managed: W&B keeps versions of the type {kind}" if kind in _SYSTEM else ""


def generated(artifact: decode.Artifact) -> bool:
    """Whether W&B made a version by itself: some of these it deletes, others it refuses."""
    kind = _type(artifact)
    return kind not in _SYSTEM and (artifact.is_generated is True or automatic(kind))


def _type(artifact: decode.Artifact) -> str:
    return (artifact.artifact_type.name if artifact.artifact_type else None) or ""


def aliases(artifact: decode.Artifact, home: str) -> tuple[Alias, ...]:
    """Every alias, sorted; those not held by the collection `home` (an id) with their scope.

    A row that the server keeps to itself is an alias, too.
    """
    found = {
        Alias(HIDDEN_ALIAS, scope=HIDDEN)
        if row is None or not row.alias
        else Alias(row.alias, scope=_scope(row, home))
        for row in artifact.aliases or ()
        if row is None or not is_label(row.alias or "")
    }
    return tuple(sorted(found))


def _scope(row: decode.AliasRow, home: str) -> str:
    holder = row.artifact_collection
    if holder is None:
        return HIDDEN
    return "" if holder.id == home else holder.path or HIDDEN


def links(artifact: decode.Artifact, home: str) -> tuple[Link, ...]:
    """The other collections that show a version, sorted.

    Where the server does not tell them there may be any: one that stands for them is there.
    """
    rows = (row for row in artifact.aliases or () if row is not None)
    holders = [one.artifact_collection for one in memberships(artifact.artifact_memberships)]
    holders += [one for row in rows if (one := row.artifact_collection) is not None]
    found = set() if artifact.artifact_memberships is not None else {Link("", UNTOLD)}
    for holder in holders:
        if holder is None:
            found.add(Link("", HIDDEN))
        elif holder.id != home:
            key = ids.LinkKey(holder.id, artifact.id).key
            found.add(Link(key, holder.path or HIDDEN))
    return tuple(sorted(found))


def memberships(page: decode.Connection[Membership] | None) -> list[Membership]:
    """The rows of a page; those that may not be seen are in a collection that nobody may see."""
    rows = page.rows if page is not None else []
    return [edge.node if edge and edge.node else Membership() for edge in rows]


def is_series(collection: decode.Place) -> bool:
    """Whether it holds versions; what is not known to is taken for a collection of links."""
    return collection.type_name == SEQUENCE


def collection(said: decode.Collection, name: str) -> Collection:
    """A collection, under the name that it has here."""
    series = is_series(said)
    key = ids.SequenceKey(said.id) if series else ids.PortfolioKey(said.id)
    kind = said.default_artifact_type.name if said.default_artifact_type else None
    return Collection(key.key, name, kind or "", moment(said.created_at), links=not series)


def version(
    edge: decode.Edge[decode.Artifact],
    artifact: decode.Artifact,
    home: ids.CollectionKey,
) -> Version:
    """A version as the collection `home` shows it."""
    link = is_link(artifact, home)
    index = count(artifact.version_index)
    found = _LABEL.fullmatch(edge.version or "")
    own = None if link else index  # that of a link's source is its place elsewhere
    common = {
        "collection_key": home.key,
        "ordinal": int(found[1][:18]) if found else own,
        "label": edge.version or f"v{index or 0}",
        "digest": artifact.digest or "",
        "state": state(artifact),
        "size": count(artifact.size),
        "file_count": count(artifact.file_count),
        "created_us": moment(artifact.created_at),
        "run": _creator(artifact.created_by),
        "note": (artifact.description or "")[:NOTE_LIMIT],
        "used_count": count(artifact.used_count),
        "aliases": aliases(artifact, home.collection),
        "tags": tuple(sorted({tag.name for tag in artifact.tags or () if tag and tag.name})),
    }
    if link:
        key = ids.LinkKey(home.collection, artifact.id)
        return Version(key.key, **common, source_key=key.source, stored=0)  # type: ignore[arg-type]
    seconds = artifact.ttl_duration_seconds or 0
    return Version(
        ids.SourceKey(artifact.id).key,
        **common,  # type: ignore[arg-type]
        links=links(artifact, home.collection),
        stored=count(artifact.storage_bytes),
        kept=kept(artifact),
        generated=generated(artifact),
        ttl_us=count(seconds * _SECOND) or None if seconds > 0 else None,
        ttl_inherited=bool(artifact.ttl_is_inherited),
    )


def is_link(artifact: decode.Artifact, home: ids.CollectionKey) -> bool:
    """Whether a collection only shows a version that was made in another one."""
    own = artifact.artifact_sequence
    return isinstance(home, ids.PortfolioKey) or (own is not None and own.id != home.collection)


def _creator(said: decode.Creator | None) -> str:
    return (said.name or said.username or "") if said is not None else ""
