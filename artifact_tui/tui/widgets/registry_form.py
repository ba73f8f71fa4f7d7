"""The form of a new registry: its name, its address, and the settings of the kind it is of.

What is typed is checked before anything is written; no secret has a place here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual import on
from textual.containers import VerticalScroll

from artifact_tui.clients import check_settings, claimed, every_kind, setting_rows
from artifact_tui.config import Config, is_secret, resolve
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.text import safe
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.widgets.forms import Field, Form
from artifact_tui.tui.widgets.line_widgets import OneLine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from textual.widget import Widget

    from artifact_tui.clients import SettingRow
    from artifact_tui.clients.base import Kind


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
            keys="enter add   {next} next field   space turn   {cancel} cancel",
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
