"""The sample registry: believable collections with small real bytes, the same for the same seed."""

from __future__ import annotations

import json
import random
import shutil
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui import model
from artifact_tui.clients.local import local_reading, local_trash
from artifact_tui.clients.local.adding import add_many
from artifact_tui.clients.local.local_folder import Layout, our_errors
from artifact_tui.clients.local.local_store import LocalStore
from artifact_tui.errors import UsageError
from artifact_tui.model import NewVersion

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path


DAY = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of every version of a collection."""

    path: str
    size: int
    """Bytes, give or take a third."""
    churn: float
    """How likely a version changes it; otherwise it shares the bytes of the version before."""
    family: str = ""
    """Pieces of one family have the same bytes in every collection."""


@dataclass(frozen=True, slots=True)
class Series:
    """One collection of the sample."""

    name: str
    type: str
    weight: int
    """Its share of all versions."""
    pieces: tuple[Piece, ...]
    parents: tuple[str, ...] = ()
    level: int = 0
    """Steps from the raw data: a deeper one starts later."""
    aliases: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    span: int = 0
    """How far back its first version is made; 0 leaves it to its level."""
    note: str = ""


def _data(shards: int, size: int, ending: str = "parquet") -> tuple[Piece, ...]:
    some = tuple(Piece(f"data/part-{n:05d}.{ending}", size, 0.25) for n in range(shards))
    return (*some, Piece("README.md", 700, 0.05), Piece("stats.json", 300, 1))


def _weights(size: int, family: str, churn: float = 0.9) -> tuple[Piece, ...]:
    return (
        Piece("model-00001-of-00002.safetensors", size, 0.12),
        Piece("model-00002-of-00002.safetensors", size // 2, churn),
        Piece("config.json", 500, 0.03),
        Piece("tokenizer.json", 6_000, 0, family),
        Piece("metrics.json", 250, 1),
    )


def _checkpoint(size: int, family: str) -> tuple[Piece, ...]:
    return (
        Piece("model.pt", size, 1),
        Piece("optimizer.pt", size // 2, 1),
        Piece("training_args.json", 900, 0.05),
        Piece("tokenizer.json", 6_000, 0, family),
    )


def _export(size: int) -> tuple[Piece, ...]:
    return (
        Piece("model.onnx", size, 0.95),
        Piece("labels.txt", 1_200, 0.02, "imagenet-labels"),
        Piece("export.log", 400, 1),
    )


def _adapter(size: int) -> tuple[Piece, ...]:
    return (
        Piece("adapter_model.safetensors", size, 1),
        Piece("adapter_config.json", 600, 0.05),
        Piece("tokenizer.json", 6_000, 0, "llama"),
    )


def _table(size: int) -> tuple[Piece, ...]:
    return (
        Piece("model.ubj", size, 1),
        Piece("features.txt", 900, 0.1),
        Piece("metrics.json", 250, 1),
    )


def _code(*names: str) -> tuple[Piece, ...]:
    return tuple(Piece(name, 1_800, 0.3) for name in (*names, "requirements.txt"))


_GOLDEN = ("golden",)
_LIVE = ("production",)
_TRY = ("candidate", "baseline")

SERIES: tuple[Series, ...] = (
    # Vision: raw data, a cleaned subset, sweeps, the model, what is made from it.
    Series("imagenet-raw", "dataset", 6, _data(6, 24_000), protected=_GOLDEN),
    Series("imagenet-mini", "dataset", 24, _data(5, 12_000), ("imagenet-raw",), 1, ("stable",)),
    Series("vision-train", "code", 40, _code("train.py", "model.py", "aug/mix.py"), (), 0),
    Series(
        "sweep-checkpoints", "model", 620, _checkpoint(10_000, "vision"),
        ("imagenet-mini", "vision-train"), 2, ("best",), tags=("sweep",), ttl_us=60 * DAY,
        span=70 * DAY,
        note="Every trial of the learning-rate sweep; only the best is kept on purpose.",
    ),
    Series(
        "resnet50", "model", 110, _weights(20_000, "vision"),
        ("sweep-checkpoints", "imagenet-mini"), 3, ("candidate", "staging"), _LIVE,
    ),
    Series("resnet50-distilled", "model", 50, _weights(9_000, "vision"), ("resnet50",), 4, _TRY),
    Series("resnet50-onnx", "model", 36, _export(18_000), ("resnet50-distilled",), 5, (), _LIVE),
    Series("edge-bundle", "model", 18, _export(8_000), ("resnet50-onnx",), 6, ("field-test",)),
    Series("resnet50-int8", "model", 22, _export(6_000), ("resnet50",), 4, tags=("quantized",)),
    Series("vit-small", "model", 40, _weights(16_000, "vision"), ("imagenet-mini",), 3, _TRY),
    Series("coco-subset", "dataset", 14, _data(4, 16_000), (), 0, ("stable",)),
    Series("yolo-warehouse", "model", 44, _weights(14_000, "vision"), ("coco-subset",), 2, _TRY,
           _LIVE),
    Series("segment-roofs", "model", 20, _checkpoint(9_000, "vision"), ("coco-subset",), 2),
    # Language: text, features, a base model and its many children.
    Series("web-text-2026", "dataset", 10, _data(8, 20_000, "jsonl.zst"), protected=_GOLDEN),
    Series("customer-reviews", "dataset", 34, _data(3, 7_000), (), 0, ("stable",),
           tags=("gdpr-reviewed",)),
    Series("reviews-labelled", "dataset", 26, _data(3, 5_000), ("customer-reviews",), 1),
    Series("tokenizer-corpus", "dataset", 8, _data(2, 9_000, "txt"), ("web-text-2026",), 1),
    Series("bert-base", "model", 12, _weights(26_000, "bert", 0.5), ("web-text-2026",), 1,
           ("frozen",)),
    Series("bert-reviews", "model", 70, _weights(12_000, "bert"),
           ("bert-base", "reviews-labelled"), 2, ("candidate", "baseline"), _LIVE),
    Series("bert-reviews-onnx", "model", 30, _export(10_000), ("bert-reviews",), 3, (), _LIVE),
    Series("llama-3b", "model", 4, _weights(40_000, "llama", 0.5), (), 0, ("frozen",)),
    Series("llama-3b-support-lora", "model", 90, _adapter(7_000),
           ("llama-3b", "customer-reviews"), 2, _TRY, _LIVE, ttl_us=365 * DAY),
    Series("llama-3b-merged", "model", 14, _weights(22_000, "llama"),
           ("llama-3b-support-lora", "llama-3b"), 3, ("staging",)),
    Series("prompt-eval-set", "dataset", 16, _data(1, 4_000, "jsonl"), (), 0, ("stable",)),
    Series("eval-harness", "code", 30, _code("run.py", "tasks/reviews.py"), (), 0),
    Series("translation-de-en", "model", 26, _weights(11_000, "bert"), ("tokenizer-corpus",), 2),
    # Speech.
    Series("speech-commands", "dataset", 12, _data(4, 10_000, "tar"), (), 0, ("stable",)),
    Series("whisper-small-de", "model", 36, _weights(15_000, "whisper"), ("speech-commands",), 1,
           _TRY, _LIVE),
    Series("keyword-spotter", "model", 28, _export(4_000), ("speech-commands",), 1,
           ("field-test",)),
    # Tables: nightly jobs that nobody cleans up.
    Series("fraud-transactions", "dataset", 40, _data(2, 6_000), (), 0, ("stable",),
           ttl_us=400 * DAY),
    Series("fraud-features", "dataset", 40, _data(2, 4_000), ("fraud-transactions",), 1),
    Series("fraud-xgb", "model", 60, _table(7_000), ("fraud-features",), 2, ("challenger",), _LIVE),
    Series("churn-features", "dataset", 30, _data(2, 3_000), (), 0),
    Series("churn-lightgbm", "model", 46, _table(5_000), ("churn-features",), 1, _TRY),
    Series("feature-pipeline", "code", 36, _code("pipeline.py", "checks.py", "sql/fraud.sql")),
    Series(
        "nightly-checkpoints", "model", 300, _checkpoint(8_000, "bert"),
        ("reviews-labelled", "eval-harness"), 2, tags=("nightly",), ttl_us=30 * DAY,
        span=35 * DAY,
    ),
    Series("demand-forecast", "model", 30, _table(4_000), (), 1, ("baseline",)),
    Series("notebooks", "code", 24, _code("explore.ipynb", "report.ipynb")),
    Series("deploy-scripts", "code", 16, _code("deploy.sh", "rollback.sh"), (), 0, (), _LIVE),
    Series("scratch", "model", 28, _checkpoint(5_000, "vision"), (), 1, tags=("do-not-use",)),
)  # fmt: skip

FIRST_WORDS = (
    "amber", "bold", "calm", "dashing", "eager", "fancy", "gentle", "hollow", "icy", "jolly",
    "kind", "lucky", "misty", "noble", "olive", "proud", "quiet", "rapid", "silver", "tidy",
)  # fmt: skip
SECOND_WORDS = (
    "badger", "cat", "dawn", "ember", "falcon", "glade", "heron", "island", "jade", "kite",
    "lake", "meadow", "night", "otter", "pine", "quail", "river", "sun", "thicket", "wave",
)  # fmt: skip
PEOPLE = ("mara", "jonas", "priya", "tomas", "ci-nightly")
WORDS = (
    "batch", "loss", "rate", "step", "layer", "field", "value", "score", "split", "train",
    "shape", "model", "image", "label", "token", "queue", "index", "cache", "epoch", "scale",
)  # fmt: skip
TEXT_ENDINGS = (".json", ".md", ".txt", ".py", ".sh", ".sql", ".log", ".ipynb")


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
    """Those of its last version."""


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


def _piece_bytes(rng: random.Random, piece: Piece) -> bytes:
    size = max(16, int(piece.size * rng.uniform(0.67, 1.33)))
    if not piece.path.endswith(TEXT_ENDINGS):
        return rng.randbytes(size)
    if piece.path.endswith(".json"):
        rows = {word: round(rng.random(), 4) for word in rng.sample(WORDS, 8)}
        return json.dumps({"name": piece.path, **rows}, indent=1).encode()
    lines = (" ".join(rng.choices(WORDS, k=9)) for _ in range(max(1, size // 54)))
    return ("\n".join(lines) + "\n").encode()


def _next_files(rng: random.Random, one: _Growing, families: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the next version: those that changed are new, the rest as before."""
    for piece in one.series.pieces:
        family = f"{piece.family}/{piece.path}"
        if piece.family and family not in families:
            families[family] = _piece_bytes(_dice(family), piece)
        if piece.path not in one.files:
            known = families.get(family) if piece.family else None
            one.files[piece.path] = known or _piece_bytes(rng, piece)
        elif rng.random() < piece.churn:
            one.files[piece.path] = _piece_bytes(rng, piece)
    return dict(one.files)


