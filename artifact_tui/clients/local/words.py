"""Which names the registry accepts. Whatever it accepts it keeps exactly, hostile or not."""

from __future__ import annotations

import re

from artifact_tui.errors import UsageError

LONGEST = 10_000
LONGEST_NOTE = 100_000
_LABEL = re.compile(r"v\d+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def check_text(text: str, what: str, *, longest: int = LONGEST) -> str:
    """The text itself, when it can be stored and given back unchanged.

    Raises:
        UsageError: it holds NUL, half a surrogate pair, or more than `longest` characters.
    """
    if len(text) > longest:
        raise UsageError(
            f"The {what} has {len(text):,} characters; at most {longest:,} are allowed.",
            hint="Use a shorter one.",
        )
    if "\0" in text:
        raise UsageError(f"The {what} holds a NUL character.", hint="Leave it out.")
    if _SURROGATE.search(text):
        raise UsageError(f"The {what} is not valid Unicode text.", hint="Write it in UTF-8.")
    return text


def check_name(text: str, what: str) -> str:
    """The same for a name, which may not be empty either.

    Raises:
        UsageError: it cannot be a name.
    """
    if not text:
        raise UsageError(f"The {what} is empty.", hint="Give it at least one character.")
    return check_text(text, what)


def check_alias(text: str) -> str:
    """The same for an alias, which must also differ from a version's label.

    Raises:
        UsageError: it cannot be an alias.
    """
    check_name(text, "alias")
    if ":" in text:
        raise UsageError(
            "An alias may not contain “:”.", hint="A version is named COLLECTION:ALIAS."
        )
    if _LABEL.fullmatch(text):
        raise UsageError(
            f"“{text}” cannot be an alias: it looks like the label of a version.",
            hint="Use a word that is not “v” and a number.",
        )
    return text


def check_ttl(ttl_us: int | None) -> int | None:
    """The time to live itself, in microseconds, or None for none.

    Raises:
        UsageError: it is not more than nothing, or over ten thousand years.
    """
    if ttl_us is not None and not 0 < ttl_us < 10_000 * 366 * 86_400 * 1_000_000:
        raise UsageError(
            "A time to live must be more than nothing, and less than 10,000 years.",
            hint="Leave it out for no time to live.",
        )
    return ttl_us
