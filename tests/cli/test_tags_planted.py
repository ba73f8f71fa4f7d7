"""What lies oddly in a store of tags and blobs: no blob goes that something may need."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.oci import ollama_daemon
from artifact_tui.clients.oci.oci_client import TagClient
from artifact_tui.clients.oci.oci_layout import SETTLED_S, OllamaLayout
from artifact_tui.model import Deletion, Result
from tests.support.blobs import Oci, Ollama

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

WEIGHTS = b"w" * 4000
LIBRARY = "registry.ollama.ai/library"


@pytest.fixture
def ollama(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ollama:
    """Two models of long ago."""
    made = Ollama(tmp_path / "models")
    made.tag("mine", "latest", {"model": WEIGHTS, "system": b"s" * 80})
    made.tag("phi", "latest", {"model": b"p" * 700})
    monkeypatch.setenv("OLLAMA_MODELS", str(made.root))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    return made


def age(store: Ollama | Oci) -> None:
    """Its blobs were written long ago."""
    for path in store.blobs.iterdir():
        os.utime(path, (0, path.stat().st_mtime - 2 * SETTLED_S))


def free(cli: Cli, address: str, wish: str, plan: Path) -> str:
    said = cli("plan", address, wish, "-o", plan).out
    count = said.split("will be deleted: ")[1].split(" ")[0]
    cli("apply", plan, "--yes", "--expect", count, code=None)
    return said


def names(cli: Cli, address: str) -> list[str]:
    found = cli("ls", address, "--versions", "--json", code=None).records
    return sorted(f"{one['name']}:{one['version']}" for one in found)


@pytest.mark.parametrize("odd", ["corrupt", "pipe", "huge", "gone", "latin", "link", "folder link"])
def test_one_odd_manifest_hides_no_other(
    cli: Cli, ollama: Ollama, tmp_path: Path, odd: str
) -> None:
    ollama.blob(b"o" * 2000)
    path = ollama.root / "manifests" / LIBRARY / "odd/latest"
    path.parent.mkdir()
    if odd == "corrupt":
        path.write_bytes(b"{")
    elif odd == "pipe":
        os.mkfifo(path)
    elif odd == "huge":
        path.write_bytes(b" " * 10_000_001)
    elif odd == "gone":
        path.symlink_to(f"../../../../blobs/sha256-{'0' * 64}")
    elif odd == "latin":
        path.with_name(os.fsdecode(b"v\xff")).write_bytes(b"{}")
    elif odd == "link":
        path.symlink_to("/dev/zero")
    else:
        path.parent.rmdir()
        shutil.move(path.parent.with_name("phi"), tmp_path / "phi")
        path.parent.with_name("phi").symlink_to(tmp_path / "phi")
    age(ollama)
    before = {one.name for one in ollama.blobs.iterdir()}
    assert "mine:latest" in names(cli, "ollama:")
    assert "blobs:unused" not in names(cli, "ollama:")
    said = free(cli, "ollama:", "name:mine", tmp_path / "plan")
    assert "0 B freed" in said
    assert not list(ollama.root.glob("manifests/*/*/mine"))
    assert {one.name for one in ollama.blobs.iterdir()} == before
    if odd == "folder link":
        assert (tmp_path / "phi/latest").exists()


def test_a_corrupt_tag_can_go_and_then_its_blobs(cli: Cli, ollama: Ollama, tmp_path: Path) -> None:
    (ollama.root / "manifests" / LIBRARY / "mine/latest").write_bytes(b"{")
    age(ollama)
    free(cli, "ollama:", "name:mine", tmp_path / "one")
    assert names(cli, "ollama:") == ["blobs:unused", "phi:latest"]
    free(cli, "ollama:", "type:blob", tmp_path / "two")
    assert 700 < ollama.bytes() < 1200


def test_a_tag_of_two_generations_needs_the_blobs_of_both(
    cli: Cli, ollama: Ollama, tmp_path: Path
) -> None:
    ollama.second = True
    ollama.tag("mine", "latest", {"model": b"n" * 600})
    age(ollama)
    assert names(cli, "ollama:") == ["mine:latest", "phi:latest"]
    free(cli, "ollama:", "name:phi", tmp_path / "plan")
    assert ollama.bytes() > 4600
    free(cli, "ollama:", "name:mine", tmp_path / "two")
    assert (names(cli, "ollama:"), [*ollama.root.glob("manifests*/*/*/*/*")]) == ([], [])


def test_blobs_elsewhere_stay(cli: Cli, ollama: Ollama, tmp_path: Path) -> None:
    shutil.move(ollama.blobs, tmp_path / "away")
    ollama.blobs.symlink_to(tmp_path / "away")
    before = ollama.bytes()
    free(cli, "ollama:", "name:mine", tmp_path / "plan")
    assert ollama.bytes() == before
    assert "is a link" in cli("ls", "ollama:", code=None).err


@pytest.mark.parametrize("kind", ["ollama", "oci"])
def test_without_any_manifest_no_blob_is_unused(
    cli: Cli, ollama: Ollama, tmp_path: Path, kind: str
) -> None:
    """A disk that is not mounted has no manifests either."""
    store: Ollama | Oci = ollama
    if kind == "oci":
        store = Oci(tmp_path / "layout")
        store.tag("net", "v1", {"model": WEIGHTS})
        (store.root / "index.json").unlink()
    else:
        shutil.rmtree(ollama.root / "manifests")
    age(store)
    address = f"{kind}:{store.root}"
    assert names(cli, address) == ["blobs:doubt"]
    said = cli("plan", address, "type:blob", "-o", tmp_path / "plan", code=1).out
    assert "nobody knows which blobs are needed" in said


def test_blobs_that_came_since_the_review_stay(cli: Cli, ollama: Ollama, tmp_path: Path) -> None:
    ollama.blob(b"o" * 2000)
    age(ollama)
    plan = tmp_path / "plan"
    cli("plan", "ollama:", "type:blob", "-o", plan)
    ollama.blob(b"n" * 3000)
    age(ollama)
    before = ollama.bytes()
    assert cli("apply", plan, "--yes", "--expect", "1", code=None).code != 0
    assert ollama.bytes() == before


def entries(store: Oci) -> Any:
    return json.loads((store.root / "index.json").read_text())


def test_a_tag_of_several_platforms_is_one(cli: Cli, tmp_path: Path) -> None:
    store = Oci(tmp_path / "layout")
    for body in (WEIGHTS, b"a" * 600):
        store.tag("net", "v1", {"model": body})
    store.tag("other", "v1", {"model": b"o" * 90})
    age(store)
    address = f"oci:{store.root}"
    assert names(cli, address) == ["net:v1", "other:v1"]
    free(cli, address, "name:other", tmp_path / "one")
    assert store.bytes() > 4600
    free(cli, address, "name:net", tmp_path / "two")
    assert (store.bytes(), entries(store)["manifests"]) == (0, [])


def test_what_a_manifest_names_in_another_way_stays(cli: Cli, tmp_path: Path) -> None:
    store = Oci(tmp_path / "layout")
    store.tag("net", "v1", {"model": WEIGHTS})
    inner = store.blob(b"i" * 500)["digest"]
    body = json.dumps({"fsLayers": [{"blobSum": inner}], "layers": []}).encode()
    notes = {"org.opencontainers.image.ref.name": "old:v1"}
    index = entries(store)
    index["manifests"].append({**store.blob(body), "annotations": notes})
    (store.root / "index.json").write_text(json.dumps(index))
    age(store)
    assert names(cli, f"oci:{store.root}") == ["net:v1", "old:v1"]
    free(cli, f"oci:{store.root}", "name:net", tmp_path / "plan")
    assert store.file(inner).exists()


def test_an_index_that_holds_itself_comes_to_an_end(cli: Cli, tmp_path: Path) -> None:
    store = Oci(tmp_path / "layout")
    one = store.blob(b"{}")
    store.file(one["digest"]).write_text(json.dumps({"manifests": [one] * 50}))
    (store.root / "index.json").write_text(json.dumps({"manifests": [one]}))
    assert len(names(cli, f"oci:{store.root}")) == 1


def test_odd_names_are_shown_and_can_go(cli: Cli, tmp_path: Path) -> None:
    store = Oci(tmp_path / "layout")
    for name in ("half \ud83d", "line\nbreak", "../up", ""):
        store.tag(name, "v1", {"model": name.encode(errors="replace")})
    address = f"oci:{store.root}"
    assert len(names(cli, address)) == 4
    free(cli, address, "size>=0", tmp_path / "plan")
    assert (entries(store)["manifests"], store.bytes()) == ([], 0)


def test_links_in_place_of_an_index_are_not_written_through(cli: Cli, tmp_path: Path) -> None:
    store = Oci(tmp_path / "layout")
    store.tag("net", "v1", {"model": WEIGHTS})
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (store.root / ".index.json.new").symlink_to(mine)
    free(cli, f"oci:{store.root}", "name:net", tmp_path / "plan")
    assert (mine.read_text(), store.bytes()) == ("mine", 0)
    store.tag("net", "v2", {"model": WEIGHTS})
    plan = tmp_path / "second"
    cli("plan", f"oci:{store.root}", "name:net", "-o", plan)
    away = tmp_path / "away.json"
    (store.root / "index.json").rename(away)
    (store.root / "index.json").symlink_to(away)
    cli("apply", plan, "--yes", "--expect", "1", code=None)
    assert len(json.loads(away.read_text())["manifests"]) == 1
    assert store.bytes() > 4000


@pytest.fixture(params=["silent", "drips", "nonsense", "nested", "error"])
def odd_daemon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Something at Ollama's port that never ends, or is not Ollama."""
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    answers = {
        "silent": b"", "drips": head, "nonsense": b"hello\r\n\r\n",
        "nested": head + b"[" * 90_000, "error": b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n",
    }  # fmt: skip
    monkeypatch.setattr(ollama_daemon, "PATIENCE_S", 0.2)
    over = threading.Event()
    kept = ExitStack()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            kept.enter_context(peer)
            peer.recv(10_000)
            peer.sendall(answers[request.param])
            while request.param == "drips" and not over.wait(0.02):
                try:
                    peer.sendall(b" ")
                except OSError:
                    break
            if request.param not in {"silent", "drips"}:
                peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.getsockname()[1]}")
    yield request.param
    over.set()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    kept.close()


async def test_a_server_that_is_no_answer_holds_nothing_up(ollama: Ollama, odd_daemon: str) -> None:
    """Who never ends may be Ollama: nothing is deleted behind its back."""
    client = TagClient("ollama", OllamaLayout(ollama.root), read_only=False)
    (outcome,) = await client.delete([Deletion("mine:latest")])
    stays = odd_daemon in {"silent", "drips"}
    assert outcome.result is (Result.FAILED if stays else Result.DONE)
    assert ("does not say what it serves" in outcome.message) is stays
    assert (ollama.bytes() > 4000) is stays
