"""What the sample registry holds: its collections, and the words that fill them."""

from __future__ import annotations

from dataclasses import dataclass

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

FIRST = (
    "amber", "bold", "calm", "dashing", "eager", "fancy", "gentle", "hollow", "icy", "jolly",
    "kind", "lucky", "misty", "noble", "olive", "proud", "quiet", "rapid", "silver", "tidy",
)  # fmt: skip
SECOND = (
    "badger", "cat", "dawn", "ember", "falcon", "glade", "heron", "island", "jade", "kite",
    "lake", "meadow", "night", "otter", "pine", "quail", "river", "sun", "thicket", "wave",
)  # fmt: skip
PEOPLE = ("mara", "jonas", "priya", "tomas", "ci-nightly")
WORDS = (
    "batch", "loss", "rate", "step", "layer", "field", "value", "score", "split", "train",
    "shape", "model", "image", "label", "token", "queue", "index", "cache", "epoch", "scale",
)  # fmt: skip
TEXT_ENDINGS = (".json", ".md", ".txt", ".py", ".sh", ".sql", ".log", ".ipynb")
