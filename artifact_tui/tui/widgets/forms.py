"""Dialogs that ask: lines to type in, boxes to turn, and enter hands over what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import safe
from artifact_tui.tui.widgets.dialogs import Dialog
from artifact_tui.tui.widgets.line_widgets import Line, OneLine, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.widgets import Input

    from artifact_tui.model import Recipe


T = TypeVar("T")


class Toggle(Widget, can_focus=True):
    """A box that space turns on and off."""

    DEFAULT_CSS = """
    Toggle { height: 1; width: 1fr; }
    Toggle:focus { text-style: reverse; }
    """

    class Changed(Message):
        """It was turned."""

    def __init__(self, label: str, *, on: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.label = label
        self.on = on

    def render(self) -> Content:
        """The box and what it means."""
        return Content(f"[{'x' if self.on else ' '}] {self.label}")

    def on_key(self, event: events.Key) -> None:
        """Switch it at space."""
        if event.key == "space":
            event.stop()
            self.on_click()

    def on_click(self) -> None:
        """Switch it on or off, at a click or at space."""
        self.on = not self.on
        self.refresh()
        self.post_message(self.Changed())


class Field(NamedTuple):
    """Something that a form asks for: a line to type in, or a box to turn where `value` is one."""

    id: str
    label: str
    """Safe; a line without one takes the whole width."""
    value: str | bool = ""
    placeholder: str = ""


class Form(Dialog[T]):
    """A dialog with fields: `read` says what they come to, and enter ends it with that.

    With `preview`, the fields are read at each change, and `preview` hears what they come to; it
    answers with `say` or `refuse`. Without one they are read when enter is pressed.
    """

    FOCUS = "OneLine"
    DEFAULT_CSS = """
    Form {
        width: 76;
        & Horizontal { height: 1; }
        & #about { max-height: 5; }
        & #said { margin-top: 1; max-height: 4; }
        & #said.-live { min-height: 2; }
        & #form-keys { color: $text-muted; }
    }
    """

    def __init__(
        self,
        title: str,
        fields: Iterable[Field],
        read: Callable[[Form[T]], T | None],
        *,
        keys: str,
        about: Content | str = "",
        consequences: str = "",
        preview: Callable[[Form[T], T], object] | None = None,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """Make a form from texts that are safe to show.

        Args:
            title: what it is about.
            fields: in their order.
            read: what the fields come to, None for nothing yet; raises `ArtifactTuiError`.
            keys: what the keys do, at the bottom; `{next}` and `{cancel}` stand for keys that may
                be remapped.
            about: above the fields.
            consequences: below them.
            preview: hears what they come to.
            id: of the widget.
        """
        super().__init__(id=id)
        self.border_title = Content(title)
        self._fields = tuple(fields)
        self._read = read
        self._keys = keys
        self._about = about if isinstance(about, Content) else Content.styled(about, "$text-muted")
        self._consequences = Content(consequences)
        self._preview = preview
        self._result = Question(id="said", classes="" if preview is None else "-live")
        self.value: T | None = None
        """What the fields come to, as they are read at each change."""

    def compose(self) -> ComposeResult:
        """What it is about, the fields, what they come to, the keys."""
        yield Question(self._about, id="about")
        yield from self.compose_fields()
        yield self._result
        yield Question(self._consequences)
        keys = {verb: self.key_of(f"dialog.{verb}") for verb in ("next", "cancel")}
        yield Line(Content(self._keys.format(**keys)), id="form-keys")

    def compose_fields(self) -> Iterable[Widget]:
        """The fields."""
        return self.rows_of(self._fields)

    @staticmethod
    def rows_of(fields: Iterable[Field]) -> Iterable[Widget]:
        """A row for each field, their labels below each other."""
        fields = tuple(fields)
        lines = (field for field in fields if not isinstance(field.value, bool))
        column = max((len(field.label) + 2 for field in lines), default=0)
        for field in fields:
            if isinstance(field.value, bool):
                yield Toggle(field.label, on=field.value, id=field.id)
                continue
            line = OneLine(field.value, id=field.id)
            line.placeholder = field.placeholder
            if not field.label:
                yield line
                continue
            label = Static(Content(field.label))
            label.styles.width = column
            yield Horizontal(label, line)

    def on_mount(self) -> None:
        """Read the fields as they stand."""
        for empty in self.query(Question):
            empty.display = bool(empty.content) or empty.has_class("-live")
        self.changed()

    def text(self, name: str) -> str:
        """What is typed in a line; nothing for one that is not there."""
        return next((line.value.strip() for line in self.query(f"#{name}").results(OneLine)), "")

    def is_on(self, name: str) -> bool:
        """Whether a box is turned on; False for one that is not there."""
        return any(toggle.on for toggle in self.query(f"#{name}").results(Toggle))

    def changed(self) -> None:
        """Preview what the fields come to, after one of them has changed."""
        self._tell(Content(""))
        if self._preview is not None:
            self.value = self._come_to()
            if self.value is not None:
                self._preview(self, self.value)

    def _come_to(self) -> T | None:
        try:
            return self._read(self)
        except ArtifactTuiError as error:
            self._tell(Content.styled(safe(f"{error} {error.hint}".strip()), "$text-error"))
            return None

    def action_apply(self) -> None:
        """Hand over what the fields come to, if that can be read."""
        value = self.value if self._preview is not None else self._come_to()
        if value is not None:
            self.close(value)

    def say(self, value: T, words: str) -> None:
        """Say (safe) what a value would do, if it is still the one that the fields come to."""
        if value is self.value:
            self._tell(Content.styled(words, "bold"))

    def refuse(self, value: T, error: ArtifactTuiError) -> None:
        """Say why a value can be none here, if it is still the one that the fields come to."""
        if value is self.value:
            self.value = None
            self._tell(Content.styled(safe(f"{error} {error.hint}".strip()), "$text-error"))

    def _tell(self, content: Content) -> None:
        self._result.show(content)
        self._result.display = bool(content) or self._result.has_class("-live")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text stands in a line."""
        event.stop()
        self.changed()

    def on_toggle_changed(self, event: Toggle.Changed) -> None:
        """A box was turned."""
        event.stop()
        self.changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a line."""
        event.stop()
        self.action_apply()


_STEPS = """\
1  you review its deletion, and confirm it by typing
2  it is deleted, and verified gone
3  it is made again from the address above; if that fails, it is gone,
   and {tasks} (tasks), {again} tries again

Lost for good: its id and its metrics. The new entry gets its own.
Its lineage may change. Objects in the storage stay, unless you take them along."""


def reingest_form(name: str, recipe: Recipe, *, tasks: str, again: str) -> Form[str]:
    """Asks from which address a version is made again; ends with the address.

    Args:
        name: of the version, untrusted text.
        recipe: fills in the address.
        tasks: the key that leads to the tasks.
        again: the key that tries again there.
    """

    def compare(form: Form[str], url: str) -> None:
        if url == recipe.url:
            form.say(url, "as it is now: change it to correct it")
        else:
            form.say(url, f"instead of {safe(recipe.url) or 'nothing'}")

    head = Content.assemble((safe(name), "bold"), f"  {safe(recipe.type)}\nsource address:")
    return Form(
        "Ingest again",
        [Field("url", "", recipe.url if recipe.url.isprintable() else "")],
        lambda form: form.text("url") or None,
        about=head,
        consequences=_STEPS.format(tasks=tasks, again=again),
        keys="enter goes to the review   {cancel} leaves",
        preview=compare,
    )
