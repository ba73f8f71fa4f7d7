"""The process that applies a plan: `python -m artifact_tui.deletion.worker PLAN`.

It runs in a session of its own, without a terminal, and is watched through the plan file. What it
says goes to standard error, which `launch` points at `PLAN.log`. SIGTERM, SIGINT and SIGHUP stop
it after the call in flight; after anything worse the plan can be resumed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.clients import open_client
from artifact_tui.deletion import trust
from artifact_tui.deletion.apply import Ending, apply
from artifact_tui.deletion.control import Control
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.said import redacted
from artifact_tui.errors import ArtifactTuiError, BusyError
from artifact_tui.here import actor

if TYPE_CHECKING:
    from artifact_tui.clients.base import Client

_log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""These stop the apply cleanly."""


async def run(path: Path) -> Ending:
    """Apply the plan in a file to the registry that it names.

    Raises:
        ArtifactTuiError: it could not be applied; the message says what was not done.
    """
    control = Control()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, control.stop, f"stopped by {number.name}")
    with Plan.open(path, write=True) as plan:
        client: Client | None = None
        try:
            plan.check_hash()
            client = _client_of(plan)
            try:
                ending = await apply(plan, client, control=control)
            finally:
                await client.aclose()
        except BusyError:
            raise
        except ArtifactTuiError as error:
            with suppress(ArtifactTuiError):
                plan.note(redacted(f"{error} {error.hint}".strip(), client))
            raise
        states = ", ".join(f"{count} {state}" for state, count in plan.states().items())
        _log.info("%s: %s", ending.status, states)
        return ending


def _client_of(plan: Plan) -> Client:
    """The client of a plan's registry, as this machine and this person know it."""
    target = trust.registry_of(plan)
    return open_client(
        target.address,
        read_only=plan.head.read_only or target.read_only,
        actor=actor(),
        settings=target.settings,
    )


def main(argv: list[str]) -> int:
    """Apply the plan named on the command line; 0 when it came to its end."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s"
    )
    os.umask(0o077)
    path = Path(argv[0])
    _log.info("applying %s", text.safe(str(path), limit=5000))
    try:
        ending = asyncio.run(run(path))
    except ArtifactTuiError as error:
        _log.error("%s", text.safe(redacted(str(error))))
        return error.exit_code
    if ending.why:
        _log.info("%s", text.safe(ending.why))
    return 0 if ending.status is Status.FINISHED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
