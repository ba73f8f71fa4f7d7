"""The configured registries: add, test, switch to another, remove. No secret is shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content

from artifact_tui.clients.trial import trial
from artifact_tui.config import Config, load, resolve, same_registry
from artifact_tui.configwrite import add_registry, remove_registry, set_default
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.places import config_file
from artifact_tui.text import plural, safe
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.switching import switch
from artifact_tui.tui.widgets.ask import Ask
from artifact_tui.tui.widgets.facts_pane import FactsPane
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.registry_dialog import NewRegistry, RegistryDialog
from artifact_tui.tui.widgets.registry_rows import RegistryRow, registry_facts, registry_line
from artifact_tui.tui.widgets.row_list import RowList, Rows
from artifact_tui.tui.widgets.status import StatusLine
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.widget import Widget

    from artifact_tui.clients.trial import Trial
    from artifact_tui.config import Target
    from artifact_tui.tui.services import Services


_WRITING = "the configuration is being written"


class RegistriesScreen(BaseScreen):
    """The list of registries, and everything about the one under the cursor."""

    PLACE = "registries"
    TITLE_WORD = "Registries"
    BINDINGS = bindings_of("registries")

    DEFAULT_CSS = """
    RegistriesScreen #registry { height: 1fr; }
    RegistriesScreen #registry-rule { color: $text-muted; }
    """

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._config = services.config
        self._trials: dict[str, Trial] = {}
        self._testing: set[str] = set()

    def compose_body(self) -> Iterable[Widget]:
        """Registries above, the one under the cursor below."""
        yield RowList[RegistryRow](self._line, key=lambda row: row.target.name, id="registries")
        yield Line(id="registry-rule")
        yield FactsPane(id="registry")

    @property
    def rows(self) -> RowList[RegistryRow]:
        """The registries."""
        return self.query_one("#registries", RowList)

    def _line(self, row: RegistryRow, cells: int) -> Content:
        return registry_line(row, cells, self.services.signs)

    # reading

    def on_mount(self) -> None:
        """Read the configuration: somebody may have edited it meanwhile."""
        self.rows.focus()
        self.read_first("the configuration is being read")
        start(self, "read", self._read, self.services.target.name, latest=True)

    async def _read(self, cursor: str) -> None:
        try:
            self._config = await asyncio.to_thread(load)
        except ArtifactTuiError as error:
            self.fail(error)
        await self._show(cursor)
        self.read_done()

    async def _show(self, cursor: str = "") -> None:
        found = self._found()
        names = [row.target.name for row in found]
        self.rows.styles.height = max(min(len(found), self.size.height // 2), 1)
        at = names.index(cursor) if cursor in names else None
        await self.rows.show(Rows(found), cursor=at)
        words = plural(len(self._config.registries), "configured registry", "configured registries")
        where = f"{words} {self.services.signs.dot} {safe(str(config_file()))} "
        self.query_one(StatusLine).facts(Content(""), Content(where), Content(f"{words} "))
        self.show_keys()

    def _found(self) -> list[RegistryRow]:
        """The configured registries; before them the one on the screen, when it is not."""
        here = self.services.target
        found = [
            self._row(resolve(self._config, name), default=name == self._config.default)
            for name in self._config.registries
        ]
        if any(row.here for row in found):
            return found
        trial_of = self._trials.get(here.name)
        return [RegistryRow(here, configured=False, here=True, trial=trial_of), *found]

    def _row(self, target: Target, *, default: bool) -> RegistryRow:
        here = self.services.target
        return RegistryRow(
            target,
            here=target.name == here.name and same_registry(target.address, here.address),
            default=default,
            testing=target.name in self._testing,
            trial=self._trials.get(target.name),
        )

    @on(RowList.Moved, "#registries")
    def _moved(self) -> None:
        self.query_one("#registry-rule", Line).show(
            Content(self.services.signs.line * self.size.width)
        )
        row = self.rows.current
        pane = self.query_one("#registry", FactsPane)
        pane.show(registry_facts(row, self.services.signs) if row else Content(""))
        self.show_keys()

    # acting

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing for the registry under the cursor."""
        row = self.rows.current if self.is_mounted else None
        if row is None:
            return ""
        if row_id in {"registries.remove", "registries.default"} and not row.configured:
            return "this registry is not in the configuration"
        if row_id == "registries.remove" and row.here:
            return "this registry is on the screen: switch to another first"
        if row_id == "registries.switch" and row.here:
            return "this registry is on the screen already"
        return ""

    def action_back(self) -> None:
        """Back to the list."""
        self.dismiss()

    def action_switch(self) -> None:
        """Open another registry instead of this one."""
        row = self.rows.current
        if row is None or self.refused("registries.switch"):
            return
        self.say(f"Opening {row.target.name}")
        words = f"{safe(row.target.name)} is being opened"
        self.carry_out(words, switch(self.host, row.target), everywhere=True, stops=True)

    def action_test(self) -> None:
        """Ask the registry under the cursor how it is."""
        row = self.rows.current
        if row is not None:
            self._test([row.target])

    def action_test_all(self) -> None:
        """Ask all of them."""
        self._test([row.target for row in self._found()])

    def _test(self, targets: Iterable[Target]) -> None:
        for target in targets:
            if target.name not in self._testing:
                self._testing.add(target.name)
                start(self, "test", self._test_now, target)

    async def _test_now(self, target: Target) -> None:
        await self._show()
        try:
            self._trials[target.name] = await trial(target)
        finally:
            self._testing.discard(target.name)
        await self._show()

    def action_add(self) -> None:
        """Ask for a new registry."""
        self.open_dialog(RegistryDialog(self._config.registries), self._add)

    def _add(self, new: NewRegistry | None) -> None:
        if new is None:
            return
        write = partial(
            add_registry,
            new.name,
            new.address,
            production=new.production,
            read_only=True if new.read_only else None,
            settings=new.settings,
        )
        self.carry_out(_WRITING, self._write(write, f"{new.name} was added: t tests it.", new.name))

    def action_default(self) -> None:
        """Use this registry where none is named."""
        row = self.rows.current
        if row is not None and not self.refused("registries.default"):
            name = row.target.name
            write = partial(set_default, name)
            said = f"{name} is the default registry."
            self.carry_out(_WRITING, self._write(write, said, name))

    def action_remove(self) -> None:
        """Ask, then take it out of the configuration."""
        row = self.rows.current
        if row is None or self.refused("registries.remove"):
            return
        name = row.target.name
        question = (
            f"Take {safe(name)} out of the configuration? The registry itself is not touched, and "
            "can be added again."
        )
        ask = Ask("Remove a registry", question, yes="removes it")
        self.open_dialog(ask, lambda yes: self._remove(name, yes=bool(yes)))

    def _remove(self, name: str, *, yes: bool) -> None:
        if yes:
            self._trials.pop(name, None)
            write = partial(remove_registry, name)
            self.carry_out(_WRITING, self._write(write, f"{name} was removed.", ""))

    async def _write(self, write: Callable[[], Config], said: str, cursor: str) -> None:
        """Change the file, and show what is in it then."""
        config = await asyncio.to_thread(write)
        self._config = config
        self.services.config = replace(self.services.config, registries=config.registries)
        await self._show(cursor)
        self.say(said)
