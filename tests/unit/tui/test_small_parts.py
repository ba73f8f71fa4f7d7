"""ASCII mode, header, footer, rules, palette: pure functions."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from artifact_tui.config import Config, Target
from artifact_tui.errors import ConfigError
from artifact_tui.tui import app
from artifact_tui.tui.key_bindings import rows_of
from artifact_tui.tui.terminal import ASCII, UNICODE, ascii_of, signs_for
from artifact_tui.tui.widgets.base_screen import HeaderFacts, header_content, keys_content
from artifact_tui.tui.widgets.line_view import compact
from artifact_tui.tui.widgets.list_inputs import offerable, quoted


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Mn", "Me", "Mc"])))
def test_ascii_mode_keeps_the_cells(text: str) -> None:
    turned = ascii_of(text)
    assert turned.isascii()
    assert cell_len(turned) == cell_len(text)


def test_ascii_mode_knows_the_lines_of_boxes() -> None:
    assert ascii_of("╭─ Sort ─╮│…·▐") == "+- Sort -+|~-#"


def test_ascii_by_configuration_or_by_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signs_for(Config()) is UNICODE
    assert signs_for(Config(ascii=True)) is ASCII
    monkeypatch.setattr("locale.getpreferredencoding", lambda **_: "ISO-8859-1")
    assert signs_for(Config()) is ASCII


FACTS = HeaderFacts("vision", "", 40, 1970, 32_900_000, "live")


def test_the_header_never_loses_the_name_or_the_state() -> None:
    for width in range(1, 140):
        line = header_content(FACTS, UNICODE, width).plain
        assert width <= 40 or ("vision" in line and len(line) == width)
        assert width <= 12 or "◆ armed" in line


def test_the_header_says_what_may_be_done() -> None:
    facts = HeaderFacts("v", read_only=True, production=True)
    line = header_content(facts, ASCII, 80).plain
    assert "production" in line
    assert "= read-only" in line


@given(st.text(max_size=40))
def test_a_registry_may_be_called_anything(name: str) -> None:
    content = header_content(HeaderFacts(name), UNICODE, 80)
    assert content.cell_length == 80
    assert not any(span.style == "link" for span in content.spans)


@pytest.mark.parametrize("width", [10, 40, 80, 200])
def test_the_footer_has_the_help_and_what_fits(width: int) -> None:
    line = keys_content(rows_of("browse", "app"), {}, frozenset({"browse.review"}), width)
    assert "? help" in line.plain
    assert line.cell_length <= max(width, 10)
    if width == 200:
        assert "(d review)" in line.plain


def test_values_are_quoted_as_the_filter_language_needs() -> None:
    assert quoted("resnet50") == "resnet50"
    assert quoted("a b") == '"a b"'
    assert quoted("none") == '"none"'
    assert quoted("x(y)|z*") == '"x(y)|z*"'
    assert offerable("résumé")
    assert not any(map(offerable, ("", "a\x1b", 'say "x"', "back\\slash", "x\u202e")))


def test_blanks_join_their_neighbours() -> None:
    red, blue = Style(color="red", bgcolor="black"), Style(color="blue", bgcolor="black")
    other = Style(color="blue", bgcolor="white")
    strip = compact([Segment(" ", red), Segment("a", blue), Segment("  ", red), Segment("", red)])
    assert [(s.text, s.style) for s in strip] == [(" a  ", blue)]
    apart = compact([Segment("a", red), Segment("b", blue), Segment(" ", other)])
    assert len(list(apart)) == 3
    lined = compact([Segment("a", red), Segment(" ", Style(underline=True, bgcolor="black"))])
    assert len(list(lined)) == 2


def test_a_theme_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Typewriter(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Typewriter())
    monkeypatch.setattr("sys.stderr", Typewriter())
    with pytest.raises(ConfigError, match="no theme “nrod”") as caught:
        app.launch(Target("x", "local:/nowhere"), Config(theme="nrod"))
    assert "“nord”" in caught.value.hint


def test_the_mouse_is_off_over_ssh_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    assert app.wants_mouse(Config())
    monkeypatch.setenv("SSH_TTY", "/dev/pts/0")
    assert not app.wants_mouse(Config())
    assert app.wants_mouse(Config(mouse=True))
    assert not app.wants_mouse(Config(mouse=False))


def test_content_is_not_parsed_as_markup() -> None:
    assert isinstance(header_content(HeaderFacts("[b]x[/b]"), UNICODE, 80), Content)
    assert "[b]x[/b]" in header_content(HeaderFacts("[b]x[/b]"), UNICODE, 80).plain
