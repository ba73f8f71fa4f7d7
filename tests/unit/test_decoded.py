"""Every type that JSON or TOML is decoded into can be read while the program runs.

`msgspec` resolves annotations at the first use: an import that was moved under `TYPE_CHECKING`
fails there, and nowhere before.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

import msgspec

import artifact_tui
from artifact_tui.deletion.plan import Head
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def modules() -> list[ModuleType]:
    """All of the package, imported."""
    found = pkgutil.walk_packages(artifact_tui.__path__, "artifact_tui.")
    return [importlib.import_module(one.name) for one in found if "__main__" not in one.name]


def structs(kind: type[Any]) -> Iterator[type[Any]]:
    """Those of ours, and those that are made from them."""
    for one in kind.__subclasses__():
        if one.__module__.startswith("artifact_tui."):
            yield one
        yield from structs(one)


def named(module: ModuleType) -> Iterator[Any]:
    """What a module names as the type of a decoder, or of one decoding."""
    known = vars(module) | vars(builtins)
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            kinds = call.args[:1] if call.func.attr == "Decoder" else []
            if call.func.attr == "decode":
                kinds = [word.value for word in call.keywords if word.arg == "type"]
            for kind in kinds:
                if all(one.id in known for one in ast.walk(kind) if isinstance(one, ast.Name)):
                    yield eval(ast.unparse(kind), known)  # noqa: S307 - our own source


def test_every_decoded_type_can_be_read() -> None:
    asked = [kind for module in modules() for kind in named(module)]
    assert Facts in asked
    assert Head in asked
    for kind in (*asked, *structs(msgspec.Struct)):
        msgspec.json.Decoder(kind)
