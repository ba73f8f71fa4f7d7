"""Connections: pages of anything, with offset or keyset cursors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from tests.servers.wandb.ids import cursor_of, cursor_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers.wandb.traps import Traps


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by a value and then the id."""

    key: Callable[[Any], list[Any]]
    descending: bool = False


def order_of(text: str | None, fields: dict[str, Callable[[Any], Any]], default: str) -> Order:
    """The order that `+name` or `-version_index` asks for."""
    said = text or default
    name = said.lstrip("+-")
    name = "".join("_" + c.lower() if c.isupper() else c for c in name)
    if name not in fields:
        raise GraphQLError(f"order: unknown field {name}")
    read = fields[name]
    return Order(lambda row: [read(row), row.id], said.startswith("-"))


def connection(
    rows: Sequence[Any],
    args: dict[str, Any],
    traps: Traps,
    order: Order | None = None,
    edge: Callable[[Any], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """One page of rows; without an order they stay as they are, and cursors are offsets."""
    if order is not None:
        rows = sorted(rows, key=order.key, reverse=order.descending)
    start = _start(rows, args.get("after"), order)
    end = min(start + _many(args.get("first"), traps), len(rows))
    by_key = order is not None and traps.cursors == "keyset"
    edges = [
        {"cursor": cursor_of(order.key(row) if by_key and order else at), "node": row}
        if edge is None
        else {"cursor": cursor_of(order.key(row) if by_key and order else at), **edge(row)}
        for at, row in enumerate(rows[start:end], start)
    ]
    return {
        "totalCount": len(rows),
        "edges": edges,
        "pageInfo": {
            "hasNextPage": end < len(rows),
            "hasPreviousPage": start > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


def _many(first: int | None, traps: Traps) -> int:
    many = traps.page if first is None else first
    if many < 0:
        raise GraphQLError("first must not be negative")
    return min(many, traps.page_cap) if traps.page_cap else many


def _start(rows: Sequence[Any], after: str | None, order: Order | None) -> int:
    if not after:
        return 0
    try:
        value = cursor_value(after)
    except ValueError:
        raise GraphQLError(f"invalid cursor {after!r}") from None
    if isinstance(value, int):
        return value + 1
    if order is None:
        raise GraphQLError(f"invalid cursor {after!r}")
    for at, row in enumerate(rows):
        key = order.key(row)
        if key < value if order.descending else key > value:
            return at
    return len(rows)
