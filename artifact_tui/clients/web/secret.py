"""A value that must not be seen: it has no way out but `reveal`, and can be cut out of texts."""

from __future__ import annotations

import hmac

SHORTEST = 4
"""Values shorter than this are not looked for in texts: they would be found everywhere."""


class Secret:
    """A token or password. `str`, `repr`, formatting and pickling do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def reveal(self) -> str:
        """The value itself, for the header of a request and nothing else."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without this value, in case a server sent it back.

        A scheme word in front of it ("bearer …") is not part of what is looked for.
        """
        for part in {self._value, self._value.rpartition(" ")[2]}:
            if len(part) >= SHORTEST:
                text = text.replace(part, "***")
        return text

    def found(self, data: bytes) -> bool:
        """Whether this value, as it is, is somewhere in an answer."""
        return len(self._value) >= SHORTEST and self._value.encode() in data

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")
