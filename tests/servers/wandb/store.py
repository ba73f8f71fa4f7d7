"""What the stand-in holds: entities, projects, collections, versions, links, runs.

Everything happens on one event loop; the store needs no lock of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from tests.servers.wandb.ids import encode

REGISTRY = "wandb-registry-"
FIRST_US = 1_767_225_600_000_000  # 2026-01-01
HOUR_US = 3_600_000_000
GONE = frozenset({"DELETED", "GARBAGE_COLLECTED", "PENDING_DELETION"})
OFF = -2
INHERIT = -1


@dataclass(eq=False, slots=True)
class Entity:
    """A team, a user, or the entity that owns an organisation's registries."""

    id: int
    name: str
    ttl: int = 0
    """Default time to live of its artifacts in seconds; 0: none."""
    org: Organization | None = None
    projects: dict[str, Project] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Organization:
    """An organisation; its registries belong to its entity."""

    id: int
    name: str
    entity: Entity


@dataclass(eq=False, slots=True)
class Project:
    """A project, or a registry."""

    id: int
    name: str
    entity: Entity
    created_us: int = FIRST_US
    read_only: bool = False
    hidden: bool = False
    """The caller may not see it."""
    protected: frozenset[str] = frozenset()
    """Aliases that forbid, while a link here carries one."""
    types: dict[str, Type] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.entity.name}/{self.name}"

    @property
    def is_registry(self) -> bool:
        return self.name.startswith(REGISTRY)


@dataclass(eq=False, slots=True)
class Type:
    """An artifact type of a project."""

    id: int
    name: str
    project: Project
    created_us: int = FIRST_US

    @property
    def system(self) -> bool:
        """Whether W&B keeps artifacts of this type to itself."""
        return self.name == "job" or fnmatchcase(self.name, "wandb-*")

    @property
    def automatic(self) -> bool:
        """Whether a time to live may not be set."""
        return self.system or self.name in {"code", "run_table"}


@dataclass(eq=False, slots=True)
class Collection:
    """A sequence (versions logged by runs) or a portfolio (links)."""

    id: int
    name: str
    kind: Literal["sequence", "portfolio"]
    type: Type
    project: Project
    created_us: int = FIRST_US
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    state: Literal["READY", "DELETED"] = "READY"
    members: dict[int, Membership] = field(default_factory=dict)
    """By version index."""
    aliases: dict[str, Alias] = field(default_factory=dict)
    next_index: int = 0

    @property
    def path(self) -> str:
        return f"{self.project.path}/{self.name}"

    def find(self, alias: str) -> Membership | None:
        """The member with this alias or label (`v3`)."""
        if alias in self.aliases:
            return self.aliases[alias].membership
        index = re.fullmatch(r"v(\d+)", alias)
        return self.members.get(int(index[1])) if index else None


@dataclass(eq=False, slots=True)
class Membership:
    """A version as one collection shows it."""

    id: int
    collection: Collection
    artifact: Artifact
    index: int
    created_us: int = FIRST_US
    aliases: dict[str, Alias] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Alias:
    """A movable name; `id` is a row number."""

    id: int
    name: str
    membership: Membership


@dataclass(eq=False, slots=True)
class File:
    """One file of a version."""

    id: int
    name: str
    size: int
    digest: str


@dataclass(eq=False, slots=True)
class Artifact:
    """One version; `memberships[0]` is the one in its sequence."""

    id: int
    digest: str
    sequence: Collection
    state: str = "COMMITTED"
    size: int = 0
    stored: int = 0
    files: list[File] = field(default_factory=list)
    file_count: int = 0
    created_us: int = FIRST_US
    updated_us: int = FIRST_US
    description: str | None = None
    metadata: str | None = None
    ttl: int = INHERIT
    generated: bool = False
    tags: dict[str, int] = field(default_factory=dict)
    """Names, each with its row number."""
    memberships: list[Membership] = field(default_factory=list)
    creator: Run | dict[str, str] | None = None
    """A run, a user (as the schema shows one), or nobody any more."""
    users: list[Run] = field(default_factory=list)

    @property
    def gid(self) -> str:
        return encode("Artifact", self.id)

    @property
    def lives_s(self) -> int:
        """Its time to live, own or inherited; below 1: for ever."""
        return self.sequence.project.entity.ttl or INHERIT if self.ttl == INHERIT else self.ttl

    def expires(self, now_us: int) -> bool:
        """Whether it is there, and has outlived its time to live."""
        end_us = self.created_us + self.lives_s * 1_000_000
        return self.state == "COMMITTED" and self.lives_s > 0 and end_us <= now_us

    @property
    def index(self) -> int:
        return self.memberships[0].index

    @property
    def path(self) -> str:
        return f"{self.sequence.path}:v{self.index}"


