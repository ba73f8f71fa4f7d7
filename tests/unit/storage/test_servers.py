"""The S3 servers of these tests are reachable from this machine only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.servers.s3 import ministack

_LOOPBACK, _LISTENS = "0100007F", "0A"


def listening(pid: int) -> list[str]:
    """The addresses, in the kernel's hexadecimal, at which a process listens."""
    sockets = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        target = str(one.readlink())
        if target.startswith("socket:["):
            sockets.add(target[len("socket:[") : -1])
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return [row[1].split(":")[0] for row in rows if row[3] == _LISTENS and row[9] in sockets]


def children() -> set[int]:
    """The processes that this one, whichever of its threads, has started."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_ministack_listens_on_loopback_only() -> None:
    before = children()
    with ministack():
        (pid,) = children() - before
        assert listening(pid) == [_LOOPBACK]
