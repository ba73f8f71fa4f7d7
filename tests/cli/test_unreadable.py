"""One text that is not Unicode, in a name: that entry's trouble, and nobody else's."""

from __future__ import annotations

import http.client
import sqlite3
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.servers.rest.process import fresh as rest_fresh
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli, Local
    from tests.servers.rest.process import Server as Rest
    from tests.servers.wandb.process import Server

    Change = dict[bytes, bytes]
    Spoiled = Callable[[str, Change], str]

BROKEN = [rb"\ud800", b"\xff"]
"""In JSON, as servers send it: halves of surrogate pairs, and bytes that are not UTF-8."""


@pytest.fixture
def spoiled() -> Iterator[Spoiled]:
    """A server in front of another one, in whose answers some bytes become others."""
    servers: list[ThreadingHTTPServer] = []

    def start(origin: str, change: Change) -> str:
        host = urlsplit(origin).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("content-length", 0))
                headers = {**dict(self.headers), "Host": host, "Accept-Encoding": "identity"}
                behind = http.client.HTTPConnection(host)
                with closing(behind):
                    behind.request(self.command, self.path, self.rfile.read(size), headers)
                    found = behind.getresponse()
                    body = found.read()
                for old, new in change.items():
                    body = body.replace(old, new)
                self.send_response(found.status)
                for name, value in found.getheaders():
                    if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = do_PUT = answer  # noqa: N815 - http.server's names

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def process() -> Rest:
    return rest_fresh()


@pytest.fixture
def zoo(process: Rest) -> Rest:
    """Three artifacts, one with a name that can be told from all other bytes."""
    process.become()
    process.seed(
        [Entry("1", "good", "dataset"), Entry("2", "BAD", "dataset"), Entry("3", "fine", "dataset")]
    )
    return process


@pytest.mark.parametrize("bytes_", BROKEN, ids=repr)
def test_a_rest_registry_with_one_broken_name_is_read_and_cleaned(
    cli: Cli, zoo: Rest, spoiled: Spoiled, tmp_path: Path, bytes_: bytes
) -> None:
    address = spoiled(zoo.origin, {b"BAD": b"bad" + bytes_}) + zoo.traps.prefix
    listed = cli("ls", address, "--versions", "--json")
    assert {one["key"] for one in listed.records} == {"dataset/1", "dataset/2", "dataset/3"}
    assert "1 artifact with a name that is not Unicode" in listed.err
    assert "credentials" not in listed.err
    plan = tmp_path / "p"
    said = cli("plan", address, "version:2", "--unknown-lineage", "-o", plan).out
    assert "bad\\\\" in said
    ran = cli("apply", plan, "--yes", "--expect", "1")
    assert "1 deleted, verified gone" in ran.out
    assert [entry.id for entry in zoo.entries()] == ["1", "3"]


def test_whatever_a_rest_server_says_of_one_the_rest_is_listed(
    cli: Cli, process: Rest, spoiled: Spoiled
) -> None:
    process.become()
    names = ["good", "NULL", "NUMBER", "OBJECT", "HUGE", "MISSING", "fine"]
    process.seed([Entry(f"10{n}", name, "dataset") for n, name in enumerate(names)])
    huge = b'"' + b"n" * 3_000_000 + b'"'
    named: Change = {
        b'"NULL"': b"null", b'"NUMBER"': b"17", b'"OBJECT"': b'{"a": [1]}', b'"HUGE"': huge,
        b'"name":"MISSING",': b"",
    }  # fmt: skip
    address = spoiled(process.origin, named) + process.traps.prefix
    ran = cli("ls", address, "--versions", "--json")
    assert {one["version"] for one in ran.records} == {f"10{n}" for n in range(7)}
    assert {"good", "17", "fine"} <= {one["name"] for one in ran.records}
    lost: Change = {b'"101"': rb'"101\ud800"', b'"102"': b"null"}
    address = spoiled(process.origin, named | lost) + process.traps.prefix
    ran = cli("ls", address, "--versions", "--json")
    assert {one["version"] for one in ran.records} == {"100", "103", "104", "105", "106"}
    assert "2 artifacts without a usable id: left out" in ran.err


@pytest.mark.parametrize("bytes_", BROKEN, ids=repr)
def test_a_wandb_project_with_one_broken_name_is_read_and_cleaned(
    cli: Cli, vision: Server, spoiled: Spoiled, tmp_path: Path, bytes_: bytes
) -> None:
    origin = spoiled(f"http://{vision.host}", {b'"name":"net"': b'"name":"n' + bytes_ + b'"'})
    address = f"wandb+{origin}/acme/vision"
    listed = cli("ls", address, "--versions", "--json")
    assert len(listed.records) == 7
    assert "Names of collections that are not text are spelled out: 1." in listed.err
    plan = tmp_path / "p"
    cli("plan", address, "version:v0", "type:model", "--delete-aliases", "-o", plan)
    assert "1 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "1").out
    assert vision.versions("DELETED") == {"acme/vision/net:v0": "DELETED"}


