"""Asking under which name a version is kept in one's own registry, and keeping it there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.config import LOCAL, resolve
from artifact_tui.edits.keeping import (
    bytes_words,
    keep,
    keepsake,
    kept_row,
    own_registry,
    why_not_kept,
)
from artifact_tui.text import safe, size, version_name
from artifact_tui.tui.typed_keys import MOVES_AND_LEAVING
from artifact_tui.tui.widgets.forms import Field, Form

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.tui.widgets.base_screen import RegistryScreen


SAID_EVERY_S = 1.0
"""Time between two sentences about how far it is."""


@dataclass(frozen=True, slots=True)
class KeptName:
    """What a version is to be called in one's own registry."""

    name: str
    type: str


_BYTES = (
    "\nIt stays there when this store is cleaned. Every byte is read and checked; none is copied "
    "where the file system can share it. What is linked is freed when it is gone from both."
)


class KeepRequest:
    """Asks on a screen how a version is to be kept, keeps it, and says how that ended."""

    def __init__(self, screen: RegistryScreen) -> None:
        self._screen = screen
        self._services = screen.services

    def why_not(self) -> str:
        """Why nothing can be kept from this registry, or now; empty when it can."""
        read_only = "this session is read-only" if self._services.target.locked else ""
        return why_not_kept(self._services.client) or read_only

    def ask(self, row: VersionRow) -> None:
        """Ask for the name and the type of a version."""
        if why := why_not_kept(self._services.client, row):
            self._screen.say(f"{row.collection}:{row.label} cannot be kept: {why}.")
            return

        def go(asked: KeptName | None) -> None:
            if asked is not None:
                self._screen.say("Reading it" + self._services.signs.ellipsis)
                work = self._keep(row, asked)
                self._screen.carry_out(
                    "a version is being kept", work, lets=MOVES_AND_LEAVING, stops=True
                )

        fields = [Field("name", "name", row.collection), Field("type", "type", row.type)]
        self._screen.open_dialog(
            Form(
                "Keep in your own registry",
                fields,
                _read_name,
                about=f"{version_name(row)}, {size(row.size)}",
                consequences=_BYTES,
                keys="enter keeps it   {next} next field   {cancel} leaves",
            ),
            go,
        )

    async def _keep(self, row: VersionRow, asked: KeptName) -> None:
        services = self._services
        found = await services.catalog.run(lambda conn: keepsake(conn, services.client, row))
        new = replace(found.new, name=asked.name, type=asked.type)
        target = resolve(self._screen.app.config, LOCAL)
        async with own_registry(target, write=True) as own:
            kept = await keep(
                replace(found, new=new), row.key, services.client, own, progress=self._progress()
            )
            now = await asyncio.to_thread(kept_row, own, kept)
        if services.link is not None and self._screen.is_attached:
            services.link.sync()  # what is linked is not freed there any more
        here, there = version_name(row), f"{version_name(now)} of {safe(target.name)}"
        self._screen.app.tell([f"{here} is kept as {there}: {bytes_words(kept)}."])

    def _progress(self) -> Callable[[int, int], None]:
        """Says how far it is, from whatever thread, but seldom."""
        loop, said = asyncio.get_running_loop(), time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said >= SAID_EVERY_S:
                said = time.monotonic()
                words = f"Reading it: {size(done)} of {size(total)}"
                loop.call_soon_threadsafe(self._screen.say, words)

        return tell


def _read_name(form: Form[KeptName]) -> KeptName | None:
    name, kind = form.text("name"), form.text("type")
    return KeptName(name, kind) if name and kind else None
