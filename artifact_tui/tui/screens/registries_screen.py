"""The configured registries: add, test, switch to another, remove. No secret is shown.

A new one is checked before anything is written.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content

from artifact_tui.clients import check_settings, claimed, every_kind, setting_rows
from artifact_tui.clients.trial import access, trial
from artifact_tui.config import (
    Config,
    config_file,
    is_secret,
    load,
    resolve,
    same_registry,
    shown_settings,
)
from artifact_tui.configwrite import add_registry, remove_registry, set_default
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.text import fit, pad, plural, safe
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.base_screen import BaseScreen
from artifact_tui.tui.widgets.dialogs import Ask
from artifact_tui.tui.widgets.forms import Field, Form
from artifact_tui.tui.widgets.line_widgets import FactsPane, Line, OneLine
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from textual.widget import Widget

    from artifact_tui.clients import SettingRow
    from artifact_tui.clients.base import Kind
    from artifact_tui.clients.trial import Trial
    from artifact_tui.config import Target
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs


_BROAD = 100
_NAME, _NARROW_NAME = 22, 14
_ACCESS = 22
_RESULT, _NARROW_RESULT = 16, 10


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """One registry in the list."""

    target: Target
    configured: bool = True
    here: bool = False
    """Whether it is the one on the screen."""
    default: bool = False
    testing: bool = False
    trial: Trial | None = None


def registry_line(row: RegistryRow, cells: int, signs: Signs) -> Content:
    """A registry in one line: here or not, name, whether it can be changed, how the test went."""
    sign = (f" {signs.mark} ", "bold $text-accent") if row.here else "   "
    broad = cells >= _BROAD
    name_cells, result_cells = (_NAME, _RESULT) if broad else (_NARROW_NAME, _NARROW_RESULT)
    name = fit(safe(row.target.name), name_cells)
    result, tone = _trial_words(row, signs)
    production = "production " if row.target.production else ""
    access_words, access_tone = f"{signs.armed} {production}armed", "bold $text-error"
    if row.target.read_only:
        access_words, access_tone = f"{signs.locked} {production}read-only", "$text-success"
    lead = Content.assemble(
        sign,
        (pad(name, name_cells), "bold"),
        "  ",
        (pad(access_words, _ACCESS), access_tone),
        "  ",
        (pad(result, result_cells), tone),
        "  ",
    )
    room = max(cells - lead.cell_length - 1, 0)
    address = fit(safe(row.target.address), room) if room > 1 else ""
    return Content.assemble(lead, (address, "$text-muted" if broad else ""))


def _trial_words(row: RegistryRow, signs: Signs) -> tuple[str, str]:
    if row.testing:
        return f"testing{signs.ellipsis}", "$text-muted"
    if row.trial is None:
        return "not tested", "$text-muted"
    if row.trial.works:
        return f"{signs.yes} works", "$text-success"
    return f"{signs.no} unusable", "bold $text-error"


def registry_facts(row: RegistryRow, signs: Signs) -> Content:
    """Everything about a registry but its secrets."""
    target = row.target
    notes = []
    if row.here:
        notes.append("on the screen now")
    if row.default:
        notes.append("the default")
    if not row.configured:
        notes.append("not in the configuration")
    head = Content.assemble(
        (safe(target.name), "bold"), f"  {f' {signs.dot} '.join(notes)}" if notes else ""
    )
    lines = [head, Content(safe(target.address, 4096)), Content(access(target))]
    if target.settings:
        lines.append(Content(safe(shown_settings(target.settings), 4096)))
    if row.trial is not None:
        tone = "" if row.trial.works else "$text-error"
        sign = signs.yes if row.trial.works else signs.no
        lines.append(Content(""))
        lines += [
            Content.assemble((f"{sign} {safe(sentence, 4096)}", tone))
            for sentence in row.trial.sentences
        ]
    return Content("\n").join(lines)


class NewRegistry(NamedTuple):
    """What the user typed, checked."""

    name: str
    address: str
    production: bool
    read_only: bool
    settings: dict[str, object]


class RegistryDialog(Form[NewRegistry]):
    """The form of a new registry; it closes with one that the configuration can take.

    Its settings are those of the kind that claims the address; a secret itself has no place here.
    """

    BINDINGS = bindings_of("adding")

    DEFAULT_CSS = """
    RegistryDialog { width: 96; }
    RegistryDialog #settings {
        height: auto;
        max-height: 10;
        margin-top: 1;
        scrollbar-size: 1 1;
    }
    """

    def __init__(self, taken: Collection[str]) -> None:
        forms = ", ".join(kind.forms for kind in every_kind())
        super().__init__(
            "Add a registry",
            (
                Field("name", "name"),
                Field("address", "address", "", forms),
                Field(
                    "production", "production: its name is asked for; read-only first", value=False
                ),
                Field("read-only", "read-only", value=False),
            ),
            lambda _form: self._checked(),
            keys="enter add   tab next field   space turn   esc cancel",
        )
        self._taken = taken
        self._kind: Kind | None = None
        self._rows: list[SettingRow] = []
        self._settings = VerticalScroll(id="settings", can_focus=False)
        self._settings.display = False

    def compose_fields(self) -> Iterable[Widget]:
        """The fields, and below them the settings once the address says whose."""
        yield from super().compose_fields()
        yield self._settings

    @on(OneLine.Changed, "#address")
    async def _ask_settings(self) -> None:
        """Ask for the settings of the kind that claims the address, none of them a secret."""
        try:
            kind = claimed(resolve(Config(), self.text("address")).address)
        except ArtifactTuiError:
            kind = None
        if kind is self._kind:
            return
        self._kind = kind
        rows = [] if kind is None else setting_rows(kind)
        self._rows = [row for row in rows if not is_secret(row.name)]
        fields = (_setting_field(f"setting-{at}", row) for at, row in enumerate(self._rows))
        await self._settings.remove_children()
        await self._settings.mount_all(self.rows_of(fields))
        self._settings.display = bool(self._rows)

    def _checked(self) -> NewRegistry:
        name, typed = self.text("name"), self.text("address")
        address = resolve(Config(), typed).address if typed else ""
        settings: dict[str, object] = {}
        for at, row in enumerate(self._rows):
            field = f"setting-{at}"
            if isinstance(row.default, bool):
                if self.is_on(field) != row.default:
                    settings[row.name] = not row.default
            elif text := self.text(field):
                variable = row.name.endswith("_env")
                settings[row.name] = row.read(text.removeprefix("$") if variable else text)
        check_settings(address, settings)
        if not name:
            raise UsageError("It needs a name.")
        if name in self._taken:
            raise UsageError(f"There is a registry “{name}” already.")
        return NewRegistry(
            name, address, self.is_on("production"), self.is_on("read-only"), settings
        )


def _setting_field(name: str, row: SettingRow) -> Field:
    """A setting as a field: a box, or a line that says what is so without it."""
    meaning = safe(row.meaning)
    if isinstance(row.default, bool):
        return Field(name, f"{safe(row.name)}: {meaning}", row.default)
    usual = f" ({safe(row.usual)})" if row.usual else ""
    return Field(name, safe(row.name), "", meaning + usual)


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
        self.rows = RowList[RegistryRow](
            self._line, key=lambda row: row.target.name, id="registries"
        )
        self._rule = Line(id="registry-rule")
        self._rule.show(lambda cells: Content(services.signs.line * cells))
        self._facts = FactsPane(id="registry")
        self._trials: dict[str, Trial] = {}
        self._testing: set[str] = set()

    def compose_body(self) -> Iterable[Widget]:
        """Registries above, the one under the cursor below."""
        yield self.rows
        yield self._rule
        yield self._facts

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
        await self.rows.show(found, cursor=at)
        words = plural(len(self._config.registries), "configured registry", "configured registries")
        where = f"{words} {self.services.signs.dot} {safe(str(config_file()))} "
        self.status_line.facts(Content(""), Content(where), Content(f"{words} "))
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
        row = self.rows.current
        self._facts.show(registry_facts(row, self.services.signs) if row else Content(""))
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

    def action_switch(self) -> None:
        """Open another registry instead of this one."""
        row = self.rows.current
        if row is None or self.refused("registries.switch"):
            return
        self.say(f"Opening {row.target.name}")
        words = f"{safe(row.target.name)} is being opened"
        self.carry_out(words, self.app.open_registry(row.target), everywhere=True, stops=True)

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
                start(self, "test", self._try, target)

    async def _try(self, target: Target) -> None:
        await self._show()
        try:
            self._trials[target.name] = await trial(target)
        finally:
            self._testing.discard(target.name)
        await self._show()

    def action_add(self) -> None:
        """Ask for a new registry."""

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
                self._write(write, f"{new.name} was added: t tests it.", new.name)

        self.open_dialog(RegistryDialog(self._config.registries), add)

    def action_default(self) -> None:
        """Use this registry where none is named."""
        row = self.rows.current
        if row is not None and not self.refused("registries.default"):
            name = row.target.name
            self._write(partial(set_default, name), f"{name} is the default registry.", name)

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

        def remove(yes: bool | None) -> None:  # noqa: FBT001 - a callback
            if yes:
                self._trials.pop(name, None)
                self._write(partial(remove_registry, name), f"{name} was removed.", "")

        self.open_dialog(Ask("Remove a registry", question, yes="removes it"), remove)

    def _write(self, write: Callable[[], Config], done: str, cursor: str) -> None:
        """Change the file, and show what is in it then; later keys wait."""

        async def work() -> None:
            config = await asyncio.to_thread(write)
            self._config = config
            self.services.config = replace(self.services.config, registries=config.registries)
            await self._show(cursor)
            self.say(done)

        self.carry_out("the configuration is being written", work())
