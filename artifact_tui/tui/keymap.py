"""The user's own keys: from the configuration to Textual's keymap, checked.

Textual itself takes unknown ids and clashing keys in silence.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.keys import Keys, format_key, key_to_character

from artifact_tui.errors import ConfigError
from artifact_tui.text import safe
from artifact_tui.tui.key_bindings import BY_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.config import Config
    from artifact_tui.tui.key_bindings import KeyRow

_NAMED = frozenset(key.value for key in Keys) | {"slash", "backslash", "plus", "minus"}
_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_SHORT = {"escape": "esc", "pagedown": "PgDn", "pageup": "PgUp", "question_mark": "?"}
_SHARED = frozenset({"app", "list"})
"""Places whose keys work together with those of another place."""

_HABITS = frozenset({"ctrl+d", "ctrl+r", "enter"})

_KEPT = ("add", "test", "test_all", "default", "remove")
"""What home does as the list of the registries did."""

FORBIDDEN = {
    "browse.review": _HABITS,
    "retention.set": _HABITS,
    "retention.inherit": _HABITS,
    "retention.off": _HABITS,
    "edit.confirm": _HABITS,
}
"""Keys that people press by habit (half a page down, reload, open), and must not delete."""


RENAMED = {
    "browse.registries": "browse.home",
    "registries.switch": "home.open",
    "registries.back": "home.back",
    **{f"registries.{verb}": f"home.{verb}" for verb in _KEPT},
}
"""Ids that a configuration may still have, and what they are called now."""


def keymap_from(config: Config) -> dict[str, str]:
    """Textual's keymap for the `[keys]` of the configuration.

    Raises:
        ConfigError: an id that does not exist (with the nearest one), a key that cannot be, or
            one key for two things at the same place.
    """
    keymap = {
        RENAMED.get(row_id, row_id): _keys(config, row_id, keys)
        for row_id, keys in config.keys.items()
    }
    for row_id, keys in keymap.items():
        own = set(BY_ID[row_id].keys.split(","))
        for other in BY_ID.values():
            if other.id == row_id or not _meet(BY_ID[row_id], other):
                continue
            theirs = other.keys.split(",")
            known = own & {*theirs}
            if both := {*keys} & {*keymap.get(other.id, theirs)} - known:
                raise _error(
                    config,
                    row_id,
                    f"“{key_name(min(both))}” would mean both {row_id} and {other.id}",
                    f"Give {other.id} another key as well.",
                )
    return {row_id: ",".join(keys) for row_id, keys in keymap.items()}


def _keys(config: Config, row_id: str, keys: tuple[str, ...]) -> list[str]:
    """The keys that the configuration gives an id, in Textual's spelling."""
    if RENAMED.get(row_id, row_id) not in BY_ID:
        near = get_close_matches(row_id, BY_ID, n=1, cutoff=0.4)
        guess = f"Did you mean “{near[0]}”?" if near else "The help screen lists every id."
        raise _error(config, row_id, f"there is no key binding “{safe(row_id)}”", guess)
    if not keys:
        raise _error(config, row_id, f"{row_id} has no key", 'Write a key, like "x".')
    spelled = []
    for key in keys:
        *modifiers, last = key.split("+") if len(key) > 1 else [key]
        if not (set(modifiers) <= _MODIFIERS and is_key(last)):
            hint = "Like x, space, f5, ctrl+x or shift+up."
            raise _error(config, row_id, f"“{safe(key)}” is not a key", hint)
        spelled.append(next(iter(Binding.make_bindings([(key, "", "")]))).key)
        if spelled[-1] in FORBIDDEN.get(row_id, ()):
            message = f"{row_id} cannot be on {spelled[-1]}, which people press without meaning to"
            raise _error(config, row_id, f"{message} delete", "Choose another key.")
    return spelled


def _error(config: Config, row_id: str, message: str, hint: str) -> ConfigError:
    line = config.key_lines.get(row_id)
    where = f"{config.path}{f', line {line}' if line else ''}: " if config.path else ""
    return ConfigError(f"{safe(where)}{message}.", hint=hint)


def _meet(one: KeyRow, other: KeyRow) -> bool:
    """Whether two rows can have the keyboard at the same time."""
    return one.where == other.where or bool({one.where, other.where} & _SHARED)


def is_key(name: str) -> bool:
    """Whether a name without modifiers is a key: a character, its name, or one like `f5`."""
    if len(name) == 1:
        return name.isprintable()
    return name in _NAMED or key_to_character(name) is not None


def shown_key(keymap: Mapping[str, str], row: KeyRow) -> str:
    """The first key of a row, as the footer shows it."""
    return key_name(keymap.get(row.id, row.keys).split(",")[0])


def shown_keys(keymap: Mapping[str, str], row: KeyRow) -> str:
    """All keys of a row, as the help screen shows them."""
    return " ".join(key_name(key) for key in keymap.get(row.id, row.keys).split(","))


def key_name(key: str) -> str:
    """One key in Textual's spelling, as people write it."""
    return _SHORT.get(key) or format_key(key)
