"""The client of Weights & Biases: the protocol of `clients.base`, carried out by the parts."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Client
from artifact_tui.clients.servers import read_only_error
from artifact_tui.clients.wandb import NAME
from artifact_tui.clients.wandb.wandb_deleting import WandbDeleter
from artifact_tui.clients.wandb.wandb_editing import WandbEditor
from artifact_tui.clients.wandb.wandb_facts import facts_of
from artifact_tui.clients.wandb.wandb_graphql import Graph
from artifact_tui.clients.wandb.wandb_lineage import lineage_of
from artifact_tui.clients.wandb.wandb_listing import WandbLister
from artifact_tui.clients.wandb.wandb_model import HIDDEN_COLLECTION
from artifact_tui.clients.wandb.wandb_transport import GraphTransport
from artifact_tui.clients.wandb.wandb_trial import trial_sentences
from artifact_tui.model import Identity, Listed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from artifact_tui.clients.transport import HttpTransport
    from artifact_tui.clients.wandb.wandb_address import WandbAddress
    from artifact_tui.clients.wandb.wandb_model import Artifact
    from artifact_tui.clients.wandb.wandb_settings import WandbOptions
    from artifact_tui.model import (
        CollectionDeletion,
        Deletion,
        Edit,
        Facts,
        File,
        Lineage,
        Outcome,
    )


BATCH = 200
"""Versions in one call of `delete`."""

FREEING = "W&B frees the bytes at its next garbage collection, up to a day; its storage meter lags"


class WandbClient(Client):
    """One connection to W&B: one project, or all of an entity."""

    tells = frozenset({"aliases", "tags", "links", "lineage", "ttl", "trash"})
    edits = frozenset({"aliases", "tags", "ttl", "inherit"})
    batch_delete = BATCH
    freeing = FREEING

    def __init__(self, address: WandbAddress, options: WandbOptions, *, read_only: bool) -> None:
        self._address = address
        self._options = options
        self.identity = Identity(NAME, address.text, address.uid)
        self.read_only = read_only
        sender = GraphTransport(address, options, read_only=read_only)
        self.transport: HttpTransport = sender.transport
        self._graph = Graph(sender)
        self._lister = WandbLister(self._graph, address, registries=options.registries)
        self._deleter = WandbDeleter(self._graph, self._lister, batch=options.batch)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about this connection, in whole sentences."""
        return (*self._options.notices, *self._lister.notices.values())

    # reading

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Everything, as it comes, in no order."""
        async with aclosing(self._lister.everything()) as parts:
            async for rows in parts:
                collections = {one.key: one for one, _ in rows}
                versions = tuple(version for _, version in rows if version is not None)
                yield Listed(tuple(collections.values()), versions)
        yield Listed(complete=self._lister.steady)

    async def lineage(self, keys: Sequence[str], *, parents: bool = False) -> Mapping[str, Lineage]:
        """Who used these versions and what was made of it, many in one document."""

        def name(artifact: Artifact) -> str:
            own = artifact.artifact_sequence
            label = f"v{artifact.version_index}" if artifact.version_index is not None else "?"
            home = self._lister.named(own.project, own.name or HIDDEN_COLLECTION) if own else ""
            return f"{home or HIDDEN_COLLECTION}:{label}"

        return await lineage_of(self._graph, keys, parents=parents, name=name)

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version, by path."""
        return await self._lister.files(version_key)

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true now, with dependents."""
        return await facts_of(self._graph, self._lister, keys)

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every live version in a collection; None when there is none."""
        return await self._deleter.collection_facts(collection_key)

    async def collection_name(self, collection_key: str) -> str:
        """What a collection is called now, as the lists name it."""
        return await self._deleter.collection_name(collection_key)

    async def check(self) -> tuple[str, ...]:
        """What was found at the address, in whole sentences; raises where nothing works."""
        return await trial_sentences(
            self._graph,
            self._address,
            self._options,
            advice=self.transport.credentials.advice,
            read_only=self.read_only,
        )

    # writing

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Delete these versions, and unlink these links."""
        if self.read_only:
            raise read_only_error(f"The registry {self._address.text}")
        return await self._deleter.delete(deletions)

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        """Delete a collection with its versions, or of a collection of links only the links."""
        if self.read_only:
            raise read_only_error(f"The registry {self._address.text}")
        return await self._deleter.delete_collection(deletion)

    async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
        """Change aliases, tags and times to live."""
        if self.read_only:
            raise read_only_error(f"The registry {self._address.text}")
        return await WandbEditor(self._graph).edit(edits)

    def neighbour(self, collection: str) -> tuple[str, str] | None:
        """The address of the project that has a collection, and its name there."""
        *home, name = collection.split("/")
        if len(home) != 2:  # noqa: PLR2004 - entity and project
            return None
        return replace(self._address, entity=home[0], project=home[1]).text, name

    async def aclose(self) -> None:
        """Close every connection."""
        await self._graph.aclose()
        await self.transport.aclose()
