"""Where deletions go: to the registry, or to the storage beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.base import CollectionDelete, HasStorage, Recalling, Recreate
from artifact_tui.deletion.checks import lost_aliases
from artifact_tui.deletion.items import COLLECTION, OBJECT, VERSION, Action
from artifact_tui.deletion.said import error_words, redacted
from artifact_tui.errors import RegistryError
from artifact_tui.model import CollectionDeletion, Deletion, Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.base import Client, Storage
    from artifact_tui.deletion.items import Item, Options
    from artifact_tui.model import Outcome, Recipe


def storage_of(client: Client) -> Storage | None:
    """The storage beside a registry, if it has one and we were told of it."""
    return client.storage() if isinstance(client, HasStorage) else None


class Target:
    """Asks and deletes versions through the client, and objects through its storage."""

    def __init__(self, client: Client, begun_us: int | None = None) -> None:
        """Speak to a registry; `begun_us` is when the run began that deletes in it."""
        self._client = client
        self._begun_us = begun_us

    @property
    def unsure(self) -> bool:
        """Whether the registry's answers prove nothing."""
        return self._client.capabilities.unsure_answers

    @property
    def scanned(self) -> bool:
        """Whether the registry never tells the dependents of a version: a scan found them."""
        return self._client.capabilities.scanned_lineage

    @property
    def recreates(self) -> bool:
        """Whether the registry can make again what it deleted."""
        return self._client.capabilities.recreate

    def words(self, text: str) -> str:
        """The registry's words, fit to be kept."""
        return redacted(text, self._client)

    def error_words(self, error: BaseException) -> str:
        """What an error says, fit to be kept."""
        return error_words(error, self._client)

    async def facts(self, items: Sequence[Item]) -> Mapping[str, Facts]:
        """What is true of items now; those that are gone are left out.

        Of a whole collection only that it is there: `collection` tells what is in it.
        """
        keys = [item.key for item in items if item.kind == VERSION]
        if isinstance(self._client, Recalling):
            self._client.recall([i.key for i in items if i.kind == VERSION and i.attempts])
        objects = [item.key for item in items if item.kind == OBJECT]
        found = dict(await self._client.facts(keys)) if keys else {}
        if objects:
            found |= await self._storage().facts(objects)
        for item in items:
            if item.kind == COLLECTION and await self.collection(item.key) is not None:
                found[item.key] = Facts(item.key, "", VersionState.LIVE)
        return found

    async def collection(self, key: str) -> Mapping[str, Facts] | None:
        """What is true of every version in a collection; None when it is gone."""
        return await self._collections().collection_facts(key)

    async def collection_name(self, key: str) -> str:
        """What the registry calls a collection now; empty where it does not tell."""
        return await self._collections().collection_name(key)

    async def remove_collection(
        self, item: Item, members: Sequence[Item], options: Options
    ) -> Outcome:
        """Delete a whole collection; consent goes only with aliases that were reviewed."""
        reviewed = any(lost_aliases(member.facts) for member in members)
        aliases = options.delete_aliases and reviewed
        return await self._collections().delete_collection(
            CollectionDeletion(item.key, delete_aliases=aliases)
        )

    def _collections(self) -> CollectionDelete:
        if not isinstance(self._client, CollectionDelete):
            raise RegistryError(
                "This registry cannot delete a whole collection.",
                hint="Make a plan without whole collections.",
            )
        return self._client

    async def versions(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What the registry says of versions, by key."""
        return await self._client.facts(keys)

    async def recipes(self, keys: Sequence[str], *, quick: bool = False) -> Mapping[str, Recipe]:
        """What is needed to make versions again; nothing where that cannot be done.

        `quick` is as for the client.
        """
        client = self._client
        if not self.recreates or not isinstance(client, Recreate):
            return {}
        return await client.recipe(keys, quick=quick)

    async def remove(
        self, ready: Sequence[tuple[Item, Facts]], options: Options
    ) -> Sequence[Outcome]:
        """Delete (or purge) items of one kind; one outcome for each."""
        keys = [item.key for item, _ in ready]
        if ready[0][0].kind == OBJECT:
            return await self._storage().delete_objects(keys)
        if options.action is Action.PURGE:
            return await self._client.purge(keys)
        begun = self._begun_us
        return await self._client.delete([_deletion(i, now, options, begun) for i, now in ready])

    def _storage(self) -> Storage:
        storage = storage_of(self._client)
        if storage is None:
            raise RegistryError(
                "No storage is configured for this registry now.",
                hint="Configure the bucket again, then resume.",
            )
        return storage


def _deletion(item: Item, now: Facts, options: Options, begun_us: int | None) -> Deletion:
    """Consent goes only with what was reviewed and found again just now.

    Where no dependent may stay, those still there go at the same time: each is made from the other.
    """
    orphans = options.orphan_dependents or not item.outside_dependents
    return Deletion(
        key=item.key,
        token=now.token,
        delete_aliases=options.delete_aliases and bool(item.facts.aliases) and not item.is_link,
        orphan_dependents=orphans and bool(now.dependents),
        begun_us=begun_us,
    )
