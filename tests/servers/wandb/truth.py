"""What is really there: global ids by path, and a dump that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.wandb.ids import encode

if TYPE_CHECKING:
    from tests.servers.wandb.store import Collection, Store


def ids(store: Store) -> dict[str, str]:
    """Global ids by path of everything that can have a key."""
    found = {one.path: encode("ArtifactCollection", one.id) for one in store.collections.values()}
    found |= {one.path: encode("Run", one.id) for one in store.runs.values()}
    for collection in store.collections.values():
        for member in collection.members.values():
            found[f"{collection.path}:v{member.index}"] = member.artifact.gid
    return found


def state(store: Store) -> dict[str, object]:
    """All that matters, by names instead of ids, so that two servers can be compared."""
    return {
        "collections": {one.path: _shown(one) for one in store.collections.values()},
        "runs": sorted(one.path for one in store.runs.values()),
        "projects": sorted(
            one.path for entity in store.entities.values() for one in entity.projects.values()
        ),
    }


def _shown(collection: Collection) -> dict[str, object]:
    return {
        "kind": collection.kind,
        "type": collection.type.name,
        "state": collection.state,
        "tags": sorted(collection.tags),
        "versions": {
            f"v{member.index}": {
                "state": member.artifact.state,
                "aliases": sorted(member.aliases),
                "tags": sorted(member.artifact.tags),
                "ttl": member.artifact.ttl,
                "source": member.artifact.path,
            }
            for member in collection.members.values()
        },
    }
