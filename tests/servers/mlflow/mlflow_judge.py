"""MLflow's own client as a judge: what it loads of some versions."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.exceptions import MlflowException

if TYPE_CHECKING:
    from collections.abc import Iterable

LOADS = find_spec("numpy") is not None and find_spec("pandas") is not None
"""Whether MLflow can load models here: the tests do without what it needs for that."""

ADDED = "registered_model_meta"
"""A file that the client adds to what it downloads."""


def judge(url: str, versions: Iterable[str]) -> None:
    """Print what there is behind versions as JSON: digests of files, or why nothing."""
    logging.disable(logging.CRITICAL)
    mlflow.set_tracking_uri(url)
    print(json.dumps({uri: _loaded(uri) for uri in versions}))  # noqa: T201 - for who asked


class _Weights:
    """A model that predicts its own digest."""

    def __init__(self, place: Path) -> None:
        self._digest = hashlib.sha256((place / "MLmodel").read_bytes()).hexdigest()

    def predict(self, asked: object) -> str:
        del asked
        return self._digest


def _load_pyfunc(path: str) -> _Weights:
    """Load a model of a history: MLflow calls this, since the model names this module."""
    return _Weights(Path(path))


def _loaded(uri: str) -> list[str] | str:
    """The digests of the files of a version; its model is loaded too where that is possible."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            place = Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))
            if LOADS and (place / "MLmodel").exists():
                mlflow.pyfunc.load_model(uri)
        except MlflowException as error:
            return str(error)
        files = (path for path in place.rglob("*") if path.is_file() and path.name != ADDED)
        return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
