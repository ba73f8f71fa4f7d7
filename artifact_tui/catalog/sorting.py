"""How lists are sorted: one key, then the id; what is not known comes last, whatever the order."""

from __future__ import annotations

from dataclasses import dataclass

from artifact_tui.errors import UsageError
from artifact_tui.query import expressions
from artifact_tui.schema import as_number, as_text


@dataclass(frozen=True, slots=True)
class _Key:
    """A key as SQL over `v` and `c`; `turned` where a growing value means a falling column."""

    sql: str
    turned: bool = False
    nullable: bool = True
    common: bool = False


_KEYS = {
    "name": _Key(f"{as_text('c.name')} COLLATE NOCASE", nullable=False, common=True),
    "version": _Key("CASE WHEN v.ordinal >= 0 THEN v.ordinal END"),
    "type": _Key(as_text("c.type"), nullable=False, common=True),
    "size": _Key("v.size"),
    "unique": _Key(f"({expressions.UNIQUE})"),
    "stored": _Key(as_number("v.stored")),
    "age": _Key("v.created_us", turned=True),
    "created": _Key("v.created_us"),
    "used": _Key(as_number("v.used_us"), turned=True),
    "ttl": _Key(expressions.EXPIRES),
    "dependents": _Key(
        f"ifnull(nullif({expressions.DEPENDENTS}, 0),"
        f" CASE WHEN {expressions.DEPENDENTS_KNOWN} THEN 0 END)"
    ),
    "alias": _Key(f"(SELECT min({as_text('a.name')}) FROM alias a WHERE a.version_id = v.id)"),
    "run": _Key(f"nullif({as_text('v.run')}, '')"),
}

FIELDS = tuple(_KEYS)
"""What a list can be sorted by."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One field of `FIELDS` and a direction.

    `age` and `used` grow with the time passed: without `descending` the youngest come first.

    Raises:
        UsageError: there is no such field to sort by.
    """

    field: str = "name"
    descending: bool = False

    def __post_init__(self) -> None:
        if self.field not in _KEYS:
            raise UsageError(
                f"A list cannot be sorted by {self.field}.",
                hint=f"Sort by one of {', '.join(FIELDS)}.",
            )

    @property
    def common(self) -> bool:
        """Whether all versions of a collection are equal in it."""
        return _KEYS[self.field].common

    @property
    def nullable(self) -> bool:
        """Whether a version may lack it."""
        return _KEYS[self.field].nullable

    @property
    def key(self) -> str:
        """The SQL of the key, over `v` and `c`."""
        return _KEYS[self.field].sql

    @property
    def falling(self) -> bool:
        """Whether the key's SQL value falls from row to row."""
        return self.descending != _KEYS[self.field].turned

    def order(self, *, backwards: bool = False) -> str:
        """What follows ORDER BY; `backwards` gives exactly the opposite order."""
        falls = self.falling != backwards
        nulls = f" NULLS {'FIRST' if backwards else 'LAST'}" if self.nullable else ""
        return (
            f"{self.key} {'DESC' if falls else 'ASC'}{nulls}, v.id {'DESC' if backwards else 'ASC'}"
        )

    def within(self, *, backwards: bool = False) -> str:
        """`order` among the versions of one collection: equal ones stand newest first."""
        if self.common or self.field == "version":
            falls = self.common or self.descending
            return f"v.ordinal {'DESC' if falls != backwards else 'ASC'}"
        return self.order(backwards=backwards)
