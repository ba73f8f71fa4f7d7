"""Keys: one text for each artifact, and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients import artifact_keys
from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.rest import rest_entries

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ANY_TEXT = st.text(max_size=30)


@given(kind=TEXT.filter(bool), identifier=TEXT)
def test_a_key_reads_back_as_what_it_names(kind: str, identifier: str) -> None:
    ref = Ref(kind, identifier)
    assert artifact_keys.parse_key(ref.key) == ref
    assert ref.key.count("/") == 1


@given(ANY_TEXT)
def test_a_text_is_a_key_only_in_one_way_of_writing(text: str) -> None:
    ref = artifact_keys.parse_key(text)
    assert ref is None or ref.key == text


def test_what_is_nobodys_key() -> None:
    for text in ("", "model", "/1", "model/a/b", "model/%zz", "model/%c3", "mod el/1", "m/%41"):
        assert artifact_keys.parse_key(text) is None, text


def test_only_numbers_written_plainly_are_numbers() -> None:
    assert [rest_entries.id_number(text) for text in ("0", "1", "34", "3001")] == [0, 1, 34, 3001]
    odd = ["034", "-1", "1.0", "٣", "a1", "", " 1", "9" * 30, str(rest_entries.NUMBER_LIMIT)]
    assert [rest_entries.id_number(text) for text in odd] == [None] * len(odd)


def test_fingerprints_do_not_run_together() -> None:
    assert rest_entries.fingerprint("ab", "c") != rest_entries.fingerprint("a", "bc")
    assert rest_entries.fingerprint("a") == rest_entries.fingerprint("a")
