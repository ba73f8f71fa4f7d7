"""A web server, as far as no connection is needed: its address, options, secrets and texts.

Nothing here loads httpx, which takes a quarter of a second: addresses and settings are read, and
refused, without it. `transport` is what speaks to a server.

Text that is not Unicode is spelled out, so that the rest can be read: a half of a surrogate pair,
or a byte that is not UTF-8, becomes the escape that Python would write for it. Such text can be
shown, kept and told apart, and is no name to ask the server for.
"""

from __future__ import annotations

import hmac
import math
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from artifact_tui.config import from_home, refuse_setting
from artifact_tui.errors import READ_ONLY_HINT, ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from urllib.parse import SplitResult


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
        """The origin as text, in the one way to write it."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return self.host in LOOPBACK

    def has(self, url: SplitResult) -> bool:
        """Whether an absolute address is on this server: scheme, host and port."""
        try:
            port = url.port or PORTS.get(url.scheme.lower(), 0)
        except ValueError:
            return False
        return Origin(url.scheme.lower(), (url.hostname or "").lower(), port) == self


SHORTEST_SECRET = 4
"""Values shorter than this are not looked for in texts: they would be found everywhere."""


class Secret:
    """A token or password. `str`, `repr`, formatting and pickling do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def reveal(self) -> str:
        """The value itself, for the header of a request and nothing else."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without this value, in case a server sent it back.

        A scheme word in front of it ("bearer …") is not part of what is looked for.
        """
        for part in {self._value, self._value.rpartition(" ")[2]}:
            if len(part) >= SHORTEST_SECRET:
                text = text.replace(part, "***")
        return text

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


TOKEN_VARIABLE = "ARTIFACT_TUI_TOKEN"  # noqa: S105 - the variable's name
"""The token of a remote registry whose configuration names no other."""

COMMAND_S = 30.0
"""Seconds that a command may take."""


def secret_from_variable(settings: Mapping[str, object], key: str, name: str) -> str:
    """The value of a variable that must be there; empty when none is named.

    Raises:
        ConfigError: it is not set.
    """
    if not name:
        return ""
    value = os.environ.get(name, "")
    if not value:
        refuse_setting(settings, key, f"the variable {name} is not set", f"Set it: export {name}=…")
    return value


def secret_from_command(settings: Mapping[str, object], key: str, command: str) -> str:
    """The first line that a command prints; what else it says is not repeated anywhere.

    Raises:
        ConfigError: it prints nothing, or cannot be run.
    """
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            shlex.split(command),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_S,
            check=False,
            text=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        refuse_setting(settings, key, f"the {key} cannot be run: {why or 'see quotes'}")
    except subprocess.TimeoutExpired:
        refuse_setting(settings, key, f"the {key} took more than {COMMAND_S:.0f} s")
    lines = ran.stdout.strip().splitlines()
    if ran.returncode or not lines:
        did = f"ended with {ran.returncode}" if ran.returncode else "printed nothing"
        refuse_setting(settings, key, f"the {key} {did}", "Try it in a shell.")
    return lines[0]


def read_only_error(what: str) -> ReadOnlyError:
    """The error for a writing request to a registry or storage that is open for reading only."""
    return ReadOnlyError(f"{what} is open for reading only. Nothing was sent.", hint=READ_ONLY_HINT)


MOST_AT_ONCE = 64
"""Requests at once that a configuration may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """How to speak to any server; times in seconds, sizes in bytes."""

    concurrency: int = 1
    """Requests at once, at most."""
    ca_file: Path | None = None
    """Certificates of a private authority, trusted beside the usual ones."""
    client_cert: Path | None = None
    """Our own certificate, with its key, for a server that asks for one."""
    checks_server: bool = True
    """The server must show a certificate that is trusted, where the connection is encrypted."""
    socket: Path | None = None
    """The Unix socket where a server of this machine listens, and at no port."""
    connect_s: float = 10.0
    answer_s: float = 30.0
    """Longest silence of the server."""
    whole_s: float = 90.0
    """Longest duration of one request with its whole answer."""
    item_s: float = math.inf
    """Longest duration of a question about one artifact; halved each time it is too long."""
    patience_s: float = math.inf
    """Longest time to wait because the server asked for it (429, 503), in one call."""
    answer_limit: int = 4_000_000
    """Largest decoded answer, where no other limit is given."""
    keep_alive: bool = True
    """A connection is used again."""


class ConnectionSettings(Protocol):
    """Settings that every remote kind has."""

    concurrency: int
    ca_file: str


def connection_options(
    settings: Mapping[str, object], known: ConnectionSettings, numbers: Mapping[str, str]
) -> dict[str, Any]:
    """The options of a connection: how many requests at once, and whom to trust.

    `numbers` names the options of further settings, which must be more than 0 where they are
    configured; those that are not configured are left out.

    Raises:
        ConfigError: a setting that cannot be used.
    """
    if not 1 <= known.concurrency <= MOST_AT_ONCE:
        refuse_setting(
            settings, "concurrency", f"“concurrency” is a number from 1 to {MOST_AT_ONCE}"
        )
    found: dict[str, Any] = {"concurrency": known.concurrency}
    for key, option in numbers.items():
        if key in settings:
            found[option] = getattr(known, key)
            if not found[option] > 0:
                refuse_setting(settings, key, f"“{key}” must be more than 0")
    ca_file = from_home(known.ca_file) if known.ca_file else None
    if ca_file is not None and not ca_file.is_file():
        refuse_setting(settings, "ca_file", f"the ca_file {ca_file} is not there")
    return {**found, "ca_file": ca_file}


_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_BYTES = re.compile("[\udc80-\udcff]")
_SPELLED = re.compile(r"\\(?:x[89a-f][0-9a-f]|u[dD][89a-fA-F][0-9a-fA-F]{2})")


def mended(body: bytes) -> bytes:
    """JSON with its broken texts spelled out; `body` itself when there is none."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            text = body.decode("utf-8", "surrogateescape")
            body = _BYTES.sub(lambda found: rf"\\x{ord(found[0]) - 0xDC00:02x}", text).encode()
    if _SUSPECT.search(body):
        fixed = _ESCAPES.sub(lambda found: b"\\" * bool(found["half"]) + found[0], body)
        return fixed if fixed != body else body
    return body


def is_spelled(text: str) -> bool:
    """Whether a text looks as if `mended` had spelled out a part of it."""
    return _SPELLED.search(text) is not None