def _near_the_end(names: tuple[str, ...], at: int, first: int, step: int) -> tuple[str, ...]:
    """Those of these names that the version `at` carries: each is on an older one."""
    return tuple(name for n, name in enumerate(names) if max(0, first - step * n) == at)


def _next_version(
    rng: random.Random, one: _Growing, growing: dict[str, _Growing], created: int, now: int
) -> NewVersion:
    """The facts of the next version of a collection, made from recent ones of others."""
    series, ordinal = one.series, len(one.keys)
    number = rng.randrange(1, 400)
    person = rng.random() < 1 / 3
    run = (
        rng.choice(PEOPLE)
        if person
        else f"{rng.choice(FIRST_WORDS)}-{rng.choice(SECOND_WORDS)}-{number}"
    )
    new = NewVersion(
        name=series.name,
        type=series.type,
        aliases=_near_the_end(series.aliases, ordinal, one.count - 3, 2),
        protected=_near_the_end(series.protected, ordinal, one.count - 3, 1),
        tags=series.tags if rng.random() < 2 / 3 else (),
        parents=tuple(
            rng.choice(growing[name].keys[-3:]) for name in series.parents if growing[name].keys
        ),
        ttl_us=series.ttl_us,
        run=run,
        note=series.note if ordinal == 0 else "",
        created_us=created,
        used_us=rng.randrange(created, now) if rng.random() < _USED else None,
        key=uuid.UUID(int=rng.getrandbits(128), version=4).hex,
    )
    one.keys.append(new.key)
    return new