@dataclass(eq=False, slots=True)
class Run:
    """A run with what it logged and what it used."""

    id: int
    name: str
    project: Project
    display_name: str = ""
    created_us: int = FIRST_US
    outputs: list[Artifact] = field(default_factory=list)
    inputs: list[Artifact] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{self.project.path}/{self.name}"


class Store:
    """All of it, with the numbers that ids are made of."""

    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}
        self.organizations: dict[str, Organization] = {}
        self.artifacts: dict[int, Artifact] = {}
        self.collections: dict[int, Collection] = {}
        self.runs: dict[int, Run] = {}
        self._number = 1000

    def number(self) -> int:
        """A number that was never used before."""
        self._number += 1
        return self._number

    def entity(self, name: str) -> Entity:
        """The entity of a name, made when there is none; so for the others."""
        if name not in self.entities:
            self.entities[name] = Entity(self.number(), name)
        return self.entities[name]

    def organization(self, name: str, entity: str) -> Organization:
        if name not in self.organizations:
            owner = self.entity(entity)
            self.organizations[name] = Organization(self.number(), name, owner)
            owner.org = self.organizations[name]
        return self.organizations[name]

    def project(self, path: str) -> Project:
        entity, _, name = path.partition("/")
        projects = self.entity(entity).projects
        if name not in projects:
            projects[name] = Project(self.number(), name, self.entity(entity))
        return projects[name]

    def type(self, project: Project, name: str) -> Type:
        if name not in project.types:
            project.types[name] = Type(self.number(), name, project)
        return project.types[name]

    def collection(
        self, path: str, type_name: str, kind: Literal["sequence", "portfolio"]
    ) -> Collection:
        project = self.project(path.rpartition("/")[0])
        name = path.rpartition("/")[2]
        if name not in project.collections:
            made = Collection(self.number(), name, kind, self.type(project, type_name), project)
            project.collections[name] = self.collections[made.id] = made
        return project.collections[name]

    def run(self, path: str) -> Run:
        project = self.project(path.rpartition("/")[0])
        name = path.rpartition("/")[2]
        if name not in project.runs:
            made = Run(self.number(), name, project, name)
            project.runs[name] = self.runs[made.id] = made
        return project.runs[name]

    def join(self, collection: Collection, artifact: Artifact, index: int | None) -> Membership:
        """Show a version in a collection."""
        at = collection.next_index if index is None else index
        collection.next_index = max(collection.next_index, at + 1)
        made = Membership(self.number(), collection, artifact, at, artifact.created_us)
        collection.members[at] = made
        artifact.memberships.append(made)
        return made

    def name(self, membership: Membership, alias: str) -> None:
        """Give an alias, taking it from whoever holds it in this collection."""
        held = membership.collection.aliases.get(alias)
        if held is not None:
            del held.membership.aliases[alias]
        made = Alias(self.number(), alias, membership)
        membership.aliases[alias] = membership.collection.aliases[alias] = made

    @staticmethod
    def unname(membership: Membership, alias: str) -> None:
        """Take an alias away, when it is there."""
        if membership.aliases.pop(alias, None):
            del membership.collection.aliases[alias]

    def leave(self, membership: Membership) -> None:
        """Take a version out of a collection."""
        for alias in list(membership.aliases):
            self.unname(membership, alias)
        membership.collection.members.pop(membership.index, None)
        membership.artifact.memberships.remove(membership)

    @staticmethod
    def use(run: Run, artifact: Artifact) -> None:
        """A run uses a version."""
        run.inputs.append(artifact)
        artifact.users.append(run)

    def member(self, path: str) -> Membership:
        """The version or link at `entity/project/collection:label or alias`; KeyError when none."""
        where, _, alias = path.partition(":")
        project, _, name = where.rpartition("/")
        found = self.project(project).collections[name].find(alias)
        if found is None:
            raise KeyError(path)
        return found
