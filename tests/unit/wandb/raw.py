"""A server that answers each request with the bytes that a function makes of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import GraphTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

CANARY = "canary-51c7-wort-und-schluessel-0123456789"


@dataclass
class Raw:
    """Where it listens, and what came."""

    port: int = 0
    seen: list[tuple[bytes, bytes]] = field(default_factory=list, repr=False)
    """Head and body of each request."""

    def address(self, host: str = "127.0.0.1") -> WandbAddress:
        return WandbAddress.parse(f"wandb+http://{host}:{self.port}/acme/vision")

    def graph(self, **options: Any) -> GraphTransport:
        read_only = options.pop("read_only", False)
        options.setdefault("key", Secret(CANARY))
        return GraphTransport(self.address(), WandbOptions(**options), read_only=read_only)


def response(status: int, body: bytes, **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.asynccontextmanager
async def answering(make: Callable[[bytes, bytes], bytes | None]) -> AsyncIterator[Raw]:
    """Serve; `make` gives the answer to a head and a body, None to close the connection."""
    raw = Raw()
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                raw.seen.append((head, body))
                answer = make(head, body)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()
        open_now.discard(writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    raw.port = listener.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        for writer in [*open_now]:
            writer.close()
        listener.close()
        await listener.wait_closed()
        await asyncio.sleep(0)
