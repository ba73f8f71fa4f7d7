"""Which files of a revision hold its weights, and in which of several forms.

A repository often has the same weights several times: in the formats of several libraries, or in a
file for each quantisation. One of these forms is enough. Shards are one form together, with their
index; a format counts for each folder by itself, as models of several parts have one for each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMATS = {
    "safetensors": "safetensors", "bin": "bin", "h5": "h5", "msgpack": "msgpack", "onnx": "onnx",
    "onnx_data": "onnx", "pt": "pt", "pth": "pth", "ckpt": "ckpt", "ot": "ot", "gguf": "gguf",
}  # fmt: skip
"""The format of a file, by the end of its name; the order is that of what is needed first."""
_ORDER = list(_FORMATS.values())
_ENDS = (*(f".{end}" for end in _FORMATS), ".index.json")
_AMBIGUOUS = {"bin", "pt", "pth"}
_WEIGHTS = re.compile(r"model|weight|adapter|consolidated|checkpoint", re.IGNORECASE)
"""A word in the name of weights, for endings that other files have too: `pytorch_model.bin`."""
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.)")
_VARIANT = re.compile(r"\.(fp16|bf16|fp32|fp8|int8|non_ema|ema)(?=[.-])")
_FORM_FOLDERS = {"onnx", "original"}
"""Folders that hold another form of what lies beside them."""


def form_of(path: str) -> str:
    """The form of the weights at a path; empty where there are none.

    `model-Q4_K_M.gguf` is a form of its own; else the folder, a variant and the format name one:
    `unet/fp16.safetensors`. What cannot be printed is of none.
    """
    if not path.endswith(_ENDS) or not path.isprintable():
        return ""
    folder, _, name = path.rpartition("/")
    name = name.removesuffix(".index.json")
    form = _FORMATS.get(name.rpartition(".")[2], "")
    if not form or (form in _AMBIGUOUS and not _WEIGHTS.search(name)):
        return ""
    if form == "gguf":
        return _SHARD.sub("", path)
    variant = _VARIANT.search(name)
    form = f"{variant[1]}.{form}" if variant else form
    parts = folder.split("/") if folder else []
    while parts and parts[-1] in _FORM_FOLDERS:
        parts.pop()
    return "/".join([*parts, form])


def alternatives(found: Iterable[str]) -> dict[str, str]:
    """Forms of the same weights; by each, the one of them that is needed first, and goes last."""
    homes: dict[str, list[str]] = {}
    for form in found:
        home = "" if form.endswith(".gguf") else form.rpartition("/")[0]
        homes.setdefault(home, []).append(form)
    return {
        form: min(several, key=_place)
        for several in homes.values()
        if len(several) > 1
        for form in several
    }


def _place(form: str) -> tuple[int, int, str]:
    """Where a form stands in the order: what is needed first is first."""
    return _ORDER.index(form.rpartition(".")[2].rpartition("/")[2]), len(form), form
