"""Three kinds of registries that do not answer, as on a disk that hangs.

`stuck:PATH` reads a pipe `PATH/pipe` that nobody writes to; `stopped:PATH` stops its process;
`halting:PATH` lists one version, and then does no more.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from artifact_tui.clients.base import Client, Kind, Place
from artifact_tui.model import Collection, Identity, Listed, Version

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence


class StuckKind(Kind):
    """Never answers."""

    name = "stuck"

    def folders(self, address: str) -> Sequence[Path]:
        """The one with the pipe."""
        return (Path(address.partition(":")[2]),)

    def places_of_others(self) -> Iterable[Place]:
        """What the test says that homes have: addresses, or paths of this kind."""
        for one in os.environ.get("STUCK_OTHERS", "").split():
            yield Place(one if ":" in one else f"stuck:{one}", "home of ada", usual=True)

    def open(self, address: str, **_: object) -> Client:
        """Wait in the system, as for a server that is gone."""
        while True:
            os.close(os.open(self.folders(address)[0] / "pipe", os.O_RDONLY))


class StoppedKind(StuckKind):
    """Stops the process that asks."""

    name = "stopped"

    def open(self, address: str, **_: object) -> NoReturn:
        """Stop, as often as somebody lets it go on."""
        del address
        while True:
            os.kill(os.getpid(), signal.SIGSTOP)


class HaltingClient(Client):
    """Lists one version, and no more."""

    def __init__(self, address: str) -> None:
        self.identity = Identity("halting", address, address)

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """The one, and then nothing."""
        one = Version("net/v0", "net", 0, "v0", "digest", size=100, file_count=1)
        yield Listed((Collection("net", "net", "model"),), (one,))
        signal.pause()


class HaltingKind(StuckKind):
    """Begins to answer."""

    name = "halting"

    def open(self, address: str, **_: object) -> Client:
        """Open one."""
        return HaltingClient(address)


KIND, STOPPED, HALTING = StuckKind(), StoppedKind(), HaltingKind()
