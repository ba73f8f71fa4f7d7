"""Which items of a draft stand in a group of the review. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Item, Verdict
from artifact_tui.tui.widgets.row_list import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.deletion.draft import Draft
    from artifact_tui.tui.widgets.row_list import Source

    Key = Callable[[str], str]
    """The key of a binding id as people write it."""


def goes(item: Item) -> bool:
    """Whether the plan deletes or unlinks it, as it stands."""
    return item.verdict is Verdict.DELETE


def select(draft: Draft, wanted: Callable[[Item], bool]) -> Callable[[], Source[Item]]:
    """The rows of a group: picked when they are to be shown."""
    return lambda: Rows([item for item in draft.items if wanted(item)])
