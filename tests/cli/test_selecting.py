"""What the words of a command select: which registry, which names, and what nobody knows."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from tests.cli.conftest import Local
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Ran
    from tests.servers.rest.process import Server


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def zoo(process: Server) -> Server:
    """Three models, the last made from the first, and a dataset; configured as `zoo`."""
    process.seed(
        [
            Entry("1", "acme/bert", "model"),
            Entry("2", "acme/bert", "model"),
            Entry("3", "acme/tiny", "model", parents=("1",)),
            Entry("4", "acme/text", "dataset"),
        ]
    )
    _configure(f'[registries.zoo]\naddress = "{process.address}"\n')
    return process


@pytest.fixture
def team(registry: Local) -> Local:
    """The registry, configured as `team`, the only one."""
    _configure(f'[registries.team]\naddress = "{registry.address}"\n')
    return registry


def _configure(text: str) -> None:
    (config.config_dir() / "config.toml").write_text(text, encoding="utf-8")


def _names(ran: Ran) -> list[str]:
    return [f"{one['name']}:{one['version']}" for one in ran.records]


def test_a_field_is_exact_and_a_bare_word_is_not(cli: Cli, team: Local, tmp_path: Path) -> None:
    team.add("mnist", content=b"a")
    team.add("MNIST-test", content=b"b")
    ran = cli("plan", "team", "name:mnist-test", "-o", tmp_path / "p.plan", code=None)
    assert ran.code != 0
    assert not (tmp_path / "p.plan").exists()
    assert "Did you mean “MNIST-test”?" in ran.err
    ls = ("ls", "team", "--versions", "--json")
    assert _names(cli(*ls, "name:m*")) == ["mnist:v0"]
    assert _names(cli(*ls, "mnist")) == ["mnist:v0", "MNIST-test:v0"]
    assert _names(cli(*ls, "M*")) == ["mnist:v0", "MNIST-test:v0"]
    for term in ("alias:LATEST", "type:Model", "version:V0"):
        assert _names(cli(*ls, term)) == []
    for words in (("show", "team", "Mnist:v0"), ("plan", "team", "--collection", "Mnist")):
        assert "mnist" in cli(*words, code=None).err


@pytest.mark.parametrize("command", ["ls", "plan", "trash", "purge"])
def test_a_word_that_could_be_a_registry_is_never_a_filter(
    cli: Cli, team: Local, command: str
) -> None:
    for words in (("taem",), ("vision", "age>200d"), ("vision", "type:model")):
        said = cli(command, *words, code=2).err
        assert f"There is no registry named “{words[0]}”" in said
    assert "Did you mean “team”?" in cli(command, "taem", code=2).err
    said = cli(command, "vision", code=2).err
    assert "To look for it in names, write '*vision*', or name the registry first." in said
    said = cli(command, "type:model", "team", code=2).err
    assert "Put the registry first" in said


def test_what_can_only_be_a_filter_is_one(cli: Cli, team: Local) -> None:
    for words in (["type:model age<9d"], ["*ne*"], ["-name:tiny"], ['"net"'], ["net | x"]):
        assert "net:v0" in _names(cli("ls", "--versions", "--json", *words))
    assert "net:v0" in _names(cli("ls", "team", "--versions", "--json", "net"))


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket/key",
        "models:/bert/3",
        "dvc+http://127.0.0.1:5000",
        "dvc:",
        "dvc:data",
        "gs://b",
    ],
)
def test_an_address_of_no_kind_here_is_told_as_one(cli: Cli, team: Local, address: str) -> None:
    for words in (
        ("ls", address),
        ("plan", address, "age>1d"),
        ("show", address, "a:v1"),
        (address,),
    ):
        said = cli(*words, code=2).err
        assert f"No client here can open “{address}”" in said
        assert "Clients installed" in said


def test_other_commands_name_a_registry_that_is_none(cli: Cli, team: Local) -> None:
    for words in (
        ("show", "taem", "net:v1"), ("show", "taem"), ("gc", "taem"), ("fsck", "taem"),
        ("orphans", "taem"), ("reset", "taem"), ("restore", "taem", "net:v1"), ("restore", "taem"),
        ("ttl", "taem", "--filter", "net", "3d"), ("alias", "taem", "net:v1", "--add", "x"),
        ("tag", "taem", "--marked", "--add", "x"), ("export", "taem", "net:v1", "-o", "x"),
        ("reingest", "taem", "net:v1"), ("registries", "test", "taem"), ("taem",),
    ):  # fmt: skip
        said = cli(*words, code=None)
        assert said.code
        assert "taem" in said.err
        assert "registry named “taem”" in said.err, (words, said.err)


def test_a_slip_in_a_negation_is_refused_before_a_plan_is_made(
    cli: Cli, team: Local, tmp_path: Path
) -> None:
    plan = tmp_path / "p.plan"
    for options in ((), ("--json",)):
        ran = cli("plan", "team", "-alias:prdo", "-o", plan, *options, code=2)
        assert "Nothing here has the alias “prdo”" in ran.err
        assert "Did you mean “prod”?" in ran.err
        (meant,) = re.findall("put it in quotes: (.*)", ran.err)
        assert shlex.split(meant) == ['-alias:"prdo"']
        assert not plan.exists()
    cli("plan", "team", *shlex.split(meant), "-o", tmp_path / "meant.plan")
    for slip in ("-(type:modle | version:v9)", "-name:nett", "-nett", "-tag:t*", "-run:x"):
        assert cli("plan", "team", slip, "-o", plan, code=2).err
    for words in (("ttl", "3d"), ("tag", "--add", "x"), ("alias", "--add", "x")):
        command, *more = words
        said = cli(command, "team", "--filter", "-alias:prdo", *more, "--dry-run", code=2).err
        assert "leaves nothing out" in said
    ran = cli("ls", "team", "-alias:prdo", "--json")
    assert ran.records
    assert "Nothing here has the alias “prdo”" in ran.err
    meant = cli("plan", "team", '-alias:"prdo"', "version:v0", "-o", plan, code=None)
    assert plan.exists(), meant
    assert "Nothing here has the alias “prdo”" in meant.err


def test_what_a_registry_never_tells_is_refused(cli: Cli, team: Local, zoo: Server) -> None:
    address = team.address
    for term in ("used>90d", "-used<90d", "used:none", "runs:0", "registry:any", "link:no"):
        said = cli("ls", address, term, code=2).err
        assert "This registry does not tell" in said
        assert "\n      " in said or "^" in said
    for term in (
        "size>1GB",
        "-size>1GB",
        "age>3d",
        "alias:none",
        "-alias:x",
        "ttl:none",
        "unique>1",
    ):
        assert "This registry does not tell" in cli("plan", "zoo", term, code=2).err
    assert "does not tell when" in cli("ls", address, "--sort", "used", code=2).err


def test_what_nobody_asked_about_is_neither_none_nor_some(cli: Cli, zoo: Server) -> None:
    ls = ("ls", "zoo", "--versions", "--json")
    for one in cli(*ls).records:
        assert (one["dependents"], one["dependents_known"]) == (None, False)
        assert {one[name] for name in ("size", "unique", "age", "created", "used", "ttl")} == {None}
        assert {one[name] for name in ("files", "runs", "run")} == {None}
    for term in ("dependents:0", "-dependents:0", "dependents>0", "-dependents>0", "dependents<5"):
        ran = cli(*ls, term)
        assert ran.records == []
        assert "4 versions" in ran.err
    (shown,) = cli("show", "zoo", "acme/bert:1", "--json").records
    assert (shown["dependents"], shown["dependents_total"]) == (None, None)
    (planned, *_) = cli("plan", "zoo", "name:acme/bert", "--json", "--cached", code=None).records
    assert (planned["dependents"], planned["dependents_known"]) == (None, False)
    cli("plan", "zoo", "name:acme/bert", "--scan-lineage", "--unknown-lineage")
    assert _names(cli(*ls, "dependents:0")) == ["acme/bert:2", "acme/text:4", "acme/tiny:3"]
    assert _names(cli(*ls, "-dependents:0")) == ["acme/bert:1"]
    assert {one["dependents_known"] for one in cli(*ls).records} == {True}


def test_signs_and_words_of_other_languages_are_explained(cli: Cli, team: Local) -> None:
    for text, help_ in {
        "type:model OR type:dataset": "Write | between terms",
        "type:model and age>3d": "Terms are joined by a space",
        "NOT alias:prod": "A - right before a term negates it",
        "!alias:prod": "A - right before a term negates it",
        "name!=net": "A - right before a term negates it",
        "name=net": "joined by a colon",
        "name~net": "* stands for anything",
        "size=>1": "Write >=",
        "size:>1": "Write size>1, without the colon",
        "size > 1": "without spaces",
    }.items():
        said = cli("ls", "team", text, code=2).err
        assert help_ in said
        assert text.split()[0] in said


def test_the_newest_are_the_last_of_the_listing_whatever_the_ids(
    cli: Cli, process: Server, tmp_path: Path
) -> None:
    process.become(page_size=7)
    _configure(f'[registries.zoo]\naddress = "{process.address}"\n')
    kinds: dict[str, list[str]] = {
        "digits": [str(1_000_000_000 + (n * 7_919_317_933) % 9_000_000_000) for n in range(40)],
        "hashes": [f"{(n * 2_654_435_761) % 2**32:08x}-uuid" for n in range(40)],
        "counted": [str(n) for n in range(8, 48)],
        "few": ["7000000000", "3000000000", "9999999999", "1234567890"],
    }
    for ids in kinds.values():
        process.seed([Entry(one, f"acme/m{n // 2}") for n, one in enumerate(ids)])
        for words in (("ls", "zoo", "--versions", "--json", "-latest:1"), ("-latest:1",)):
            if len(words) > 1:
                older = {one["version"] for one in cli(*words).records}
                assert older == set(ids[::2])
        newest = cli("ls", "zoo", "--versions", "--json", "latest:1").records
        assert {one["version"] for one in newest} == set(ids[1::2])
    process.seed([*process.entries()[2:], Entry("new", "acme/m1")])
    left = cli("ls", "zoo", "--versions", "--json", "latest:1").records
    assert {one["version"] for one in left} == {"new"}


@pytest.mark.parametrize(
    "why", ["narrowed", "newest first", "hashed counters", "sorted digits", "sorted hashes"]
)
def test_where_nothing_tells_the_order_the_newest_are_refused(
    cli: Cli, process: Server, tmp_path: Path, why: str
) -> None:
    process.become(too_many=5 if why == "narrowed" else 0)
    _configure(f'[registries.zoo]\naddress = "{process.address}"\n')
    ids = {
        "narrowed": [f"{n:04x}-uuid" for n in range(12)],
        "newest first": [str(n * 1000) for n in range(12, 0, -1)],
        "hashed counters": [str(n * 7 % 13) for n in range(1, 13)],
        "sorted digits": sorted(str(10**9 + n * 7_919_317_933 % (9 * 10**9)) for n in range(12)),
        "sorted hashes": sorted(f"{n * 2_654_435_761 % 2**32:08x}-uuid" for n in range(12)),
    }[why]
    entries = [Entry(one, "acme/m", "dataset") for one in ids]
    process.seed([*entries, Entry("alone", "acme/one")] if why == "narrowed" else entries)
    plan = tmp_path / "p.plan"
    for words in (
        ("plan", "zoo", "-latest:1", "-o", plan), ("plan", "zoo", "latest:3", "--unknown-lineage"),
        ("ls", "zoo", "-latest:1", "--json"), ("ls", "zoo", "--versions", "--sort", "version"),
    ):  # fmt: skip
        said = cli(*words, code=2).err
        assert "Nothing tells which versions of “acme/m” are newer" in said
    assert not plan.exists()
    assert len(cli("ls", "zoo", "--versions", "--json", "latest:12", "name:acme/m").records) == 12
    if why == "narrowed":
        assert _names(cli("ls", "zoo", "--json", "--versions", "latest:1", "type:model")) == [
            "acme/one:alone"
        ]


def test_counted_ids_tell_the_order_of_narrowed_questions(cli: Cli, process: Server) -> None:
    process.become(too_many=5)
    _configure(f'[registries.zoo]\naddress = "{process.address}"\n')
    process.seed([Entry(str(n), f"acme/m{n % 3}", ("model", "dataset")[n % 2]) for n in range(24)])
    newest = cli("ls", "zoo", "--versions", "--json", "latest:1").records
    assert {one["version"] for one in newest} == {str(n) for n in range(18, 24)}


def test_a_plan_from_lines_of_every_form(
    cli: Cli, zoo: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.seed([*zoo.entries(), Entry("a/b", "acme/odd", "dataset"), Entry("7", "4", "code")])
    plan, source = tmp_path / "p.plan", tmp_path / "ids.txt"
    as_json = cli("ls", "zoo", "--versions", "--json", "name:acme/tiny").out
    source.write_text(
        f"\ufeffmodel/1\r\n\n  acme/bert:2\ndataset/a/b\nacme/text:4\n{as_json}model/1\n",
        encoding="utf-8",
    )
    words = ("plan", "zoo", "--unknown-lineage", "--from")
    listed = cli(*words, source, "-o", plan, "--json").records
    assert {one["key"] for one in listed} == {
        "model/1", "model/2", "model/3", "dataset/4", "dataset/a%2Fb",
    }  # fmt: skip
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"model/9\nmodel/2\nnobody:1\n4\n")))
    ran = cli(*words, "-", "-o", tmp_path / "q.plan", "--json", code=1)
    assert [one["key"] for one in ran.records] == ["model/2"]
    assert (tmp_path / "q.plan").exists()
    for at, name in ((1, "model/9"), (3, "nobody:1")):
        assert f"line {at}: {name}: there is none" in ran.err
    assert "line 4: 4: nothing has this key; write TYPE/ID or NAME:LABEL" in ran.err
    assert "3 lines of 4 not found" in ran.err
    source.write_text("model/9\n", encoding="utf-8")
    assert "nothing to delete" in cli(*words, source, code=1).err
    monkeypatch.setattr("sys.stdin", None)  # as where a shell was told `<&-`
    assert "- lists nothing" in cli(*words, "-", code=2).err
    monkeypatch.setattr("sys.stdin", None)
    assert "no terminal to ask on" in cli("apply", plan, code=2).err


def test_lines_that_cannot_be_meant_make_no_plan(
    cli: Cli, zoo: Server, registry: Local, tmp_path: Path
) -> None:
    zoo.seed([Entry("1", "same", "model"), Entry("2", "x", "model"), Entry("1", "same", "code")])
    plan, source = tmp_path / "p.plan", tmp_path / "ids.txt"
    other = '{"key": "model/2", "name": "y", "version": "2"}'
    for lines, why in {
        "model/2\nsame:1\n": "line 2: same:1: may be same:1 or same:1",
        f"model/2\n{other}\n": "line 2: model/2: is x:2, not what the line says",
        cli("ls", "zoo", "--json").out: "Line 1 is no version",
        '{"key": 3}\n': "Line 1 is no version",
        "{nonsense\n": "Line 1 is no JSON",
        '{"name": "\\ud800", "version": "1"}\n': "Line 1 is no text",
        "\n\n": "lists nothing",
    }.items():
        source.write_text(lines, encoding="utf-8")
        said = cli("plan", "zoo", "--from", source, "-o", plan, "--unknown-lineage", code=2).err
        assert why in said
        assert not plan.exists()
    source.write_bytes(b"model/2\n\xff\n")
    assert f"Line 2 of {source} is no text" in cli("plan", "zoo", "--from", source, code=2).err
    assert "cannot be read" in cli("plan", "zoo", "--from", tmp_path / "none", code=2).err
    source.write_text("model/2\n", encoding="utf-8")
    for more in (("name:x",), ("--marked",)):
        said = cli("plan", "zoo", *more, "--from", source, code=2).err
        assert "Say what the plan is about" in said
    source.write_text("net:v0\nnet:v1\n", encoding="utf-8")
    cli("plan", registry.address, "--from", source, "--orphan-dependents", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "2")
    source.write_text("net:v0\nnet:v2\n", encoding="utf-8")
    words = ("plan", registry.address, "--from", source, "--delete-aliases")
    assert "line 1: net:v0: is in the trash already" in cli(*words, code=1).err


def test_one_version_is_named_by_type_and_id_or_key_too(cli: Cli, zoo: Server) -> None:
    zoo.seed([*zoo.entries(), Entry("a/b", "acme/odd", "dataset")])
    for name in ("acme/odd:a/b", "dataset/a/b", "dataset/a%2Fb"):
        assert "acme/odd:a/b of zoo" in cli("show", "zoo", name).out
    words = ("reingest", "zoo", "dataset/4", "--url", "https://example.org/x", "--unknown-lineage")
    assert "acme/text:4" in cli(*words, code=None).out


@pytest.mark.slow
def test_thousands_of_lines_make_a_plan(cli: Cli, tmp_path: Path) -> None:
    """Far beyond what a filter may hold."""
    made = Local(tmp_path / "reg")
    made.add("x", content=b"x")
    with closing(sqlite3.connect(made.path / "registry.db")) as conn, conn:
        conn.execute(
            "INSERT INTO version(key, collection_id, ordinal, label, digest, size, created_us)"
            " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " SELECT 'k' || i, (SELECT id FROM collection), i, 'v' || i, 'sha256:0', 1, i FROM n"
        )
    source = tmp_path / "ids.txt"
    source.write_text("".join(f"x:v{n}\n" for n in range(1, 20_001)), encoding="utf-8")
    out = cli("plan", made.address, "--from", source, "-o", tmp_path / "p.plan").out
    assert out.startswith("delete 20,000 versions of 1 collection in reg\n")


def test_names_that_look_the_same_are_told_apart(cli: Cli, zoo: Server, tmp_path: Path) -> None:
    plain, others = "caf\u00e9 net", {
        "cafe\u0301 net": r"cafe\u{301} net",
        "caf\u00e9\u200b net": r"café\u{200b} net",
        "caf\u00e9\u00a0net": r"café\xa0net",
        "caf\u00e9 net ": r"café net\x20",
        "\u0441af\u00e9 net": r"\u{441}afé net",
    }  # fmt: skip
    zoo.seed([Entry(str(n), one) for n, one in enumerate([plain, *others], start=1)])
    assert _names(cli("ls", "zoo", "--versions", "--json", f'name:"{plain}"')) == [f"{plain}:1"]
    plan = tmp_path / "p.plan"
    made = cli("plan", "zoo", "*", "--unknown-lineage", "-o", plan).out
    for out in (cli("ls", "zoo").out, made, cli("review", plan).out):
        assert plain in out
        for shown in others.values():
            assert shown in out