def _all_versions(
    rng: random.Random, counts: dict[str, int], now: int
) -> Iterator[tuple[NewVersion, dict[str, bytes]]]:
    """Every version of the sample in the order in which it was made."""
    families: dict[str, bytes] = {}
    growing = {series.name: _Growing(series, counts[series.name]) for series in SERIES}
    for created, name in _schedule(rng, counts, now):
        one = growing[name]
        yield _next_version(rng, one, growing, created, now), _next_files(rng, one, families)


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
    known = local_reading.facts_with_ids(conn, chosen)
    for key in chosen:
        when = rng.randrange(max(created[key], now - 20 * DAY), now)
        local_trash.move_to_trash(conn, [known[key]], rng.choice(PEOPLE), when)


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
    layout = Layout(path)
    now = now_us or model.now_us()
    making = layout.root.with_name(f".{layout.root.name}.{uuid.uuid4().hex[:8]}")
    with our_errors(layout):
        if layout.root.exists() and (not layout.root.is_dir() or any(layout.root.iterdir())):
            raise UsageError(
                f"There is something at {layout.root} already. Nothing was changed.",
                hint="Name a new or an empty folder, or open what is there.",
            )
        try:
            rng = _dice(seed)
            batch: list[tuple[NewVersion, dict[str, bytes]]] = []
            with closing(LocalStore.create(making, clock=lambda: now)) as store:
                for done, item in enumerate(_all_versions(rng, _share(versions), now), start=1):
                    batch.append(item)
                    if progress is not None:
                        progress(done, versions)
                    if len(batch) == _BATCH and done < versions:
                        add_many(store, batch, durable=False)
                        batch = []
                add_many(store, batch, durable=False, then=lambda conn: _throw_away(conn, rng, now))
            making.rename(layout.root)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    return layout.root
