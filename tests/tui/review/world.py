"""A small registry on the screen, and a second pair of hands that changes it behind its back."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from textual.message import Message

from artifact_tui import config
from artifact_tui.config import Config, Target
from artifact_tui.deletion.tasks import list_tasks
from artifact_tui.model import NewVersion
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from artifact_tui.tui.widgets.dialogs import Ask
from tests.support.sync_store import SyncStore
from tests.tui.support import WIDE, User, at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from artifact_tui.deletion.tasks import Task

NOW = 1_795_000_000_000_000
"""2026-11-18 11:06:40 UTC."""
DAY = 86_400_000_000


class World:
    """A registry in a folder. Its methods act as another process would."""

    def __init__(self, folder: Path) -> None:
        self.store = SyncStore.create(folder / "registry", clock=lambda: NOW)
        self.store.actor = "ines"
        self.address = f"local:{self.store.layout.root}"

    def add(
        self,
        collection: str,
        *,
        aliases: Sequence[str] = (),
        protected: Sequence[str] = (),
        parents: Sequence[str] = (),
        size: int = 1000,
        kind: str = "model",
    ) -> str:
        """A version with a file that no other has; gives its key."""
        (added,) = self._add([self._new(collection, aliases, protected, parents, kind)], size)
        self.store.unalias(added, "latest")
        return added

    def add_all(self, collection: str, count: int) -> list[str]:
        """Many small versions at once, the last of them with the alias `latest`."""
        return self._add([self._new(collection, offset=offset) for offset in range(count)], 20)

    def _new(
        self,
        collection: str,
        aliases: Sequence[str] = (),
        protected: Sequence[str] = (),
        parents: Sequence[str] = (),
        kind: str = "model",
        *,
        offset: int = 0,
    ) -> NewVersion:
        age = len(self.keys()) + offset
        return NewVersion(
            name=collection,
            type=kind,
            aliases=tuple(aliases),
            protected=tuple(protected),
            parents=tuple(parents),
            created_us=NOW - (100 - age) * DAY,
            key=f"{age:032x}",
        )

    def _add(self, many: Sequence[NewVersion], size: int) -> list[str]:
        """Each with a file that no other has."""
        files = [{"weights.bin": f"{new.key} ".encode().ljust(size, b".")} for new in many]
        return self.store.add_many(list(zip(many, files, strict=True)), durable=False)

    def keys(self) -> list[str]:
        """Every version that is not purged."""
        with self.store.reading() as conn:
            return [row[0] for row in conn.execute("SELECT key FROM version ORDER BY id")]

    def live(self) -> set[str]:
        """`COLLECTION:LABEL` of every version that is not in the trash."""
        sql = """SELECT c.name || ':' || v.label FROM version v
            JOIN collection c ON c.id = v.collection_id WHERE v.state <> 'trash'"""
        with self.store.reading() as conn:
            return {row[0] for row in conn.execute(sql)}

    @asynccontextmanager
    async def opened(
        self,
        size: tuple[int, int] = WIDE,
        *,
        read_only: bool = False,
        production: bool = False,
        config: Config | None = None,
    ) -> AsyncIterator[User]:
        """The screen on it, with somebody at the keyboard."""
        target = Target(
            name="vision", address=self.address, read_only=read_only, production=production
        )
        services = await open_services(target, config or Config())
        services.now = lambda: NOW
        try:
            async with at(ArtifactApp(config or Config(), services), size) as user:
                yield user
        finally:
            await services.aclose()


def plans() -> list[Path]:
    """Every plan file that the screen made."""
    return sorted(config.plans_dir().glob("*.plan"))


def only_task() -> Task:
    """The one task there is."""
    (task,) = list_tasks()
    return task


async def box_opens(user: User) -> None:
    """Wait until the confirmation can be typed, and the whole screen says so."""
    await user.sees("tab to type here", " tab confirm")


async def types_it(user: User, text: str) -> None:
    """Wait for the box, go there, and type."""
    await box_opens(user)
    await user.presses("tab")
    await user.types(text)


async def says_yes(user: User, question: str) -> None:
    """Answer a question with one `y`, once it hears that: the next screen would take a second."""
    await user.until(lambda: question in user.screen and _hears(user), f"“{question}” to hear")
    user.app.simulate_key("y")
    await user.sees_no(question)


def _hears(user: User) -> bool:
    return any(Message().time >= ask._open_from for ask in user.app.screen.query(Ask))
