"""A proxy in front of the stand-in that sends our credentials back with its failures."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.wandb.process import Server


class Echo:
    """Passes what reads, and answers deletions by telling who asked."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.port = 0
        self.kind = "403"
        self.only = b"deleteArtifact"
        """What is answered so: documents with this text."""
        self.echoed = 0

    def address(self, where: str) -> str:
        """What our client opens."""
        return f"wandb+http://127.0.0.1:{self.port}/{where}"

    async def serve(self, ready: threading.Event, ended: asyncio.Event) -> None:
        """Listen until the end."""
        listening = await asyncio.start_server(self._one, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        ready.set()
        async with listening:
            await ended.wait()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            body = await reader.readexactly(length)
            if self.only in body:
                self.echoed += 1
                writer.write(self._told(head))
            else:
                writer.write(await self._passed(head, body))
            await writer.drain()
        writer.close()

    async def _passed(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        found = await reader.read()
        writer.close()
        return found

    def _told(self, head: bytes) -> bytes:
        """An answer with the credentials in it, in every form."""
        given = next(
            line.partition(b":")[2].strip().decode()
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"authorization:")
        )
        key = base64.b64decode(given.partition(" ")[2]).decode()
        words = f"forbidden for {key} ({given}); sent: {head.decode()}"
        shapes = {
            "200": {
                "data": None,
                "errors": [{"message": words, "path": [key], "extensions": {"code": key}}],
            },
            "403": {"errors": [{"message": words, "path": ["deleteArtifact"]}]},
            "401": {"error": words},
            "500": {"error": {"message": words}},
            "html": words,
        }
        status = {"html": "502", "200": "200"}.get(self.kind, self.kind)
        body = json.dumps(shapes[self.kind]).encode()
        return (
            f"HTTP/1.1 {status} {key}\r\nContent-Type: application/json\r\nX-Key: {key}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode() + body


@contextlib.contextmanager
def echoing(server: Server) -> Iterator[Echo]:
    """Such a proxy on a loop of its own."""
    found = Echo(server)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[found.serve(ready, ended)])
    thread.start()
    ready.wait(10)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()
