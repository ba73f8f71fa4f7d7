"""The signs that tell state without colour, in Unicode and in ASCII."""

from __future__ import annotations

import locale
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.config import Config


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of signs. Each takes exactly one cell, but for those said to be longer."""

    opened: str
    """Before an expanded collection."""
    closed: str
    """Before a collapsed collection."""
    mark: str
    partly: str
    """Some versions of the collection are marked."""
    ranged: str
    """Inside the range that is being chosen."""
    protected: str
    """A protected alias."""
    dependents: str
    trash: str
    pending: str
    expired: str
    ttl: str
    link: str
    descending: str
    ascending: str
    tee: str
    """A branch of a tree, two cells."""
    elbow: str
    """The last branch of a tree, two cells."""
    pipe: str
    """Beside the branches of a tree, two cells."""
    ellipsis: str
    dot: str
    """Between facts in a sentence."""
    armed: str
    locked: str
    bar: str
    """Filled cells of a bar in eighths: the last is a full cell."""
    track: str
    """An empty cell of a bar."""
    line: str
    """A horizontal rule."""
    wall: str
    """A vertical rule."""
    yes: str
    no: str
    working: str
    paused: str
    ascii: bool = False


UNICODE = Signs(
    opened="▾",
    closed="▸",
    mark="●",
    partly="◐",
    ranged="┃",
    protected="⚿",
    dependents="↳",
    trash="♺",
    pending="◌",
    expired="⧖",
    ttl="◷",
    link="↗",
    descending="▾",
    ascending="▴",
    tee="├ ",
    elbow="└ ",
    pipe="│ ",
    ellipsis="…",
    dot="·",
    armed="◆",
    locked="◇",
    bar="▏▎▍▌▋▊▉█",
    track=" ",
    line="─",
    wall="│",
    yes="✓",
    no="✗",
    working="▶",
    paused="‖",
)

ASCII = Signs(
    opened="v",
    closed=">",
    mark="*",
    partly="~",
    ranged="|",
    protected="!",
    dependents=">",
    trash="x",
    pending="?",
    expired="E",
    ttl="T",
    link="@",
    descending="v",
    ascending="^",
    tee="|-",
    elbow="`-",
    pipe="| ",
    ellipsis="~",
    dot="-",
    armed="#",
    locked="=",
    bar="#",
    track=".",
    line="-",
    wall="|",
    yes="+",
    no="x",
    working=">",
    paused="=",
    ascii=True,
)


def signs_for(config: Config) -> Signs:
    """ASCII where the configuration or the terminal's encoding asks for it."""
    encoding = locale.getpreferredencoding(do_setlocale=False).lower().replace("-", "")
    return ASCII if config.ascii or encoding != "utf8" else UNICODE
