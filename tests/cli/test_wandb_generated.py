"""What W&B makes by itself, and what an upload left unfinished: asked about, and W&B answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.servers.wandb.scenes import Series, Version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server


def gone(server: Server) -> set[str]:
    """What is deleted, by collection and label."""
    return {path.removeprefix("acme/vision/") for path in server.versions("DELETED")}


def test_tables_and_code_go_by_consent_and_what_is_refused_says_so(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    vision.seed(
        series=[
            Series(path="acme/vision/run-1-table", type="run_table",
                   versions=[Version(), Version(), Version(generated=True)]),
            Series(path="acme/vision/source-1", type="code", versions=[Version(generated=True)]),
            Series(path="acme/vision/run-1-events", type="wandb-events", versions=[Version()]),
            Series(path="acme/vision/run-1-history", type="wandb-history", versions=[Version()]),
            Series(path="acme/vision/job-1", type="job", versions=[Version()]),
        ]
    )  # fmt: skip
    words = ("plan", "vision", "*", "-o", tmp_path / "p.plan")
    said = cli(*words, code=1).out
    assert "made it by itself, and may refuse (5)\n      --generated: include them\n" in said
    assert "blocked, and stays: 2 versions\n" in said
    records = cli("ls", "vision", "--versions", "--json").records
    assert {one["type"] for one in records if one["generated"]} == {
        "run_table", "code", "wandb-events",
    }  # fmt: skip
    said = cli(*words, "--generated").out
    assert "will be deleted: 5 versions" in said
    assert "job-1:v0  " in said.partition("blocked, and stays: 2 versions")[2]
    told = cli("apply", tmp_path / "p.plan", "--yes", "--expect", "5", code=1)
    assert gone(vision) == {"run-1-table:v0", "run-1-table:v1"}
    refused = [one for one in cli("report", tmp_path / "p.plan", "--json").records
               if one["result"] == "refused"]  # fmt: skip
    assert {f"{one['name']}:{one['version']}" for one in refused} == {
        "run-1-table:v2", "source-1:v0", "run-1-events:v0",
    }  # fmt: skip
    assert {one["error"] for one in refused} == {
        "W&B refused: cannot delete system managed artifact"
    }
    assert "cannot delete system managed artifact" in told.out


def test_an_upload_that_never_ended_goes_by_consent_and_a_fresh_one_stays(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    fresh = time.time_ns() // 1000 - 6 * 86_400_000_000
    vision.seed(
        series=[
            Series(path="acme/vision/set", versions=[
                Version(), Version(state="PENDING"), Version(state="PENDING", created_us=fresh),
            ])
        ]
    )  # fmt: skip
    words = ("plan", "vision", "state:pending", "-o", tmp_path / "p.plan")
    said = cli(*words, code=1).out
    assert "set:v1  1 KB  its upload began over 7 days ago, and never ended" in said
    assert "set:v2  1 KB  it is still being written" in said
    assert "never ended (1)\n      --unfinished: include them\n" in said
    assert "will be deleted: 1 version" in cli(*words, "--unfinished").out
    cli("apply", tmp_path / "p.plan", "--yes", "--expect", "1")
    assert gone(vision) == {"set:v1"}


def test_an_upload_that_ends_after_all_is_not_deleted(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    pending = Version(state="PENDING")
    vision.seed(series=[Series(path="acme/vision/set", versions=[pending])])
    words = ("plan", "vision", "*", "--unfinished", "-o", tmp_path / "p.plan")
    cli(*words)
    vision.seed(series=[Series(path="acme/vision/set", versions=[Version()])])
    out = cli("apply", tmp_path / "p.plan", "--yes", "--expect", "1", code=1).out
    assert "its state changed since the review" in out
    assert not gone(vision)
