"""A web server as addresses name it: scheme, host and port."""

from __future__ import annotations

from dataclasses import dataclass

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go; nothing of them may ever go elsewhere."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host and port; the port only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The one way to write it."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return self.host in LOOPBACK
