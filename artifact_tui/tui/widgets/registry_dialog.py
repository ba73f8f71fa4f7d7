"""Asks for a new registry; says what is wrong with it before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from artifact_tui.clients import check_settings
from artifact_tui.config import Config, resolve
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import safe
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.one_line import OneLine
from artifact_tui.tui.widgets.rule_dialog import Toggle

if TYPE_CHECKING:
    from collections.abc import Collection

    from textual.app import ComposeResult


@dataclass(frozen=True, slots=True)
class NewRegistry:
    """What the user typed, checked."""

    name: str
    address: str
    token_env: str = ""
    bucket: str = ""
    bearer: bool = False
    production: bool = False
    read_only: bool = False

    @property
    def settings(self) -> dict[str, object]:
        """What its client is told."""
        given = {"token_env": self.token_env, "bucket": self.bucket}
        given["auth"] = "bearer" if self.bearer else ""
        return {key: value for key, value in given.items() if value}


_FIELDS = (
    ("name", "name", ""),
    ("address", "address", "wandb://ENTITY, https://HOST/api, local:PATH, or an app URL"),
    ("token", "token variable", "the name of the variable that holds its token, or empty"),
    ("bucket", "bucket", "the S3 bucket with its bytes, or empty"),
)


class RegistryDialog(Dialog[NewRegistry]):
    """Ends with a registry that can be written. A token itself has no place here."""

    BINDINGS = bindings_of("adding")
    FOCUS = "#add-name"

    DEFAULT_CSS = """
    RegistryDialog {
        width: 78;
        & Horizontal { height: 1; }
        & Static { width: 16; }
        & #add-hint { color: $text-muted; }
        & #add-said { margin-top: 1; height: auto; max-height: 3; }
    }
    """

    def __init__(self, taken: Collection[str]) -> None:
        super().__init__(id="add")
        self._taken = taken
        self.border_title = Content("Add a registry")

    def compose(self) -> ComposeResult:
        """The fields, what is wrong with them, the keys."""
        for key, label, placeholder in _FIELDS:
            with Horizontal():
                yield Static(Content(label))
                field = OneLine(id=f"add-{key}")
                field.placeholder = placeholder
                yield field
        yield Toggle("the token is sent as Authorization: Bearer", id="add-bearer")
        yield Toggle("production: its name is asked for; read-only first", id="add-production")
        yield Toggle("read-only", id="add-read-only")
        yield Line(id="add-said")
        yield Line(id="add-hint")

    def on_mount(self) -> None:
        """Show the keys."""
        hint = "enter add   tab next field   space turn   esc cancel"
        self.query_one("#add-hint", Line).show(Content(hint))

    def on_input_changed(self, event: Input.Changed) -> None:
        """What was wrong may be right now."""
        event.stop()
        self._say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field adds it."""
        event.stop()
        self.action_apply()

    def action_apply(self) -> None:
        """Hand it over, unless something is wrong with it."""
        try:
            found = self._checked()
        except ArtifactTuiError as error:
            self._say(f"{error} {error.hint}".strip())
            return
        if not found.name:
            self._say("It needs a name.")
        elif found.name in self._taken:
            self._say(f"There is a registry “{found.name}” already.")
        else:
            self.close(found)

    def _checked(self) -> NewRegistry:
        address = resolve(Config(), self._text("address")).address if self._text("address") else ""
        found = NewRegistry(
            name=self._text("name"),
            address=address,
            token_env=self._text("token").removeprefix("$"),
            bucket=self._text("bucket"),
            bearer=self._on("bearer"),
            production=self._on("production"),
            read_only=self._on("read-only"),
        )
        check_settings(found.address, found.settings)
        return found

    def _text(self, field: str) -> str:
        return self.query_one(f"#add-{field}", OneLine).value.strip()

    def _on(self, field: str) -> bool:
        return self.query_one(f"#add-{field}", Toggle).on

    def _say(self, what: str) -> None:
        self.query_one("#add-said", Line).show(Content.styled(safe(what), "$text-error"))