@pytest.mark.parametrize("value", [b"5", b"[]"])
def test_whatever_wandb_says_of_one_name_the_rest_is_listed(
    cli: Cli, vision: Server, spoiled: Spoiled, value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = spoiled(f"http://{vision.host}", {b'"name":"net"': b'"name":' + value})
    monkeypatch.setenv("WANDB_BASE_URL", origin)
    ran = cli("ls", f"wandb+{origin}/acme/vision", "--versions", "--json")
    assert [one["name"] for one in ran.records].count("mnist") == 5
    assert len(ran.records) == 7


def test_a_local_registry_with_broken_texts_is_read_and_cleaned(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    registry.add("bad", tags=["t"], run="someone", note="n")
    with closing(sqlite3.connect(registry.path / "registry.db")) as conn:
        conn.execute("UPDATE collection SET name = cast(x'62ff' AS TEXT) WHERE name = 'bad'")
        conn.execute("UPDATE tag SET name = cast(x'eda080' AS TEXT)")
        conn.execute("UPDATE version SET run = cast(x'fe' AS TEXT), note = run WHERE run <> ''")
        conn.execute("UPDATE file SET path = cast(x'80' AS TEXT) WHERE version_id = 7")
        conn.commit()
    assert "    1  b\\\\xff  model   1 version " in cli("ls", registry.address).out
    (record,) = cli("ls", registry.address, "--versions", "run:any", "--json").records
    plan = tmp_path / "p"
    cli("plan", registry.address, "run:any", "--delete-aliases", "-o", plan)
    assert "1 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "1").out
    assert "b\\\\xff:v0" in cli("trash", registry.address).out
    cli("restore", "--plan", plan)
    cli("plan", registry.address, "run:any", "--delete-aliases", "-o", tmp_path / "q")
    cli("apply", tmp_path / "q", "--yes", "--expect", "1")
    cli("purge", registry.address, "--all", "--yes", "--expect", "1")
    assert record["key"] not in {
        one["key"] for one in cli("ls", registry.address, "--versions", "--json").records
    }


def test_a_local_registry_with_values_of_other_types_is_read_and_cleaned(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    """Tables that old SQLite can read are not STRICT: another program can store anything."""
    key = registry.add("bad", tags=["t"], run="someone", note="n", ttl_us=1, aliases=["a"])
    huge = registry.add("huge")
    with closing(sqlite3.connect(registry.path / "registry.db")) as conn:
        conn.execute("UPDATE collection SET name = x'62ff', type = x'6d' WHERE name = 'bad'")
        conn.execute("UPDATE tag SET name = x'74'")
        conn.execute(
            "UPDATE version SET size = 'big', created_us = 'soon', used_us = x'00', run = x'41',"
            " note = x'42', label = x'763080', file_count = 'few' WHERE key = ?",
            (key,),
        )
        conn.execute("UPDATE version SET size = ? WHERE key = ?", (2**63 - 1, huge))
        conn.commit()
    address = registry.address
    listed = cli("ls", address).out
    assert "4  b\\\\xff  m       1 version " in listed
    assert "reg · 4 collections · 8 versions · " in listed
    for field in ("name", "size", "age", "used", "run", "type", "ttl", "alias"):
        records = cli("ls", address, "--versions", "--json", "--sort", field).records
        (bad,) = [one for one in records if one["key"] == key]
        assert bad["version"] == "v0\\x80"
        assert bad["tag"] == ["t"]
        assert {bad[name] for name in ("size", "created", "used", "expires", "files")} == {None}
        assert next(one["size"] for one in records if one["key"] == huge) is None
    assert "note        B" in cli("show", address, key).out
    for unknown in ("size>1", "size<1", "-size>1", "age>1d", "-age>1d", "ttl:expired"):
        ran = cli("ls", address, "--versions", "--json", "--", *unknown.split(), code=None)
        assert key not in {one["key"] for one in ran.records}
    said = cli("gc", address, "--dry-run")
    assert "expired" not in said.out + said.err
    assert "Did you mean bat" not in cli("show", address, "bat:v0", code=1).err
    assert "version 7     0 B    of another type: " in cli("fsck", address, code=1).out
    wanted = tmp_path / "wanted"
    wanted.write_text(key)
    plan = tmp_path / "p"
    said = cli("plan", address, "--from", wanted, "--delete-aliases", "-o", plan)
    assert "this registry does not tell their sizes" in said.out
    assert "1 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "1").out
    assert "b\\\\xff:v0\\\\x80  ?  deleted " in cli("trash", address).out
    cli("restore", "--plan", plan)
    cli("plan", address, "--from", wanted, "--delete-aliases", "-o", tmp_path / "q")
    cli("apply", tmp_path / "q", "--yes", "--expect", "1")
    cli("purge", address, "--all", "--yes", "--expect", "1")
    assert len(cli("ls", address, "--versions", "--json").records) == 7


def test_a_local_registry_with_rows_that_nothing_fits_is_read(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    """A state, a key and a collection of no kind: that version's trouble, and nobody else's."""
    keys = {name: key for key, name in registry.keys().items()}
    cli("plan", registry.address, "name:tiny", "--delete-aliases")
    with closing(sqlite3.connect(registry.path / "registry.db")) as conn:
        conn.execute("PRAGMA ignore_check_constraints = ON")
        conn.execute("UPDATE version SET state = 'odd' WHERE key = ?", (keys["net:v0"],))
        conn.execute("UPDATE version SET key = x'4b' WHERE key = ?", (keys["net:v2"],))
        conn.execute("UPDATE version SET collection_id = 99 WHERE key = ?", (keys["tiny:v0"],))
        conn.commit()
    records = cli("ls", registry.address, "--versions", "--json").records
    assert {one["version"]: one["state"] for one in records} == {
        "v0": "pending", "v1": "live", "v2": "live", "v3": "live", "v4": "live",
    }  # fmt: skip
    said = cli("plan", registry.address, "version:v2", "--delete-aliases", code=1)
    assert "another program wrote its key" in said.out + said.err
    wanted = tmp_path / "wanted"
    wanted.write_text(keys["tiny:v0"])
    assert "line 1: " in cli("plan", registry.address, "--from", wanted, code=1).err
    said = cli("show", registry.address, keys["tiny:v0"], code=1)
    assert f"artifact-tui fsck {registry.address}" in said.err
    assert cli("fsck", registry.address, code=1).out.count("version ") == 3
