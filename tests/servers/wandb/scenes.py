"""What a test says the server holds, and how it gets there.

Paths are `entity/project/collection`, with `:v3` for a version; whatever a path names is made.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from tests.servers.wandb import truth
from tests.servers.wandb.ids import encode
from tests.servers.wandb.store import FIRST_US, GONE, HOUR_US, INHERIT, Artifact, File

if TYPE_CHECKING:
    from tests.servers.wandb.store import Store


class Version(msgspec.Struct, kw_only=True):
    """One version of a sequence."""

    aliases: list[str] = []
    tags: list[str] = []
    size: int = 1_000
    stored: int | None = None
    """`storageBytes`; as `size` when not given."""
    files: dict[str, int] | None = None
    """Sizes by path; one file of the whole size when not given."""
    file_count: int | None = None
    state: str = "COMMITTED"
    ttl: int = INHERIT
    """Seconds; -1 inherited, -2 off."""
    created_us: int | None = None
    digest: str = ""
    description: str | None = None
    metadata: str | None = None
    generated: bool = False
    run: str = ""
    """The run that logged it: a name in its project, or a path."""
    user: str = ""
    """The user who uploaded it without a run."""
    used_by: list[str] = []
    """Runs that used it, likewise."""
    index: int | None = None


class Series(msgspec.Struct, kw_only=True):
    """A sequence and its versions, oldest first."""

    path: str
    type: str = "model"
    versions: list[Version] = []
    tags: list[str] = []
    description: str | None = None


class Shelf(msgspec.Struct, kw_only=True):
    """A portfolio, perhaps empty."""

    path: str
    type: str = "model"


class Link(msgspec.Struct, kw_only=True):
    """A version shown in a portfolio, which is made when there is none."""

    portfolio: str
    version: str
    aliases: list[str] = []
    index: int | None = None


class Name(msgspec.Struct, kw_only=True):
    """An alias that somebody gives, moves or takes, by the path of a version or link."""

    at: str
    alias: str
    off: bool = False


class Use(msgspec.Struct, kw_only=True):
    """A run (by path) uses a version."""

    run: str
    version: str


class Place(msgspec.Struct, kw_only=True):
    """A project or registry with something special about it."""

    path: str
    read_only: bool = False
    hidden: bool = False
    protected: list[str] = []


class Team(msgspec.Struct, kw_only=True):
    """An entity with something special about it."""

    name: str
    ttl: int = 0
    organization: str = ""


class Company(msgspec.Struct, kw_only=True):
    """An organisation; `entity` owns its registries."""

    name: str
    entity: str


class Fill(msgspec.Struct, kw_only=True):
    """Many collections with many versions, quickly, named `PREFIX-0000` and so on."""

    project: str = "acme/vision"
    collections: int = 1
    versions: int = 1
    prefix: str = "model"
    type: str = "model"
    aliased: bool = False
    """The newest version of each carries `latest`."""
    run: str = ""
    size: int = 1_000


class Scene(msgspec.Struct, kw_only=True):
    """All that a server holds; order matters only inside each list."""

    companies: list[Company] = []
    teams: list[Team] = []
    places: list[Place] = []
    series: list[Series] = []
    shelves: list[Shelf] = []
    links: list[Link] = []
    names: list[Name] = []
    uses: list[Use] = []
    runs: list[str] = []
    """Runs that neither logged nor used anything."""
    fills: list[Fill] = []


def put(store: Store, scene: Scene) -> dict[str, str]:
    """Add a scene; gives global ids by path (versions, collections, runs)."""
    _places(store, scene)
    for fill in scene.fills:
        _fill(store, fill)
    for series in scene.series:
        _series(store, series)
    for shelf in scene.shelves:
        store.collection(shelf.path, shelf.type, "portfolio")
    for link in scene.links:
        _link(store, link)
    for name in scene.names:
        _name(store, name)
    for use in scene.uses:
        store.use(store.run(use.run), store.member(use.version).artifact)
    for run in scene.runs:
        store.run(run)
    return truth.ids(store)


def _places(store: Store, scene: Scene) -> None:
    for company in scene.companies:
        store.organization(company.name, company.entity)
    for team in scene.teams:
        entity = store.entity(team.name)
        entity.ttl = team.ttl
        entity.org = store.organizations.get(team.organization, entity.org)
    for place in scene.places:
        project = store.project(place.path)
        project.read_only, project.hidden = place.read_only, place.hidden
        project.protected = frozenset(place.protected)


def _fill(store: Store, fill: Fill) -> None:
    for number in range(fill.collections):
        versions = [Version(size=fill.size + n, run=fill.run) for n in range(fill.versions)]
        if fill.aliased and versions:
            versions[-1].aliases = ["latest"]
        path = f"{fill.project}/{fill.prefix}-{number:04}"
        _series(store, Series(path=path, type=fill.type, versions=versions))


def _series(store: Store, series: Series) -> None:
    collection = store.collection(series.path, series.type, "sequence")
    collection.tags = list(series.tags)
    collection.description = series.description
    for version in series.versions:
        _version(store, series, version)


def _version(store: Store, series: Series, said: Version) -> None:
    collection = store.collection(series.path, series.type, "sequence")
    number = store.number()
    created = FIRST_US + number * HOUR_US if said.created_us is None else said.created_us
    made = Artifact(
        number,
        said.digest or hashlib.md5(f"{series.path} {number}".encode()).hexdigest(),  # noqa: S324
        collection,
        state=said.state,
        size=said.size,
        stored=said.size if said.stored is None else said.stored,
        created_us=created,
        updated_us=created,
        description=said.description,
        metadata=said.metadata,
        ttl=said.ttl,
        generated=said.generated or collection.type.system,
        tags={tag: store.number() for tag in said.tags},
    )
    files = {"data.bin": said.size} if said.files is None else said.files
    made.files = [
        File(store.number(), path, size, f"{number:x}{at:x}==")
        for at, (path, size) in enumerate(files.items())
    ]
    made.file_count = len(files) if said.file_count is None else said.file_count
    store.artifacts[number] = made
    membership = store.join(collection, made, said.index)
    if said.state not in GONE:
        for alias in said.aliases:
            store.name(membership, alias)
    _runs(store, made, said)


def _runs(store: Store, made: Artifact, said: Version) -> None:
    home = made.sequence.project.path
    if said.user:
        made.creator = {"id": encode("User", 8), "name": said.user, "username": said.user}
    if said.run:
        maker = store.run(said.run if "/" in said.run else f"{home}/{said.run}")
        maker.outputs.append(made)
        made.creator = maker
    for name in said.used_by:
        store.use(store.run(name if "/" in name else f"{home}/{name}"), made)


def _name(store: Store, name: Name) -> None:
    member = store.member(name.at)
    if name.off:
        store.unname(member, name.alias)
    else:
        store.name(member, name.alias)


def _link(store: Store, link: Link) -> None:
    artifact = store.member(link.version).artifact
    portfolio = store.collection(link.portfolio, artifact.sequence.type.name, "portfolio")
    membership = store.join(portfolio, artifact, link.index)
    for alias in link.aliases:
        store.name(membership, alias)
    if portfolio.project.is_registry:
        artifact.ttl = -2
