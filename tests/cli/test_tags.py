"""Ollama's models and OCI layouts from the command line: what tags share, and what none needs."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.oci.oci_layout import SETTLED_S
from tests.support.blobs import Oci, Ollama

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

WEIGHTS = b"w" * 4000


@pytest.fixture(params=[False, True], ids=["manifests", "manifests-v2"])
def ollama(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> Ollama:
    """Two models with the same weights, and one of its own."""
    made = Ollama(tmp_path / "models", second=request.param)
    made.tag("llama3", "8b", {"model": WEIGHTS, "template": b"t" * 50})
    made.tag("mine", "latest", {"model": WEIGHTS, "system": b"s" * 80})
    made.tag("phi", "latest", {"model": b"p" * 700})
    monkeypatch.setenv("OLLAMA_MODELS", str(made.root))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    return made


def free(cli: Cli, address: str, wish: str, plan: Path) -> str:
    said = cli("plan", address, wish, "-o", plan).out
    count = said.split("will be deleted: ")[1].split(" ")[0]
    cli("apply", plan, "--yes", "--expect", count)
    return said


def test_what_a_tag_frees_is_not_what_it_lists(cli: Cli, ollama: Ollama, tmp_path: Path) -> None:
    sizes = {
        one["name"]: (one["version"], one["unique"] < 2000, one["size"] > 4000)
        for one in cli("ls", "ollama:", "--versions", "--json").records
    }
    assert sizes == {
        "llama3": ("8b", True, True), "mine": ("latest", True, True),
        "phi": ("latest", True, False),
    }  # fmt: skip
    before = ollama.bytes()
    free(cli, "ollama:", "name:mine", tmp_path / "one")
    assert before - ollama.bytes() < 1000
    free(cli, "ollama:", "name:llama3", tmp_path / "two")
    assert before - ollama.bytes() > 4000
    left = cli("ls", "ollama:", "--versions", "--json").records
    assert [one["name"] for one in left] == ["phi"]
    assert not list(ollama.root.glob("manifests*/*/*/mine"))


def test_blobs_that_no_tag_needs_can_go(cli: Cli, ollama: Ollama, tmp_path: Path) -> None:
    orphan = ollama.file(ollama.blob(b"o" * 2000)["digest"])
    partial = orphan.with_name(f"sha256-{'1' * 64}-partial-0")
    partial.write_bytes(b"half")
    foreign = orphan.with_name("notes.txt")
    foreign.write_bytes(b"mine")
    young = cli("ls", "ollama:", "type:blob", "--versions", "--json", code=None).records
    assert young == [], "a pull may be about to need them"
    before = {path.name for path in ollama.blobs.iterdir()}
    for path in (orphan, partial, foreign):
        os.utime(path, (0, path.stat().st_mtime - 2 * SETTLED_S))
    (found,) = cli("ls", "ollama:", "type:blob", "--versions", "--json").records
    assert (found["version"], found["size"]) == ("unused", 2004)
    assert "2 KB freed" in free(cli, "ollama:", "type:blob", tmp_path / "p")
    left = {path.name for path in ollama.blobs.iterdir()}
    assert before - left == {orphan.name, partial.name}


@pytest.mark.parametrize("body", [b"{", b'{"layers": [{"digest": "../../x"}]}', b"[]", b""])
def test_while_a_manifest_cannot_be_read_no_blob_goes(
    cli: Cli, ollama: Ollama, tmp_path: Path, body: bytes
) -> None:
    broken = ollama.root / "manifests/registry.ollama.ai/library/broken/latest"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(body)
    before = {path.name for path in ollama.blobs.iterdir()}
    ran = cli("plan", "ollama:", "name:phi", "-o", tmp_path / "p", code=None)
    if ran.code == 0:
        cli("apply", tmp_path / "p", "--yes", "--expect", "1", code=None)
    assert {path.name for path in ollama.blobs.iterdir()} == before


class Daemon(BaseHTTPRequestHandler):
    """Ollama's server, as far as it lists and deletes."""

    store: Ollama
    deleted: list[str]
    loaded: list[str]
    late_us = 0

    def do_GET(self) -> None:
        models = []
        for path in self.store.root.glob("manifests*/*/*/*/*"):
            made = datetime.fromtimestamp(os.lstat(path).st_mtime + self.late_us / 1e6, UTC)
            models.append({
                "name": f"{path.parent.name}:{path.name}", "digest": digest_of(path),
                "modified_at": made.isoformat().replace("+00:00", "123Z"),
            })  # fmt: skip
        if self.path == "/api/ps":
            models = [one for one in models if one["name"] in self.loaded]
        self.answer({"models": models})

    def do_DELETE(self) -> None:
        length = int(self.headers["content-length"])
        name, _, label = json.loads(self.rfile.read(length))["model"].partition(":")
        self.deleted.append(f"{name}:{label}")
        for path in self.store.root.glob(f"manifests*/*/*/{name}/{label}"):
            path.unlink()
        self.answer({})

    def answer(self, body: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


def digest_of(tag: Path) -> str:
    return hashlib.sha256(tag.read_bytes()).hexdigest()


@pytest.fixture
def daemon(ollama: Ollama, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Daemon]]:
    """It serves the store."""
    handler = type("Serving", (Daemon,), {"store": ollama, "deleted": [], "loaded": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OLLAMA_HOST", f"0.0.0.0:{server.server_port}")
        yield handler
        server.shutdown()
        thread.join()


def test_where_it_runs_ollama_itself_deletes(
    cli: Cli, ollama: Ollama, daemon: type[Daemon], tmp_path: Path
) -> None:
    free(cli, "ollama:", "name:mine", tmp_path / "p")
    assert daemon.deleted == ["mine:latest"]
    assert len(cli("ls", "ollama:", "--versions", "--json").records) == 2


def test_a_server_of_another_folder_is_not_asked_to_delete(
    cli: Cli, ollama: Ollama, daemon: type[Daemon], tmp_path: Path
) -> None:
    daemon.late_us = 3_000_000
    free(cli, "ollama:", "name:mine", tmp_path / "p")
    assert daemon.deleted == []
    assert len(cli("ls", "ollama:", "--versions", "--json").records) == 2


def test_a_model_that_the_server_runs_needs_consent(
    cli: Cli, ollama: Ollama, daemon: type[Daemon], tmp_path: Path
) -> None:
    """Its process may be another user's, and then only the server tells."""
    plan = tmp_path / "p"
    cli("plan", "ollama:", "name:phi", "-o", plan)
    daemon.loaded.append("phi:latest")
    said = cli("plan", "ollama:", "*", "-o", tmp_path / "q").out
    assert "will be deleted: 2 versions" in said
    assert "in use by ollama (its server) (1)" in said
    assert "ollama (its server)" in cli("apply", plan, "--yes", "--expect", "1", code=1).out
    assert daemon.deleted == []
    agreed = cli("plan", "ollama:", "name:phi", "-o", tmp_path / "r", "--in-use").out
    assert "by your consent" in agreed
    cli("apply", tmp_path / "r", "--yes", "--expect", "1")
    assert daemon.deleted == ["phi:latest"]


def test_layouts_with_several_indexes_share_their_blobs(cli: Cli, tmp_path: Path) -> None:
    """As KitOps keeps them: an index for each repository."""
    store = Oci(tmp_path / "storage")
    store.tag("ghcr.io/acme/net", "v1", {"weights": WEIGHTS, "code": b"c" * 60})
    store.tag("ghcr.io/acme/net", "v2", {"weights": WEIGHTS, "code": b"d" * 70})
    index = store.root / "index.json"
    (*_, second) = json.loads(index.read_text())["manifests"]
    name = base64.urlsafe_b64encode(b"ghcr.io/acme/copy").decode().rstrip("=")
    other = store.root / f"{name}-index.json"
    other.write_text(json.dumps({"manifests": [{"digest": second["digest"], "size": 1}]}))
    address = f"oci:{store.root}"
    names = {one["name"] for one in cli("ls", address, "--versions", "--json").records}
    assert names == {"ghcr.io/acme/net", "ghcr.io/acme/copy"}
    before = store.bytes()
    free(cli, address, "name:ghcr.io/acme/net", tmp_path / "one")
    assert 60 <= before - store.bytes() < 2000, "the copy needs the weights"
    free(cli, address, "name:ghcr.io/acme/copy", tmp_path / "two")
    assert store.bytes() == 0
    assert json.loads(index.read_text())["annotations"] == {"kept": "as it is"}
