"""What W&B accepts as an alias, a tag or a time to live; told before anything is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.model import TTL_INHERIT, TTL_OFF

if TYPE_CHECKING:
    from artifact_tui.model import Edit

LONGEST_ALIAS = 128
"""Characters."""

MOST_TAGS = 20
"""Tags that one request may add or remove."""

SECOND = 1_000_000

_LABEL = re.compile(r"v\d+")
_TAG = re.compile(r"[-\w]+([ ]+[-\w]+)*")


def is_label(alias: str) -> bool:
    """Whether it is a version's own name (`v3`), which W&B lists among the aliases."""
    return _LABEL.fullmatch(alias) is not None


def automatic(kind: str) -> bool:
    """Whether W&B makes versions of this type itself, and lets none of them expire."""
    return kind.startswith("wandb-") or kind in {"job", "code", "run_table"}


def ttl_seconds(ttl_us: int) -> int:
    """A time to live as W&B takes it: whole seconds, rounded up; -1 inherit, -2 off."""
    return ttl_us if ttl_us in {TTL_INHERIT, TTL_OFF} else -(-ttl_us // SECOND)


def wrong(edit: Edit) -> str:
    """What W&B would not accept in an edit, as a sentence; empty when it is fine."""
    every = (
        *(_wrong_alias(alias) for alias in edit.add_aliases),
        *(_wrong_removal(alias) for alias in edit.remove_aliases),
        *(_wrong_tag(tag) for tag in (*edit.add_tags, *edit.remove_tags)),
        _many(edit),
        _both("alias", edit.add_aliases, edit.remove_aliases),
        _both("tag", edit.add_tags, edit.remove_tags),
        _wrong_ttl(edit.ttl_us),
    )
    return next(filter(None, every), "")


def _wrong_removal(alias: str) -> str:
    return f"{alias} is the name of a version: it cannot be removed" if is_label(alias) else ""


def _wrong_tag(tag: str) -> str:
    if _TAG.fullmatch(tag):
        return ""
    return (
        f"the tag {tag!r} cannot be used: a tag has letters, digits, - and _,"
        " and spaces between them"
    )


def _many(edit: Edit) -> str:
    most = max(len(edit.add_tags), len(edit.remove_tags))
    return f"W&B takes at most {MOST_TAGS} tags at a time" if most > MOST_TAGS else ""


def _both(what: str, added: tuple[str, ...], removed: tuple[str, ...]) -> str:
    both = sorted(set(added) & set(removed))
    return f"the {what} {both[0]!r} is to be added and removed at once" if both else ""


def _wrong_ttl(ttl_us: int | None) -> str:
    if ttl_us is None or ttl_us > 0 or ttl_us in {TTL_INHERIT, TTL_OFF}:
        return ""
    return "a time to live must be longer than nothing"


def _wrong_alias(alias: str) -> str:
    if not alias:
        return "an alias needs at least one character"
    if len(alias) > LONGEST_ALIAS:
        return f"an alias has at most {LONGEST_ALIAS} characters, and this one {len(alias)}"
    if found := [sign for sign in "/:" if sign in alias]:
        return f"the alias {alias!r} cannot be used: it has a {found[0]} in it"
    if is_label(alias):
        return f"{alias} is the name of a version: W&B gives these out itself"
    return ""
