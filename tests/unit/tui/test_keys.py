"""The table of keys, and the user's own keys."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from artifact_tui.config import Config
from artifact_tui.errors import ConfigError
from artifact_tui.tui.key_bindings import BY_ID, PLACES, ROWS, bindings_of, rows_of
from artifact_tui.tui.keymap import is_key, keymap_from, shown_key, shown_keys

WHOLE_SCREENS = ("browse", "detail", "lineage", "review", "tasks", "result", "trash")


def keys(row_id: str) -> set[str]:
    return set(BY_ID[row_id].keys.split(","))


def test_ids_are_unique_and_say_where_they_belong() -> None:
    assert len(BY_ID) == len(ROWS)
    assert {row.where for row in ROWS} <= set(PLACES)
    assert all(row.help.endswith(".") and row.label for row in ROWS)


@pytest.mark.parametrize("place", PLACES)
def test_no_key_means_two_things_at_one_place(place: str) -> None:
    for one, other in combinations(rows_of(place), 2):
        assert not set(one.keys.split(",")) & set(other.keys.split(",")), (one.id, other.id)


@pytest.mark.parametrize("place", WHOLE_SCREENS)
def test_no_screen_hides_a_key_of_everywhere(place: str) -> None:
    everywhere = {key for row in rows_of("app") for key in row.keys.split(",")}
    for row in rows_of(place):
        assert not set(row.keys.split(",")) & everywhere, row.id


def test_nothing_is_deleted_by_a_key_of_habit() -> None:
    habits = {"ctrl+d", "ctrl+r", "enter", "delete", "backspace", "escape", "space"}
    for row_id in (
        "browse.review",
        "trash.purge",
        "retention.set",
        "retention.off",
        "edit.confirm",
    ):
        assert not keys(row_id) & habits
    assert "ctrl+d" in keys("list.half_down")


def test_every_binding_is_known_to_textual() -> None:
    for row in ROWS:
        assert all(is_key(key.split("+")[-1]) for key in row.keys.split(",")), row.id
    made = bindings_of("browse", "app")
    assert len(made) == len(rows_of("browse", "app"))


def test_without_keys_nothing_is_remapped() -> None:
    assert keymap_from(Config()) == {}
    assert shown_key({}, BY_ID["browse.open"]) == "l"
    assert shown_keys({}, BY_ID["browse.open"]) == "l → ⏎"
    assert shown_key({}, BY_ID["app.help"]) == "?"


def test_keys_are_taken_as_they_are_written() -> None:
    config = Config(keys={"browse.rule": ("+", "ctrl+x"), "browse.mark": ("x",)})
    keymap = keymap_from(config)
    assert keymap == {"browse.rule": "plus,ctrl+x", "browse.mark": "x"}
    assert shown_key(keymap, BY_ID["browse.mark"]) == "x"


@pytest.mark.parametrize(
    ("row_id", "key", "message"),
    [
        ("browse.makr", "x", "no key binding “browse.makr”.*browse.mark"),
        ("mark", "x", "no key binding “mark”"),
        ("zzz", "x", "no key binding “zzz”"),
        ("browse.mark", "spcae", "“spcae” is not a key"),
        ("browse.mark", "ctrl+", "“ctrl\\+” is not a key"),
        ("browse.mark", "hold+x", "“hold\\+x” is not a key"),
        ("browse.mark", "\x1b", "“.*x1b” is not a key"),
        ("browse.mark", "", "“” is not a key"),
        ("browse.review", "ctrl+d", "browse.review cannot be on ctrl\\+d"),
        ("browse.review", "ctrl+r", "browse.review cannot be on ctrl\\+r"),
        ("browse.review", "enter", "browse.review cannot be on enter"),
        ("retention.set", "ctrl+d", "retention.set cannot be on ctrl\\+d"),
        ("edit.confirm", "ctrl+r", "edit.confirm cannot be on ctrl\\+r"),
        ("browse.mark", "s", "“s” would mean both browse.mark and browse.sort"),
        ("browse.mark", "j", "“j” would mean both browse.mark and list.down"),
        ("browse.mark", "?", "“\\?” would mean both browse.mark and app.help"),
    ],
)
def test_what_cannot_be_is_refused_with_file_line_and_what_to_do(
    row_id: str, key: str, message: str
) -> None:
    config = Config(keys={row_id: (key,)}, key_lines={row_id: 7}, path=Path("/c/config.toml"))
    with pytest.raises(ConfigError, match=message.partition(".*")[0]) as caught:
        keymap_from(config)
    assert "/c/config.toml, line 7: " in str(caught.value)
    assert caught.value.hint
    if ".*browse" in message:
        assert "“browse.mark”" in caught.value.hint


def test_two_keys_may_change_places() -> None:
    config = Config(keys={"browse.mark": ("s",), "browse.sort": ("space",)})
    assert keymap_from(config) == {"browse.mark": "s", "browse.sort": "space"}


def test_an_empty_list_of_keys_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no key"):
        keymap_from(Config(keys={"browse.mark": ()}))
