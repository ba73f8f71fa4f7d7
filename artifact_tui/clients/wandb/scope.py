"""Which projects an address stands for: one, or all of an entity with its registries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode
from artifact_tui.clients.wandb.decode import Connection, Named, Said
from artifact_tui.clients.wandb.documents import listing
from artifact_tui.clients.wandb.loader import refused
from artifact_tui.clients.wandb.nesting import REGISTRY
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from artifact_tui.clients.wandb.fields import Asking

PROJECTS = 200
"""Projects on a page."""

_WHAT = "listing projects"
_ORGANISATION = "finding the organisation"
_REGISTRIES = "listing registries"


@dataclass(frozen=True, slots=True)
class Place:
    """One project to list."""

    entity: str
    project: str
    alone: bool
    """It is all there is to list: its collections keep their short names."""

    def named(self, collection: str) -> str:
        """The name of a collection in it."""
        return collection if self.alone else f"{self.project}/{collection}"


class _Model(Said, frozen=True):
    name: str | None = None
    entity_name: str | None = None


class _Models(Said, frozen=True):
    models: Connection[_Model] | None = None


class _Owner(Said, frozen=True):
    projects: Connection[Named] | None = None


class _Owned(Said, frozen=True):
    entity: _Owner | None = None


class _Organization(Said, frozen=True):
    name: str | None = None
    org_entity: Named | None = None


class _User(Said, frozen=True):
    organizations: list[_Organization | None] | None = None


class _Member(Said, frozen=True):
    organization: _Organization | None = None
    user: _User | None = None


class _Members(Said, frozen=True):
    entity: _Member | None = None


class Scope:
    """The projects of one address."""

    def __init__(self, asking: Asking, entity: str, project: str, *, registries: bool) -> None:
        self._asking = asking
        self._entity = entity
        self._project = project
        self._registries = registries
        self.notice = ""
        """What could not be listed the last time, in a whole sentence."""

    def named(self, home: decode.Home | None, collection: str) -> str:
        """A collection as it is called here: in full where it is elsewhere."""
        entity = home.entity.name if home and home.entity else None
        project = home.name if home else None
        if entity == self._entity and project == self._project:
            return collection
        if entity == self._entity and not self._project:
            return f"{project}/{collection}"
        return "/".join(part for part in (entity, project, collection) if part)

    def listed(self, home: decode.Home | None, collection: str) -> str:
        """A collection as `places` names it: also in a registry of the organisation."""
        project = home.name if home else None
        if not self._project and project and project.startswith(REGISTRY):
            return f"{project}/{collection}"
        return self.named(home, collection)

    async def places(self) -> AsyncIterator[Place]:
        """The projects, each once.

        Raises:
            RegistryError: they cannot be listed, or there is no such entity.
        """
        self.notice = ""
        if self._project:
            yield Place(self._entity, self._project, alone=True)
            return
        seen = set()
        async for place in self._projects(self._entity):
            seen.add((place.entity, place.project))
            yield place
        for owner in await self._owners() if self._registries else ():
            async for place in self._shelves(owner):
                if (place.entity, place.project) not in seen:
                    seen.add((place.entity, place.project))
                    yield place

    async def _projects(self, entity: str) -> AsyncIterator[Place]:
        after: str | None = None
        while True:
            variables = {"e": entity, "a": after, "n": PROJECTS}
            reply = await self._asking.ask(_call(listing.PROJECTS, variables))
            found = decode.read(reply.data, _Models | None, _WHAT)  # type: ignore[arg-type]
            if reply.errors or found is None or found.models is None:
                if not reply.errors:
                    raise RegistryError(
                        f"W&B knows no entity {entity}, or does not show it to you.",
                        hint="Check the address, and that the API key is of a member.",
                    )
                raise refused(reply, _WHAT)
            for model in found.models.nodes:
                if model.name:
                    yield Place(model.entity_name or entity, model.name, alone=False)
            if found.models.after in {None, after}:
                return
            after = found.models.after

    async def _owners(self) -> list[str]:
        """The entities that own the registries of the entity's organisations."""
        reply = await self._asking.ask(_call(listing.REGISTRIES, {"e": self._entity}))
        if reply.errors:
            self._not_told(refused(reply, _ORGANISATION))
            return []
        found = decode.read(reply.data, _Members | None, _ORGANISATION)  # type: ignore[arg-type]
        member = found.entity if found is not None else None
        if member is None:
            return []
        many = (member.user.organizations if member.user else None) or []
        owners = [one.org_entity for one in (member.organization, *many) if one is not None]
        return list(dict.fromkeys(one.name for one in owners if one is not None and one.name))

    async def _shelves(self, owner: str) -> AsyncIterator[Place]:
        """The registries that an entity owns."""
        after: str | None = None
        while True:
            variables = {"e": owner, "a": after, "n": PROJECTS}
            reply = await self._asking.ask(_call(listing.HOMES, variables))
            if reply.errors:
                self._not_told(refused(reply, _REGISTRIES))
                return
            found = decode.read(reply.data, _Owned | None, _REGISTRIES)  # type: ignore[arg-type]
            page = found.entity.projects if found is not None and found.entity else None
            for project in page.nodes if page else ():
                if project.name and project.name.startswith(REGISTRY):
                    yield Place(owner, project.name, alone=False)
            if page is None or page.after in {None, after}:
                return
            after = page.after

    def _not_told(self, error: RegistryError) -> None:
        self.notice = f"The registries of the organisation are not listed. {error}"


def _call(document: str, variables: Mapping[str, object]) -> Call:
    return Call(document, variables, writes=False, what=_WHAT)
