"""Home: every store of this machine and of its accounts, largest first, and its disks.

Rows are there at once and figures come in: what hangs says so, and nothing waits for it. A store is
opened from here, or tested, and the registries of the configuration are kept here. No secret is
shown.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content

from artifact_tui.clients import claimed
from artifact_tui.clients.trial import trial
from artifact_tui.config import config_file, load, resolve
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.stores import (
    NOTHING_YET,
    Store,
    disks_of,
    each_once,
    find_stores,
    measure,
    worth_a_row,
)
from artifact_tui.text import plural, safe, size
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.base_screen import BaseScreen, HeaderFacts
from artifact_tui.tui.widgets.dialogs import Ask
from artifact_tui.tui.widgets.line_widgets import FactsPane, Line
from artifact_tui.tui.widgets.row_list import RowList
from artifact_tui.tui.widgets.store_lines import (
    StoreRow,
    disk_line,
    store_facts,
    store_line,
    store_titles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.widget import Widget

    from artifact_tui.clients.trial import Trial
    from artifact_tui.config import Config
    from artifact_tui.stores import Measured
    from artifact_tui.tui.widgets.registry_form import NewRegistry

    Key = tuple[str, str]
    """What names a row: the name and the address of its store."""

_FACTS = 6
"""Lines that are kept for what is known of the store under the cursor."""
_AROUND = 5
"""Lines of header, titles, rule, message and keys."""


class HomeScreen(BaseScreen):
    """The disks, the list of stores, and everything about the one under the cursor."""

    PLACE = "home"
    TITLE_WORD = "Home"
    BINDINGS = bindings_of("home")

    DEFAULT_CSS = """
    HomeScreen #disks { height: 1; }
    HomeScreen #store-titles { padding: 0; }
    HomeScreen #store { height: 1fr; }
    HomeScreen #store-rule { color: $text-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows = RowList[StoreRow](self._line, key=lambda row: row.key, id="stores")
        self._disks = FactsPane(id="disks")
        self._titles = Line(id="store-titles")
        self._rule = Line(id="store-rule")
        self._facts = FactsPane(id="store")
        self._stores: list[Store] = []
        self._in_other_accounts: list[Store] = []
        """Those that were found in other accounts."""
        self._measured: dict[Key, Measured] = {}
        self._measuring: set[Key] = set()
        self._trials: dict[Key, Trial] = {}
        self._testing: set[Key] = set()

    def compose_body(self) -> Iterable[Widget]:
        """Disks above, the stores, the one under the cursor below."""
        yield self._disks
        yield self._titles
        yield self.rows
        yield self._rule
        yield self._facts

    # reading

    def on_mount(self) -> None:
        """Find the stores, with the cursor on the one that is open."""
        self._rule.show(lambda cells: Content(self.app.signs.line * cells))
        self.rows.focus()
        self.read_first("the stores are being found")
        start(self, "find", self._begin)

    def on_screen_resume(self) -> None:
        """Something may have been deleted in the store that one comes from: measure it again."""
        if here := [one for one in self._stores if self._row(one).here]:
            start(self, "measure", self._measure, here)

    async def _begin(self) -> None:
        here = self.app.registry
        await self._find("" if here is None else here.target.name)
        self.read_done()
        await self._measure(self._stores, others=True)

    async def _find(self, cursor: str = "") -> None:
        """Read the configuration, which somebody may have edited, and find every store."""
        try:
            self._keep(await asyncio.to_thread(load))
        except ArtifactTuiError as error:
            self.fail(error)
        found = await asyncio.to_thread(find_stores, self.app.config, dict(os.environ))
        addresses = {one.target.address for one in found}
        found += [one for one in self._in_other_accounts if one.target.address not in addresses]
        here = self.app.registry
        if here is not None and not any(self.app.is_open(one.target) for one in found):
            target = replace(here.target, typed=here.target.typed or here.target.address)
            found.insert(0, Store(target, "open now"))
        self._stores = found
        await self._show(cursor)

    def _keep(self, config: Config) -> None:
        """The registries of the file are those of the session from now on."""
        now = self.app.config
        self.app.config = replace(now, registries=config.registries, default=config.default)

    async def _measure(self, stores: Sequence[Store], *, others: bool = False) -> None:
        """Take figures in as they come; those that are known stay until there are others.

        With `others` what is in other accounts of the machine is looked for, too.
        """
        stores = [one for one in stores if _key(one) not in self._measuring]
        asked = {_key(one) for one in stores}
        self._measuring |= asked
        try:
            await self._show()
            async with aclosing(measure(stores, others=others)) as figures:
                async for store, measured in figures:
                    if _key(store) not in {*asked, *map(_key, self._stores)}:
                        self._in_other_accounts.append(store)
                        self._stores.append(store)
                    self._record(store, measured)
                    await self._show()
        except ArtifactTuiError as error:
            self.fail(error)
        finally:
            self._measuring -= asked
        await self._show()

    def _record(self, store: Store, measured: Measured) -> None:
        key = _key(store)
        before = self._measured.get(key, NOTHING_YET)
        if measured.settled:
            self._measuring.discard(key)
        if measured.settled or not before.settled:
            self._measured[key] = measured

    # showing

    async def _show(self, cursor: str = "") -> None:
        """Draw what has changed; the cursor stays on its row, wherever that goes."""
        found = self._listed_rows()
        names = [row.store.target.name for row in found]
        self._lay_out(found)
        await self.rows.show(found, cursor=names.index(cursor) if cursor in names else None)
        self._titles.show(store_titles(self.rows.inner_width, self.app.signs))
        self.show_header()
        self._show_status()
        self.show_keys()

    def _listed_rows(self) -> list[StoreRow]:
        """The rows: what is on a disk, the largest first; then the others; last what is lost."""
        rows = [self._row(store) for store in self._stores]
        shown = [
            row
            for row in rows
            if worth_a_row(row.store, row.measured)
            or ((row.here or row.embedded) and row.measured.state != "duplicate")
        ]
        return sorted(shown, key=lambda row: (row.lost != "", not row.on_disk, -row.weight))

    def _row(self, store: Store) -> StoreRow:
        key, config, target = _key(store), self.app.config, store.target
        kind, known = claimed(target.address), self._measured.get(key, NOTHING_YET)
        at = replace(target, address=known.address) if known.address else target
        return StoreRow(
            store,
            "" if kind is None else kind.name,
            known,
            measuring=key in self._measuring,
            configured=store.configured,
            here=self.app.is_open(at),
            default=target.name == config.default,
            testing=key in self._testing,
            trial=self._trials.get(key),
        )

    def _lay_out(self, found: Sequence[StoreRow]) -> None:
        """Share the lines between disks, rows and the facts about one of them."""
        height = self.size.height
        lines = self._disk_lines(found)
        self._disks.styles.height = len(lines)
        self._disks.show(Content("\n").join(lines))
        room = max(height - _AROUND - len(lines) - _FACTS, 1)
        self.rows.styles.height = min(max(len(found), 1), room)

    def _disk_lines(self, found: Sequence[StoreRow]) -> list[Content]:
        """One line a disk, the fullest first; of many, the last line says how many more."""
        disks = disks_of(row.measured for row in found)
        on: dict[str, list[StoreRow]] = {disk.mount: [] for disk in disks}
        for row in found:
            if row.measured.disk is not None:
                on[row.measured.disk.mount].append(row)
        if not disks:
            words = f"being looked at{self.app.signs.ellipsis}" if self._measuring else "not known"
            return [Content.styled(f" disks: {words}", "dim")]
        most = max(self.size.height // 8, 1)
        cells = self.size.width - 2
        lines = [disk_line(disk, on[disk.mount], cells, self.app.signs) for disk in disks]
        if len(lines) > most:
            more = plural(len(lines) - most + 1, "more disk")
            lines[most - 1 :] = [Content.styled(f" {more}: see the stores on them", "dim")]
        return lines

    def _line(self, row: StoreRow, cells: int) -> Content:
        biggest = max((one.on_disk for one in self.rows.outline.heads), default=0)
        return store_line(row, cells, biggest, self.app.now(), self.app.signs)

    def header_facts(self) -> HeaderFacts:
        """The machine, and what all its stores come to."""
        rows = self.rows.outline.heads
        stores = each_once(row.measured for row in rows)
        on_disk = sum(one.size or 0 for one in stores if one.disk is not None)
        reclaim = [one.reclaimable or 0 for one in stores]
        dot = f" {self.app.signs.dot} "
        words = [plural(len(rows), "store")] if rows else []
        words += [f"{size(on_disk)} on disk"] if on_disk else []
        words += [f"{size(sum(reclaim))} can go"] if any(reclaim) else []
        waiting = len(self._measuring)
        return HeaderFacts(
            name=socket.gethostname(),
            title=self.TITLE_WORD,
            totals=(dot.join(words), dot.join(words[1:])),
            facts=f"{waiting} being measured" if waiting else "",
            read_only=True if self.app.locked else None,
        )

    def _show_status(self) -> None:
        registries = len(self.app.config.registries)
        words = plural(registries, "configured registry", "configured registries")
        forms = [Content(f"{words} ")]
        with suppress(ArtifactTuiError):  # without a home folder there is no file either
            where = f"{words} {self.app.signs.dot} {safe(str(config_file()))} "
            forms.insert(0, Content(where))
        self.status_line.facts(Content(""), *forms)

    @on(RowList.Moved, "#stores")
    def _moved(self) -> None:
        row, facts = self.rows.current, Content("")
        if row is not None:
            reclaim = self.key_of("home.reclaim")
            facts = store_facts(row, self.app.now(), self.app.signs, reclaim)
        self._facts.show(facts)
        self.show_keys()

    def on_resize(self) -> None:
        """Share the lines again between disks, stores and facts."""
        if self._stores:
            self.call_after_refresh(self._show)

    # acting

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing for the store under the cursor."""
        if row_id == "home.back" and (self.app.begins_at_home or self.app.registry is None):
            return f"this is where everything begins, {self.key_of('home.quit')} leaves"
        row = self.rows.current if self.is_mounted else None
        if row is None:
            return ""
        unknown = "" if row.reclaim else "a store of this kind does not say what can go"
        lost = f"{row.lost} ({self.key_of('home.measure')} looks again)" if row.lost else ""
        stranger = "" if row.configured else "this registry is not in the configuration"
        open_now = "this registry is open: open another one first" if row.here else ""
        return {
            "home.open": lost,
            "home.reclaim": lost or unknown,
            "home.test": lost if row.silent else "",
            "home.default": stranger,
            "home.remove": stranger or open_now,
        }.get(row_id, "")

    def action_open(self) -> None:
        """Open the store under the cursor."""
        row = self.rows.current
        if row is not None and not self.refused("home.open"):
            self._open(row, "")

    def action_reclaim(self) -> None:
        """Open the store with what can be reclaimed in its list."""
        row = self.rows.current
        if row is not None and not self.refused("home.reclaim"):
            self._open(row, row.reclaim)

    def _open(self, row: StoreRow, query_text: str) -> None:
        name = row.store.target.name
        self.say(f"Opening {name}")
        opening = self._go(row, query_text)
        self.carry_out(f"{safe(name)} is being opened", opening, everywhere=True, stops=True)

    async def _go(self, row: StoreRow, query_text: str) -> None:
        """Find out what protects the store, and open it.

        Raises:
            ArtifactTuiError: it cannot be opened.
        """
        target = row.store.target
        if not self.app.guards(target):
            await self._probe(row.store)
            target = await asyncio.to_thread(resolve, self.app.config, self._row(row.store).typed)
        await self.app.open_registry(target, query_text)
        self.status_line.hush()  # it is open, and no longer being opened when one comes back

    async def _probe(self, store: Store) -> None:
        """Let a process read a store first of which nothing is known yet: its disk may hang.

        Raises:
            UsageError: it does not answer.
            ArtifactTuiError: no process can look into it.
        """
        if not _has_answered(self._measured.get(_key(store), NOTHING_YET)):
            async with aclosing(measure([store])) as figures:
                async for _, measured in figures:
                    self._record(store, measured)
                    if _has_answered(measured):
                        break
        if self._row(store).silent:
            hint = f"{self.key_of('home.measure')} looks again."
            raise UsageError(f"{store.target.name} does not answer.", hint=hint)

    @on(RowList.Opened, "#stores")
    def _opened(self) -> None:
        """A double click opens."""
        self.action_open()

    def action_measure(self) -> None:
        """Find the stores again, and measure every one."""
        if self._measuring:
            self.say("The stores are being measured already.")
        else:
            start(self, "find", self._measure_all)

    async def _measure_all(self) -> None:
        await self._find()
        await self._measure(self._stores, others=True)

    def action_copy(self) -> None:
        """Copy the address of the store."""
        if (row := self.rows.current) is not None:
            self.app.copy(row.address)

    def action_back(self) -> None:
        """To the registry that one came from."""
        if not self.refused("home.back"):
            self.carry_out("going back", self.app.back_to_registry(), everywhere=True)

    def action_quit(self) -> None:
        """Leave, or go back to the registry that one came from."""
        if self.why_not("home.back"):
            self.app.exit()
        else:
            self.action_back()

    # the configuration

    def action_test(self) -> None:
        """Ask the registry under the cursor how it is."""
        row = self.rows.current
        if row is not None and not self.refused("home.test"):
            self._test([row.store])

    def action_test_all(self) -> None:
        """Ask all of them."""
        self._test([row.store for row in self.rows.outline.heads if not row.silent])

    def _test(self, stores: Iterable[Store]) -> None:
        for store in stores:
            if _key(store) not in self._testing:
                self._testing.add(_key(store))
                start(self, "test", self._try, store)

    async def _try(self, store: Store) -> None:
        await self._show()
        key = _key(store)
        try:
            await self._probe(store)
            target = await asyncio.to_thread(resolve, self.app.config, self._row(store).typed)
            self._trials[key] = await trial(target)
        except ArtifactTuiError as error:
            self.fail(error)
        finally:
            self._testing.discard(key)
        await self._show()

    def action_add(self) -> None:
        """Ask for a new registry."""
        from artifact_tui.configwrite import add_registry  # noqa: PLC0415 - seldom needed
        from artifact_tui.tui.widgets.registry_form import RegistryDialog  # noqa: PLC0415 - as above

        def add(new: NewRegistry | None) -> None:
            if new is not None:
                write = partial(
                    add_registry,
                    new.name,
                    new.address,
                    production=new.production,
                    read_only=True if new.read_only else None,
                    settings=new.settings,
                )
                done = f"{new.name} was added: {self.key_of('home.test')} tests it."
                self._write(write, done, new.name)

        self.open_dialog(RegistryDialog(self.app.config.registries), add)

    def action_default(self) -> None:
        """Use this registry where none is named."""
        from artifact_tui.configwrite import set_default  # noqa: PLC0415 - seldom needed

        row = self.rows.current
        if row is not None and not self.refused("home.default"):
            name = row.store.target.name
            self._write(partial(set_default, name), f"{name} is the default registry.", name)

    def action_remove(self) -> None:
        """Ask, then take it out of the configuration."""
        from artifact_tui.configwrite import remove_registry  # noqa: PLC0415 - seldom needed

        row = self.rows.current
        if row is None or self.refused("home.remove"):
            return
        name, key = row.store.target.name, row.key
        question = (
            f"Take {safe(name)} out of the configuration? The registry itself is not touched, and "
            "can be added again."
        )

        def remove(yes: bool | None) -> None:  # noqa: FBT001 - a callback
            if yes:
                self._trials.pop(key, None)
                self._write(partial(remove_registry, name), f"{name} was removed.", "")

        self.open_dialog(Ask("Remove a registry", question, yes="removes it"), remove)

    def _write(self, write: Callable[[], Config], done: str, cursor: str) -> None:
        """Change the file, and show what is in it then; later keys wait."""

        async def work() -> None:
            self._keep(await asyncio.to_thread(write))
            await self._find(cursor)
            new = [one for one in self._stores if _key(one) not in self._measured]
            start(self, "measure", self._measure, new)
            self.say(done)

        self.carry_out("the configuration is being written", work())


def _has_answered(measured: Measured) -> bool:
    """Whether something of a store was read, or it is known that nothing can be."""
    return measured.settled or measured.versions is not None


def _key(store: Store) -> Key:
    return store.target.name, store.target.address
