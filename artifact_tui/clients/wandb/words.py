"""What W&B says in words that are published nowhere, read with care."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.replies import GraphError

_THING = r"(?i:artifact(?: ?(?:collection|sequence|portfolio))?|collection|sequence|portfolio)"
_NAME = r"(?: (?i:with )?(?i:id )?(?![a-z]{3,}\b)\S+)?"
"""Which one; a plain word after it is the name of something that belongs to it."""

_ABSENT = re.compile(
    rf"(?:^|: )(?i:the |an? )?{_THING}{_NAME}:? (?i:was |is )?"
    r"(?i:not.?found|does ?n[o']t exist|does not exist)"
    rf"|(?i:could not find|cannot find|no such) (?i:the |an? )?{_THING}{_NAME}\.?$"
    r"|(?i:invalid (?:global |artifact |collection )?id\b|illegal base64)"
)


def says_absent(error: GraphError) -> bool:
    """Whether an error says that a version or a collection itself is not there."""
    return error.code == "NOT_FOUND" or _ABSENT.search(error.message) is not None
