"""What can go wrong, each with what the user can do about it.

Every error that reaches a person is an `ArtifactTuiError`: one sentence that says what happened
(`str(error)`) and one that says what to do next (`hint`). Texts may quote untrusted names, so they
go through `artifact_tui.text.safe` like any other.
"""

from __future__ import annotations

import re

_LOGIN = re.compile(r"^((?:[A-Za-z][\w+.-]*:)?/{0,2})[^/]*@")
_BEHIND = re.compile(r"[?#;=\\]|%(?:23|3[bdf]|40|5c)", re.IGNORECASE)
"""What may begin a secret in an address: a query, a fragment, parameters; encoded, too."""


def bare(address: str) -> str:
    """An address without what may be a secret in it: who logs in, and what follows a ? or #."""
    return _LOGIN.sub(r"\1", _BEHIND.split(address, maxsplit=1)[0])


def may_hold_secret(address: str) -> bool:
    """Whether the address of a web server holds more than a place: such a one is never kept."""
    head = address.partition("/")[0]
    web = "://" in address or address.startswith("//") or (":" in head and "@" in head)
    return web and bare(address) != address


class ArtifactTuiError(Exception):
    """Base of all our errors; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(ArtifactTuiError):
    """What was asked makes no sense as it stands: an unknown address, key, option or name."""

    exit_code = 2


class QueryError(UsageError):
    """A filter that cannot be read; `position` is the offset of the first wrong character."""

    def __init__(self, message: str, *, position: int, expected: str = "") -> None:
        super().__init__(message, hint=expected)
        self.position = position


class ConfigError(UsageError):
    """The configuration file has a mistake: the message names file, line and nearest key."""


class NotFoundError(ArtifactTuiError):
    """A collection, version or plan that is not there."""


class RegistryError(ArtifactTuiError):
    """The registry could not be used: not reachable, damaged, full, of a newer format."""


class NotToldError(RegistryError):
    """The registry answered, and would not tell about something that was asked for.

    It may tell about the rest when that is asked for alone.
    """

    lasting = False
    """Whether it is an answer about this one, that waiting would not change."""


class EmptyError(RegistryError):
    """The registry answers, and says that it holds nothing: so it may be, or its storage failed."""


class UncertainError(RegistryError):
    """A request may have been carried out, and nobody knows whether it was."""


READ_ONLY_HINT = "The command or the configuration says so; see: artifact-tui registries"
"""What a `ReadOnlyError` hints at where somebody asked for reading only."""


class NoRoomError(RegistryError):
    """A disk or a quota is full, so that nothing could be written. Nothing was changed."""


class ReadOnlyError(RegistryError):
    """A write was asked of a registry that may only be read. Nothing was changed."""


class SourceError(ArtifactTuiError):
    """A file or folder that cannot be added: a special file, unreadable, changed meanwhile."""


class BusyError(ArtifactTuiError):
    """Another process holds what is needed; trying again later may work."""


class PlanError(ArtifactTuiError):
    """A plan file that cannot be used: damaged, for another registry, already applied."""


class ConfirmationError(PlanError):
    """The confirmation given does not match what the plan asks for. Nothing was deleted."""
