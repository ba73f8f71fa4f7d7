"""The sample registry: believable collections with small real bytes, the same for the same seed."""

from __future__ import annotations

import json
import random
import shutil
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.clients.local import facts, trash
from artifact_tui.clients.local.add import NewVersion
from artifact_tui.clients.local.layout import Layout
from artifact_tui.clients.local.opened import now_us as _now
from artifact_tui.clients.local.sample_plan import (
    DAY,
    FIRST,
    PEOPLE,
    SECOND,
    SERIES,
    TEXT_ENDINGS,
    WORDS,
    Piece,
    Series,
)
from artifact_tui.clients.local.store import Store
from artifact_tui.clients.local.trouble import told
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPAN = 420 * DAY
"""How far the sample reaches back."""
_LATER = 12 * DAY
"""How much later each level of lineage starts."""
_TRASHED = 30
_BATCH = 5_000
_USED = 0.4
"""The share of versions that somebody has used since they were made."""


@dataclass(slots=True)
class _Growing:
    """A collection while its versions are made, oldest first."""

    series: Series
    count: int
    """How many versions it will have."""
    keys: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


def _dice(seed: int | str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret


def _share(total: int) -> dict[str, int]:
    """How many versions each collection gets; all of them get one while there are enough."""
    counts = {series.name: int(n < total) for n, series in enumerate(SERIES)}
    rest = total - sum(counts.values())
    weights = sum(series.weight for series in SERIES)
    for series in SERIES:
        counts[series.name] += rest * series.weight // weights
    largest = max(SERIES, key=lambda series: series.weight).name
    counts[largest] += total - sum(counts.values())
    return counts


def _schedule(rng: random.Random, counts: dict[str, int], now: int) -> list[tuple[int, str]]:
    """When each version is made, oldest first."""
    moments: list[tuple[int, str]] = []
    for series in SERIES:
        start = now - (series.span or SPAN - series.level * _LATER)
        moments += [
            (rng.randrange(start, now - 3_600_000_000), series.name)
            for _ in range(counts[series.name])
        ]
    return sorted(moments)


def _bytes(rng: random.Random, piece: Piece) -> bytes:
    size = max(16, int(piece.size * rng.uniform(0.67, 1.33)))
    if not piece.path.endswith(TEXT_ENDINGS):
        return rng.randbytes(size)
    if piece.path.endswith(".json"):
        rows = {word: round(rng.random(), 4) for word in rng.sample(WORDS, 8)}
        return json.dumps({"name": piece.path, **rows}, indent=1).encode()
    lines = (" ".join(rng.choices(WORDS, k=9)) for _ in range(max(1, size // 54)))
    return ("\n".join(lines) + "\n").encode()


def _files(rng: random.Random, one: _Growing, families: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the next version: those that changed are new, the rest as before."""
    for piece in one.series.pieces:
        family = f"{piece.family}/{piece.path}"
        if piece.family and family not in families:
            families[family] = _bytes(_dice(family), piece)
        if piece.path not in one.files:
            known = families.get(family) if piece.family else None
            one.files[piece.path] = known or _bytes(rng, piece)
        elif rng.random() < piece.churn:
            one.files[piece.path] = _bytes(rng, piece)
    return dict(one.files)


def _names_at(series: Series, ordinal: int, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The aliases and protected aliases of one version: each near the end of its collection."""
    at = {name: max(0, count - 1 - 2 * n) for n, name in enumerate(series.aliases, start=1)}
    safe = {name: max(0, count - 2 - n) for n, name in enumerate(series.protected, start=1)}
    return (
        tuple(name for name, where in at.items() if where == ordinal),
        tuple(name for name, where in safe.items() if where == ordinal),
    )


def _parents(rng: random.Random, series: Series, growing: dict[str, _Growing]) -> tuple[str, ...]:
    """One recent version of each collection that this one is made from."""
    return tuple(
        rng.choice(growing[name].keys[-3:]) for name in series.parents if growing[name].keys
    )


def _one(
    rng: random.Random, one: _Growing, growing: dict[str, _Growing], created: int, now: int
) -> NewVersion:
    """What is said about the next version of a collection."""
    series, ordinal = one.series, len(one.keys)
    aliases, protected = _names_at(series, ordinal, one.count)
    number = rng.randrange(1, 400)
    person = rng.random() < 1 / 3
    run = rng.choice(PEOPLE) if person else f"{rng.choice(FIRST)}-{rng.choice(SECOND)}-{number}"
    new = NewVersion(
        name=series.name,
        type=series.type,
        aliases=aliases,
        protected=protected,
        tags=series.tags if rng.random() < 2 / 3 else (),
        parents=_parents(rng, series, growing),
        ttl_us=series.ttl_us,
        run=run,
        note=series.note if ordinal == 0 else "",
        created_us=created,
        used_us=rng.randrange(created, now) if rng.random() < _USED else None,
        key=uuid.UUID(int=rng.getrandbits(128), version=4).hex,
    )
    one.keys.append(new.key)
    return new


def _versions(
    rng: random.Random, counts: dict[str, int], now: int
) -> Iterator[tuple[NewVersion, dict[str, bytes]]]:
    """Every version of the sample in the order in which it was made."""
    families: dict[str, bytes] = {}
    growing = {series.name: _Growing(series, counts[series.name]) for series in SERIES}
    for created, name in _schedule(rng, counts, now):
        one = growing[name]
        yield _one(rng, one, growing, created, now), _files(rng, one, families)


def _throw_away(conn: sqlite3.Connection, rng: random.Random, now: int) -> None:
    """Put some versions into the trash, as people did over the last weeks; a few had an alias."""
    rows = conn.execute(
        "SELECT v.key, EXISTS (SELECT 1 FROM alias a WHERE a.version_id = v.id), v.created_us"
        " FROM version v"
        " WHERE NOT EXISTS (SELECT 1 FROM alias a"
        "  WHERE a.version_id = v.id AND (a.protected OR a.name = 'latest'))"
        " AND NOT EXISTS (SELECT 1 FROM edge e WHERE e.parent_id = v.id) ORDER BY v.id"
    ).fetchall()
    named = [key for key, has_alias, _ in rows if has_alias]
    plain = [key for key, has_alias, _ in rows if not has_alias]
    created = {key: when for key, _, when in rows}
    chosen = rng.sample(named, min(_TRASHED // 10, len(named) // 4))
    chosen += rng.sample(plain, min(_TRASHED - len(chosen), len(plain) // 4))
    known, numbers = facts.read(conn, chosen), facts.ids(conn, chosen)
    for key in chosen:
        when = rng.randrange(max(created[key], now - 20 * DAY), now)
        trash.move(conn, numbers[key][0], known[key], trash.By(rng.choice(PEOPLE), when))


def _fill(
    store: Store,
    rng: random.Random,
    counts: dict[str, int],
    now: int,
    progress: Callable[[int, int], None],
) -> None:
    total = sum(counts.values())
    batch: list[tuple[NewVersion, dict[str, bytes]]] = []
    for done, item in enumerate(_versions(rng, counts, now), start=1):
        batch.append(item)
        progress(done, total)
        if len(batch) == _BATCH and done < total:
            store.add_many(batch, durable=False)
            batch = []
    store.add_many(batch, durable=False, then=lambda conn: _throw_away(conn, rng, now))


def make_sample(
    path: str | os.PathLike[str],
    *,
    versions: int = 2000,
    seed: int = 7,
    now_us: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make the sample registry in a new or empty folder; gives that folder.

    It is made beside that folder and renamed when it is complete.

    Args:
        path: where to make it.
        versions: how many versions, at least one.
        seed: the same seed, versions and time give the same registry (but for its `uid`).
        now_us: the time that ages are counted from, in microseconds; 0 is the time now.
        progress: called with the versions made so far and in all.

    Raises:
        UsageError: there is something at this path.
        RegistryError: it cannot be made there.
    """
    if versions < 1:
        raise UsageError("The sample needs at least one version.")
    layout = Layout.at(path)
    now = now_us or _now()
    making = layout.root.with_name(f".{layout.root.name}.{uuid.uuid4().hex[:8]}")
    with told(layout):
        if layout.root.exists() and (not layout.root.is_dir() or any(layout.root.iterdir())):
            raise UsageError(
                f"There is something at {layout.root} already. Nothing was changed.",
                hint="Name a new or an empty folder, or open what is there.",
            )
        try:
            store = Store.create(making, clock=lambda: now)
            try:
                rng = _dice(seed)
                _fill(store, rng, _share(versions), now, progress or (lambda _done, _total: None))
            finally:
                store.close()
            making.rename(layout.root)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    return layout.root
