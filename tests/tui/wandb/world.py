"""A W&B project on the screen, and what everybody else sees of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.catalog.version_names import find_version
from artifact_tui.config import Config, Target
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from tests.servers.wandb.scenes import Company, Link, Scene, Series, Shelf, Team, Version
from tests.tui.support import WIDE, User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers.wandb.process import Server

NOW = 1_795_000_000_000_000
"""2026-11-18 11:06:40 UTC."""
DAY = 86_400_000_000
MODELS = "acme/vision/mnist"
REGISTRY = "acme-org/wandb-registry-model/prod"


def ago(days: float) -> int:
    """So many days before the moment at which these tests stop the clock."""
    return NOW - round(days * DAY)


def project() -> Scene:
    """Versions with and without aliases, links here and in a registry, lineage, a sweep, a job."""
    digits = [Version(created_us=ago(90), size=48_000_000, used_by=["train"])]
    mnist = [
        Version(created_us=ago(80), size=31_000_000, stored=31_000_000, run="train"),
        Version(created_us=ago(60), size=31_000_000, stored=4_000_000, ttl=30 * 86_400),
        Version(created_us=ago(40), size=31_000_000, stored=4_000_000, used_by=["distill"]),
        Version(created_us=ago(20), size=31_000_000, stored=4_000_000, ttl=30 * 86_400),
        Version(created_us=ago(2), size=31_000_000, stored=4_000_000, aliases=["latest"]),
    ]
    sweep = [Version(created_us=ago(30 - n), size=5_000_000, run="sweep") for n in range(12)]
    return Scene(
        companies=[Company(name="Acme", entity="acme-org")],
        teams=[Team(name="acme", organization="Acme")],
        series=[
            Series(path="acme/vision/digits", type="dataset", versions=digits),
            Series(path=MODELS, versions=mnist),
            Series(
                path="acme/vision/small",
                versions=[Version(created_us=ago(39), size=9_000_000, run="distill")],
            ),
            Series(path="acme/vision/sweep", versions=sweep),
            Series(
                path="acme/vision/job-train",
                type="job",
                versions=[Version(created_us=ago(80), size=2_000)],
            ),
        ],
        shelves=[Shelf(path="acme/vision/candidates")],
        links=[
            Link(portfolio="acme/vision/candidates", version=f"{MODELS}:v3", aliases=["staging"]),
            Link(portfolio="acme/vision/candidates", version=f"{MODELS}:v1"),
            Link(portfolio=REGISTRY, version=f"{MODELS}:v2", aliases=["production"]),
        ],
    )


class Project:
    """One project at the stand-in."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @asynccontextmanager
    async def opened(
        self,
        size: tuple[int, int] = WIDE,
        *,
        where: str = "acme/vision",
        read_only: bool = False,
        production: bool = False,
        config: Config | None = None,
        frozen: bool = True,
    ) -> AsyncIterator[User]:
        """The screen on it, synced, with somebody at the keyboard."""
        target = Target(
            name="vision",
            address=self.server.address(where),
            read_only=read_only,
            production=production,
        )
        services = await open_services(target, config or Config())
        if frozen:
            services.now = lambda: NOW
        app = ArtifactApp(config or Config(), services)
        try:
            async with at(app, size) as user:
                await user.sees("synced just now")
                yield user
        finally:
            await app.services.aclose()  # those of the registry that it was left on


def fixed_milliseconds(user: User) -> None:
    """The time that the server took is no part of a picture."""
    link = user.app.services.link
    assert link is not None
    link.state = replace(link.state, milliseconds=38)
    link._tell(rows=False)


async def goes_to(user: User, name: str) -> None:
    """Put the cursor on a version, `COLLECTION:LABEL`, as listed."""
    row = await user.app.services.catalog.run(lambda conn: find_version(conn, name))
    user.app.screen.reveal(row)  # type: ignore[attr-defined]
    await user.until(lambda: _on(user, row.key), f"the cursor to be on {name}")


def _on(user: User, key: str) -> bool:
    here = user.app.screen.tree_list.current  # type: ignore[attr-defined]
    return here is not None and here.key == key
