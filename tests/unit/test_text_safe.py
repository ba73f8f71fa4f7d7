"""Untrusted text stays text: nothing hidden survives, nothing readable is lost."""

from __future__ import annotations

import re
import sys
import timeit
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from artifact_tui.text import MARKS, safe

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def unspell(shown: str) -> str:
    """Read a safe text back: the inverse, for texts that were not cut."""

    def one(found: re.Match[str]) -> str:
        return "\\" if found[0] == "\\\\" else chr(int(found[1] or found[2], 16))

    return re.sub(r"\\\\|\\x([0-9a-f]{2})|\\u\{([0-9a-f]+)\}", one, shown)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("resnet50-v2_final (1).pt", "resnet50-v2_final (1).pt"),
        ("m[latest] [/nope] [@click=app.quit]x", "m[latest] [/nope] [@click=app.quit]x"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b2J\x7f\r\n\t\x00", "\\x9b2J\\x7f\\x0d\\x0a\\x09\\x00"),
        ("a\u202egnp.exe", "a\\u{202e}gnp.exe"),
        ("a\\x1b", "a\\\\x1b"),
        ("zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"),
        ("no\u00a0break", "no\\xa0break"),
        ("\u3164\u115f\u2800\ufe0f\u034f", "\\u{3164}\\u{115f}\\u{2800}\\u{fe0f}\\u{34f}"),
        ("\udc80", "\\u{dc80}"),
        ("tag\U000e0041", "tag\\u{e0041}"),
        ("naïve 漢字 🎉 е", "naïve 漢字 🎉 е"),  # noqa: RUF001
        ("", ""),
    ],
)
def test_known_texts(raw: str, shown: str) -> None:
    assert safe(raw) == shown


ALIKE = frozenset({"Cn", "Co", "Lo"})
"""Categories with so many characters that some of them stand for the others."""


def test_every_character_of_unicode() -> None:
    for code in range(sys.maxunicode + 1):
        if code % 97 and unicodedata.category(chr(code)) in ALIKE:
            continue
        shown = safe("x" + chr(code))
        assert len(shown) == 2 or shown.isascii(), hex(code)
        for char in shown:
            category = unicodedata.category(char)
            assert category not in HIDDEN, hex(code)
            assert category != "Zs" or char == " ", hex(code)


@given(st.text(st.characters(exclude_categories=()), max_size=80))
@example("\\")
@example("\\u{1b}")
@example("e" + "\u0301" * 9)
def test_nothing_hidden_survives_and_nothing_is_lost(raw: str) -> None:
    shown = safe(raw)
    assert not any(unicodedata.category(char) in HIDDEN for char in shown)
    assert unspell(shown) == raw
    assert shown == "" or get_character_cell_size(shown[0]) > 0
    shown.encode("utf-8")


@given(st.text(st.sampled_from("ab\u0301\u0489\u20dd\u11a8\x1b"), max_size=60))
def test_marks_are_few_and_always_on_a_base_of_their_own(raw: str) -> None:
    run = MARKS
    for char in safe(raw):
        if get_character_cell_size(char) == 0:
            run += 1
            assert run <= MARKS
        else:
            run = MARKS if char == "}" else 0
    assert unspell(safe(raw)) == raw


def test_two_different_names_never_look_the_same() -> None:
    names = ["a\u0301b", "a\\u{301}b", "a\u200bb", "a\\u{200b}b", "ab", "a\\b", "a\\\\b"]
    assert len({safe(name) for name in names}) == len(names)


def test_a_long_text_is_cut_and_says_so() -> None:
    assert safe("x" * 512) == "x" * 512
    assert safe("x" * 5000) == "x" * 512 + "…(+4488)"
    assert safe("\x1b" * 5, limit=2) == "\\x1b\\x1b…(+3)"


def test_an_ordinary_name_costs_next_to_nothing() -> None:
    assert min(timeit.repeat(lambda: safe("resnet50-imagenet"), number=1000, repeat=5)) < 0.01
