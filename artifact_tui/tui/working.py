"""Work beside the screen: coroutines in Textual's workers, so that no handler waits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.dom import DOMNode


def start(
    node: DOMNode,
    group: str,
    job: Callable[..., Coroutine[Any, Any, Any]],
    *args: object,
    latest: bool = False,
) -> None:
    """Run `job(*args)` as long as `node` lives; with `latest` it replaces the group's last one."""
    work = cast("Callable[[], Any]", partial(job, *args))
    node.run_worker(work, group=group, exclusive=latest)
