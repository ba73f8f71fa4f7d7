"""Lineage that is asked for: batched, through deleted versions, never in circles for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb import wandb_lineage, wandb_model
from artifact_tui.errors import RegistryError
from artifact_tui.model import Lineage, Relative
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Fill, Link, Place, Series, Use, Version
from tests.servers.wandb.traps import Fault
from tests.unit.wandb.opened import HOME, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.wandb.process import Server


def chain(server: Server, states: str, **traps: object) -> dict[str, str]:
    """`a:v0` made `b:v0` made `c:v0` …; `x` is deleted, `.` is live. Gives keys by name."""
    server.change(**traps)
    names = [chr(ord("a") + n) for n in range(len(states))]
    known = server.seed(
        series=[
            Series(
                path=f"{HOME}/{name}",
                versions=[
                    Version(
                        run=f"make-{name}",
                        used_by=[f"make-{after}"] if after else [],
                        state="DELETED" if state == "x" else "COMMITTED",
                    )
                ],
            )
            for name, after, state in zip(names, [*names[1:], ""], states, strict=True)
        ]
    )
    server.clear()
    return {name: wandb_model.SourceKey(known[f"{HOME}/{name}:v0"]).key for name in names}


async def asked(*keys: str, parents: bool = False, where: str = HOME) -> Mapping[str, Lineage]:
    async with opened(where) as client:
        return await client.lineage(keys, parents=parents)


async def test_direct_dependents_parents_and_runs() -> None:
    keys = chain(fresh(), "...")
    found = await asked(*keys.values(), parents=True)
    assert found == {
        keys["a"]: Lineage((Relative(keys["b"], "b:v0"),), (), ("make-b",)),
        keys["b"]: Lineage(
            (Relative(keys["c"], "c:v0"),), (Relative(keys["a"], "a:v0"),), ("make-c",)
        ),
        keys["c"]: Lineage((), (Relative(keys["b"], "b:v0"),), ()),
    }
    without = await asked(*keys.values())
    assert {one.parents for one in without.values()} == {()}


async def test_deleted_versions_are_looked_through() -> None:
    server = fresh()
    keys = chain(server, ".xxx.")
    found = (await asked(keys["a"]))[keys["a"]]
    assert found.dependents == (Relative(keys["e"], "e:v0"),)
    assert len(server.log()) == 4
    below = await asked(keys["d"], parents=True)
    (parent,) = below[keys["d"]].parents
    assert (parent.key, parent.name) == (keys["c"], "c:v0 (deleted)")


async def test_what_only_led_to_deleted_versions_has_no_dependents() -> None:
    keys = chain(fresh(), ".xx")
    assert (await asked(keys["a"]))[keys["a"]].dependents == ()


async def test_a_circle_of_deleted_versions_ends() -> None:
    server = fresh()
    keys = chain(server, ".xx.")
    server.add(uses=[Use(run=f"{HOME}/make-b", version=f"{HOME}/c:v0")])
    server.add(uses=[Use(run=f"{HOME}/make-a", version=f"{HOME}/c:v0")])
    found = await asked(*keys.values())
    assert found[keys["a"]].dependents == (Relative(keys["d"], "d:v0"),)
    assert {one.key for one in found[keys["b"]].dependents} == {keys["a"], keys["d"]}


async def test_a_version_is_not_made_from_itself() -> None:
    server = fresh()
    keys = chain(server, "..")
    server.add(uses=[Use(run=f"{HOME}/make-a", version=f"{HOME}/a:v0")])
    found = (await asked(keys["a"]))[keys["a"]]
    assert found.dependents == (Relative(keys["b"], "b:v0"),)
    assert found.runs == ("make-a", "make-b")


async def test_the_same_version_through_two_runs_is_one_dependent() -> None:
    server = fresh()
    known = server.seed(series=[
        Series(path=f"{HOME}/data", versions=[Version(used_by=["r", "s"]), Version(used_by=["r"])]),
        Series(path=f"{HOME}/m", versions=[Version(run="r"), Version(run="s")]),
    ])  # fmt: skip
    keys = [wandb_model.SourceKey(known[f"{HOME}/data:v{n}"]).key for n in range(2)]
    found = await asked(*keys)
    assert [one.name for one in found[keys[0]].dependents] == ["m:v0", "m:v1"]
    assert [one.name for one in found[keys[1]].dependents] == ["m:v0"]


async def test_what_w_and_b_keeps_for_itself_is_no_dependent() -> None:
    server = fresh()
    known = server.seed(series=[
        Series(path=f"{HOME}/data", versions=[Version(used_by=["r"])]),
        Series(path=f"{HOME}/hist", type="wandb-history", versions=[Version(run="r")]),
        Series(path=f"{HOME}/job", type="job", versions=[Version(run="r")]),
        Series(path=f"{HOME}/table", type="run_table", versions=[Version(run="r")]),
    ])  # fmt: skip
    key = wandb_model.SourceKey(known[f"{HOME}/data:v0"]).key
    assert [one.name for one in (await asked(key))[key].dependents] == ["table:v0"]


async def test_relatives_elsewhere_are_named_in_full() -> None:
    server = fresh()
    known = server.seed(series=[
        Series(path=f"{HOME}/data", versions=[Version(used_by=["acme/other/r", "beta/far/r"])]),
        Series(path="acme/other/m", versions=[Version(run="r")]),
        Series(path="beta/far/m", versions=[Version(run="r")]),
    ])  # fmt: skip
    key = wandb_model.SourceKey(known[f"{HOME}/data:v0"]).key
    names = sorted(one.name for one in (await asked(key))[key].dependents)
    assert names == ["acme/other/m:v0", "beta/far/m:v0"]
    names = sorted(one.name for one in (await asked(key, where="acme"))[key].dependents)
    assert names == ["beta/far/m:v0", "other/m:v0"]


async def test_nothing_depends_on_a_link() -> None:
    server = fresh()
    known = server.seed(
        series=[
            Series(path=f"{HOME}/data", versions=[Version(used_by=["r"])]),
            Series(path=f"{HOME}/m", versions=[Version(run="r")]),
        ],
        links=[Link(portfolio=f"{HOME}/shelf", version=f"{HOME}/data:v0")],
    )
    key = wandb_model.LinkKey(known[f"{HOME}/shelf"], known[f"{HOME}/data:v0"]).key
    assert await asked(key, parents=True) == {key: Lineage()}


async def test_what_is_gone_is_left_out() -> None:
    keys = chain(fresh(), ".")
    assert set(await asked("x", wandb_model.SourceKey("QXJ0").key, keys["a"])) == set(keys.values())
    assert await asked() == {}


async def test_a_hundred_versions_take_four_documents() -> None:
    server = fresh()
    known = server.fill(10, 10, run="r")
    keys = [wandb_model.SourceKey(gid).key for path, gid in known.items() if ":v" in path]
    server.clear()
    found = await asked(*keys, parents=True)
    assert len(found) == 100
    assert len(server.log()) == 4


@pytest.mark.parametrize("cursors", ["offset", "keyset"])
@pytest.mark.parametrize("cap", [1, 3])
async def test_every_run_and_every_output_is_followed(cap: int, cursors: str) -> None:
    server = fresh(page_cap=cap, cursors=cursors)
    server.seed(
        series=[Series(path=f"{HOME}/data", versions=[Version()])],
        fills=[
            Fill(collections=1, versions=5, prefix=f"out{n}", run=f"r{n}") for n in range(7)
        ],
    )  # fmt: skip
    uses = [Use(run=f"{HOME}/r{n}", version=f"{HOME}/data:v0") for n in range(7)]
    uses += [Use(run=f"{HOME}/r0", version=f"{HOME}/out{n}-0000:v0") for n in range(1, 7)]
    known = server.add(uses=uses)
    data = wandb_model.SourceKey(known[f"{HOME}/data:v0"]).key
    out = wandb_model.SourceKey(known[f"{HOME}/out0-0000:v0"]).key
    found = await asked(data, out, parents=True)
    assert len(found[data].dependents) == 35
    assert len(found[data].runs) == 7
    assert len(found[out].parents) == 7


async def test_a_run_that_may_not_be_seen_leaves_its_lineage_unknown() -> None:
    server = fresh(page_cap=2)
    known = server.seed(
        series=[
            Series(path=f"{HOME}/data", versions=[Version(used_by=["acme/secret/r"])]),
            Series(path="acme/secret/m", versions=[Version(run="r") for _ in range(5)]),
        ],
        places=[Place(path="acme/secret", hidden=True)],
    )
    key = wandb_model.SourceKey(known[f"{HOME}/data:v0"]).key
    assert await asked(key) == {}
    async with opened() as client:
        assert not (await client.facts([key]))[key].lineage_known


async def test_a_chain_longer_than_any_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_lineage, "LEVELS", 3)
    keys = chain(fresh(), ".xxxxxx.")
    assert await asked(keys["a"]) == {}, "not told, rather than told wrong"
    found = await asked(keys["f"])
    assert found[keys["f"]].dependents == (Relative(keys["h"], "h:v0"),)


async def test_a_server_that_cannot_be_asked_is_an_error() -> None:
    server = fresh()
    keys = chain(server, "..")
    server.change(faults=(Fault(kind="403"),))
    with pytest.raises(RegistryError):
        await asked(*keys.values())
