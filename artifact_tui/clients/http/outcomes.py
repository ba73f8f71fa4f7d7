"""What the answer to a deletion means for its item. Pure: every row can be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.http import decode
from artifact_tui.clients.http.routes import no_such_route
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from artifact_tui.clients.web.answers import Answer

_WORDS = {
    400: "the registry calls the request malformed",
    403: "the registry does not allow it",
    405: "the registry cannot address this artifact by its id",
    409: "the registry says that something stands against it",
    412: "the registry says that it changed",
    413: "the registry calls the request too large",
    422: "the registry calls the request invalid",
    423: "the registry has locked it",
    424: "the registry says that something else failed first",
    501: "the registry has no deletion",
}


def outcome(key: str, identifier: str, answer: Answer) -> Outcome:
    """The outcome of one deletion; its message is untrusted text, in the registry's words."""
    if answer.good:
        return _success(key, identifier, answer)
    result, why = _failure(answer)
    said = decode.words(answer.body)
    return Outcome(key, result, f"{why}: {said}" if said else why)


def _failure(answer: Answer) -> tuple[Result, str]:
    """What an unsuccessful status means, and words for it."""
    status = answer.status
    if answer.later:
        found = Result.FAILED, "the registry is too busy"
    elif status in {404, 410}:
        found = Result.ABSENT, "the registry says that it does not exist"
    elif status == 401:  # noqa: PLR2004 - the statuses are the point here
        found = Result.FAILED, "the registry refused our credentials"
    elif status < 400:  # noqa: PLR2004
        found = Result.UNKNOWN, "the registry sends deletions to another place; not followed"
    elif no_such_route(answer):
        found = Result.REFUSED, _WORDS[405]
    elif status < 500 or status == 501:  # noqa: PLR2004
        found = Result.REFUSED, _WORDS.get(status, f"the registry refused ({status})")
    else:
        found = Result.UNKNOWN, f"the registry failed ({status})"
    return found


def _success(key: str, identifier: str, answer: Answer) -> Outcome:
    """200 is believed only when nothing in the answer speaks against it."""
    if answer.html:
        return Outcome(key, Result.UNKNOWN, "the registry answered with a web page")
    try:
        echoed = decode.deleted_id(answer.body)
    except decode.GarbageError as error:
        return Outcome(key, Result.UNKNOWN, f"the answer makes no sense: {error}")
    if echoed is not None and echoed != identifier:
        return Outcome(key, Result.UNKNOWN, f"the answer names another artifact: {echoed}")
    if answer.status == 202 or decode.queued(answer.body):  # noqa: PLR2004 - accepted
        words = decode.words(answer.body)
        return Outcome(key, Result.ACCEPTED, words or "the registry accepted it")
    return Outcome(key, Result.DONE)
