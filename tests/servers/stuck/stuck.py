"""A kind of registry on a disk that hangs: `stuck:PATH` opens a pipe that nobody writes to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from artifact_tui.clients.base import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence


class StuckKind(Kind):
    """Never answers."""

    name = "stuck"

    def folders(self, address: str) -> Sequence[Path]:
        """The pipe."""
        return (Path(address.removeprefix("stuck:")),)

    def open(self, address: str, **_: object) -> NoReturn:
        """Wait in the system, as for a server that is gone."""
        while True:
            os.close(os.open(self.folders(address)[0], os.O_RDONLY))


KIND = StuckKind()
