"""Trying a W&B registry out: what is at its address, in whole sentences."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import wandb_documents, wandb_model, wandb_settings
from artifact_tui.clients.wandb.wandb_documents import refusal_error
from artifact_tui.clients.wandb.wandb_model import GraphObject
from artifact_tui.clients.wandb.wandb_replies import GraphCall
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from artifact_tui.clients.s3_layout import StorageSettings
    from artifact_tui.clients.wandb.wandb_address import WandbAddress
    from artifact_tui.clients.wandb.wandb_documents import FittingSender
    from artifact_tui.clients.wandb.wandb_settings import WandbOptions


FEATURES = {
    "ARTIFACT_TAGS": "tags",
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING": "filtered lists of collections",
    "ARTIFACT_REGISTRY_SEARCH": "registries of an organisation",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP": "versions by their name",
}
"""Features of W&B servers that matter here, in words."""

COLLECTING = (
    "On a server of your own the bytes of deleted versions are freed only if it runs with"
    " GORILLA_ARTIFACT_GC_ENABLED=true, and its bucket keeps versions (on Azure: has soft delete)."
)

_DAY = 86_400
_TENTH_GB = 100_000_000
_ASKING_WHO = "asking who we are"
_ASKING_WHERE = "looking for the address"


class _ViewerNode(GraphObject, frozen=True):
    username: str | None = None
    entity: str | None = None


class _FeatureNode(GraphObject, frozen=True):
    name: str | None = None
    is_enabled: bool | None = None


class _LocalVersion(GraphObject, frozen=True):
    out_of_date: bool | None = None
    latest_version_string: str | None = None
    version_on_this_instance_string: str | None = None


class _ServerInfo(GraphObject, frozen=True):
    features: list[_FeatureNode | None] | None = None
    latest_local_version_info: _LocalVersion | None = None


class _WhoAnswer(GraphObject, frozen=True):
    viewer: _ViewerNode | None = None
    server_info: _ServerInfo | None = None


class _EntityNode(GraphObject, frozen=True):
    name: str | None = None
    read_only: bool | None = None
    storage_bytes: int | None = None
    default_ttl: int | None = msgspec.field(name="artifactTTLDurationSeconds", default=None)


class _ProjectNode(GraphObject, frozen=True):
    name: str | None = None
    read_only: bool | None = None


class _WhereAnswer(GraphObject, frozen=True):
    entity: _EntityNode | None = None
    project: _ProjectNode | None = None


class WandbTrial:
    """The questions about one connection."""

    def __init__(
        self,
        sender: FittingSender,
        address: WandbAddress,
        options: WandbOptions,
        *,
        advice: str,
        read_only: bool,
    ) -> None:
        self._sender = sender
        self._address = address
        self._options = options
        self._advice = advice
        self._read_only = read_only

    async def sentences(self) -> tuple[str, ...]:
        """What was found.

        Raises:
            RegistryError: the server cannot be reached, does not know us, or has no such project.
        """
        return tuple([sentence async for sentence in self._sentences()])

    async def _sentences(self) -> AsyncIterator[str]:
        began = time.perf_counter()
        who = await self._ask(wandb_documents.WHO, {}, _WhoAnswer, _ASKING_WHO)
        took = (time.perf_counter() - began) * 1000
        yield f"{self._address.origin.text} answers in {took:.0f} ms."
        for sentence in _server_sentences(who.server_info):
            yield sentence
        yield self._viewer(who.viewer)
        async for sentence in self._where():
            yield sentence
        if self._options.admin:
            yield "The rights of an administrator are asked for with every request, as configured."
        yield self._access()
        if not wandb_settings.is_official(self._address.origin.host):
            yield COLLECTING
        if self._options.storage is not None:
            yield await _bucket_sentence(self._options.storage)
        for notice in self._options.notices:
            yield notice

    def _viewer(self, viewer: _ViewerNode | None) -> str:
        if viewer is None:
            raise RegistryError("W&B does not know whose credentials these are.", hint=self._advice)
        home = f", whose own entity is {viewer.entity}" if viewer.entity else ""
        place = f" The credentials come from {self._options.key_place}."
        return f"You are {viewer.username}{home}.{place if self._options.key_place else ''}"

    async def _where(self) -> AsyncIterator[str]:
        address = self._address
        variables = {"e": address.entity, "p": address.project or None}
        document = wandb_documents.PROJECT if address.project else wandb_documents.ENTITY
        found = await self._ask(document, variables, _WhereAnswer, _ASKING_WHERE)
        what = "project" if address.project else "entity"
        one = found.project if address.project else found.entity
        if one is None:
            raise RegistryError(
                f"W&B knows no {what} {address.where}, or does not show it to you.",
                hint="Check the address, and that the API key is of a member.",
            )
        yield f"The {what} {address.where} is there."
        if one.read_only:
            yield "You may only read it: W&B will refuse to delete anything."
        if found.entity is not None:
            yield _meter_sentence(found.entity)
        ttl = found.entity.default_ttl if found.entity is not None else None
        if ttl is not None and ttl > 0:
            yield f"Versions without a TTL of their own expire after {_shown_days(ttl)} here."

    def _access(self) -> str:
        if self._read_only:
            return "The connection is read-only: nothing can be changed."
        return (
            "The connection is armed: versions can be deleted. W&B cannot bring them back, and"
            " frees their bytes at its next garbage collection, up to a day later."
        )

    async def _ask(
        self, document: str, variables: Mapping[str, object], kind: type[wandb_model.T], what: str
    ) -> wandb_model.T:
        call = GraphCall(document, variables, writes=False, what=what)
        reply = await self._sender.ask(call)
        if reply.empty and reply.errors:
            raise refusal_error(reply, what)
        return wandb_model.read_answer(reply.data, kind, what)


def _server_sentences(server: _ServerInfo | None) -> Iterator[str]:
    """What the server tells about itself."""
    local = server.latest_local_version_info if server is not None else None
    if local is not None and local.version_on_this_instance_string:
        newest = local.latest_version_string
        newer = f" (the newest is {newest})" if local.out_of_date and newest else ""
        yield f"It is version {local.version_on_this_instance_string} of the W&B server{newer}."
    told = (server.features if server is not None else None) or []
    there = {one.name for one in told if one is not None and one.is_enabled}
    missing = [words for name, words in FEATURES.items() if name not in there]
    if len(missing) == len(FEATURES):
        yield "It is an older server, or does not tell its features: what it lacks is left out."
    elif missing:
        yield f"It lacks {', '.join(missing)}: what it lacks is left out."


async def _bucket_sentence(settings: StorageSettings) -> str:
    """Whether the bucket is as W&B's garbage collection needs it; it is only looked at."""
    from artifact_tui.clients.s3 import S3Storage  # noqa: PLC0415 - lazy

    storage = S3Storage(settings, read_only=True)
    try:
        kept = await storage.versioned()
    except RegistryError as error:
        return f"Whether its bucket {settings.bucket} keeps versions cannot be told: {error}"
    finally:
        await storage.aclose()
    if kept:
        return f"Its bucket {settings.bucket} keeps versions, as the garbage collection needs it."
    return (
        f"Its bucket {settings.bucket} keeps no versions: the garbage collection of W&B frees"
        " nothing until the bucket does."
    )


def _meter_sentence(owner: _EntityNode) -> str:
    """What the team's storage meter shows."""
    charged = wandb_model.checked_count(owner.storage_bytes)
    if charged is None:
        return f"What {owner.name} is charged for storage W&B does not tell."
    shown = f"{charged / 1e9:,.2f} GB" if charged > _TENTH_GB else f"{charged:,} bytes"
    return f"The storage meter of {owner.name} shows {shown} for all its projects; it lags."


def _shown_days(seconds: int) -> str:
    days = seconds / _DAY
    return f"{days:,.0f} days" if days > 1 else f"{seconds / 3600:,.0f} hours"
