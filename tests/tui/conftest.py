"""A machine that has nothing on it but what a story puts there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

POINTERS = ("HF_", "HUGGINGFACE_", "OLLAMA_", "KITOPS_", "WANDB_", "MLFLOW_", "XDG_")
"""Beginnings of variables that tell where a store is."""


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user without any store; gives it."""
    for name in os.environ:
        if name.startswith(POINTERS):
            monkeypatch.delenv(name)
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.setenv("HOME", str(user))
    return user
