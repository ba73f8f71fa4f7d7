"""Trying a W&B registry out: what is at its address, in whole sentences."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import wandb_login, wandb_model
from artifact_tui.clients.wandb.wandb_graphql import refusal_error
from artifact_tui.clients.wandb.wandb_model import GraphObject
from artifact_tui.clients.wandb.wandb_replies import GraphCall
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifact_tui.clients.s3_layout import StorageSettings
    from artifact_tui.clients.wandb.wandb_address import WandbAddress
    from artifact_tui.clients.wandb.wandb_graphql import Graph
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

WHO = (
    "query{viewer{username <User.entity|entity>}"
    " <Query.serverInfo|serverInfo{__typename <ServerInfo.features|features{name isEnabled}>"
    " <ServerInfo.latestLocalVersionInfo|latestLocalVersionInfo{outOfDate latestVersionString"
    " versionOnThisInstanceString}>}>}"
)
"""Never `apiKeys`: servers gate them, and nobody needs them here."""

_ENTITY = (
    "name <Entity.readOnly|readOnly> <Entity.storageBytes|storageBytes>"
    " <Entity.artifactTTLDurationSeconds|artifactTTLDurationSeconds>"
)
ENTITY = f"query($e:String){{entity(name:$e){{{_ENTITY}}}}}"
PROJECT = (
    "query($e:String,$p:String){project(entityName:$e,name:$p)"
    f"{{name <Project.readOnly|readOnly>}} entity(name:$e){{{_ENTITY}}}}}"
)


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


class _WhereAnswer(GraphObject, frozen=True):
    entity: _EntityNode | None = None
    project: _EntityNode | None = None


async def own_entity(graph: Graph) -> str:
    """The entity that belongs to whoever asks; empty when the server tells of none.

    Raises:
        RegistryError: the server cannot be reached, or does not know us.
    """
    who = await _ask(graph, WHO, {}, _WhoAnswer, "asking who we are")
    return (who.viewer and who.viewer.entity) or ""


async def trial_sentences(
    graph: Graph, address: WandbAddress, options: WandbOptions, *, advice: str, read_only: bool
) -> tuple[str, ...]:
    """What `registries test` says of a connection to W&B, in whole sentences.

    Raises:
        RegistryError: the server cannot be reached, does not know us, or has no such project.
    """
    began = time.perf_counter()
    who = await _ask(graph, WHO, {}, _WhoAnswer, "asking who we are")
    took = (time.perf_counter() - began) * 1000
    found = [f"{address.origin.text} answers in {took:.0f} ms."]
    found += _server_sentences(who.server_info)
    if who.viewer is None:
        raise RegistryError("W&B does not know whose credentials these are.", hint=advice)
    home = f", whose own entity is {who.viewer.entity}" if who.viewer.entity else ""
    place = f" The credentials come from {options.key_place}." if options.key_place else ""
    found.append(f"You are {who.viewer.username}{home}.{place}")
    found += await _where(graph, address)
    if options.admin:
        found.append(
            "The rights of an administrator are asked for with every request, as configured."
        )
    found.append(
        "The connection is read-only: nothing can be changed."
        if read_only
        else "The connection is armed: versions can be deleted. W&B cannot bring them back, and"
        " frees their bytes at its next garbage collection, up to a day later."
    )
    if not wandb_login.is_official(address.origin.host):
        found.append(COLLECTING)
    if options.storage is not None:
        found.append(await _bucket_sentence(options.storage))
    return (*found, *options.notices)


async def _where(graph: Graph, address: WandbAddress) -> list[str]:
    """Sentences about the project or entity at the address."""
    variables = {"e": address.entity, "p": address.project or None}
    document = PROJECT if address.project else ENTITY
    answer = await _ask(graph, document, variables, _WhereAnswer, "looking for the address")
    what = "project" if address.project else "entity"
    one = answer.project if address.project else answer.entity
    if one is None:
        raise RegistryError(
            f"W&B knows no {what} {address.where}, or does not show it to you.",
            hint="Check the address, and that the API key is of a member.",
        )
    found = [f"The {what} {address.where} is there."]
    if one.read_only:
        found.append("You may only read it: W&B will refuse to delete anything.")
    if (owner := answer.entity) is not None:
        charged = wandb_model.checked_count(owner.storage_bytes)
        if charged is None:
            found.append(f"What {owner.name} is charged for storage W&B does not tell.")
        else:
            shown = f"{charged / 1e9:,.2f} GB" if charged > _TENTH_GB else f"{charged:,} bytes"
            meter = f"The storage meter of {owner.name} shows {shown} for all its projects"
            found.append(f"{meter}; it lags.")
        if owner.default_ttl is not None and owner.default_ttl > 0:
            days = owner.default_ttl / _DAY
            life = f"{days:,.0f} days" if days > 1 else f"{days * 24:,.0f} hours"
            found.append(f"Versions without a TTL of their own expire after {life} here.")
    return found


async def _ask(
    graph: Graph,
    document: str,
    variables: Mapping[str, object],
    kind: type[wandb_model.T],
    what: str,
) -> wandb_model.T:
    """The server's answer to a GraphQL document; a part that it does not tell is left out."""
    reply = await graph.send(GraphCall(document, variables, writes=False, what=what))
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
