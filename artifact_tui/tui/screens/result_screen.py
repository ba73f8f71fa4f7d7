"""Result: every item of a plan, by what became of it and why."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Item
from artifact_tui.deletion.plan import Status
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import listed, plural
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.planning import report_of, result_items
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.grouped import Grouped, GroupRow
from artifact_tui.tui.widgets.item_rows import item_facts, result_line, state_sign

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.deletion.tasks import Report, ResultGroup
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.base_screen import HeaderFacts


RESULT_EVERY = 1.0
"""Seconds between two looks at a plan that is being applied."""


class ResultScreen(RegistryScreen):
    """Every item of a plan, by what became of it."""

    PLACE = "result"
    TITLE_WORD = "Result"
    BINDINGS = bindings_of("result")

    grouped: Grouped[Item]

    def __init__(self, services: Services, path: Path) -> None:
        super().__init__(services)
        signs = services.signs
        line, facts = partial(result_line, signs=signs), partial(item_facts, names={}, signs=signs)
        self.grouped = Grouped[Item](signs, line, facts)
        self._path = path
        self._report: Report | None = None

    def header_facts(self) -> HeaderFacts:
        """Which plan this is."""
        facts = super().header_facts()
        if self._report is None:
            return facts
        dot = self.services.signs.dot
        summary = self._report.summary
        title = f"Result {dot} {summary.action} {plural(summary.deletes, summary.noun)}"
        return replace(facts, title=title, facts=str(self._report.status))

    def on_mount(self) -> None:
        """Read the report."""
        self.grouped.groups.focus()
        self._look()

    def _look(self) -> None:
        """Read the report; again while the plan is applied."""
        self.run_worker(self._read(), group="read", exclusive=True)

    async def _read(self) -> None:
        try:
            report = await asyncio.to_thread(report_of, self._path)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        self._report = report
        self.show_header()
        if report.status is Status.APPLYING:
            self.set_timer(RESULT_EVERY, self._look)
        groups = (*report.results, *report.left_out)
        signs = self.services.signs
        await self.grouped.show([_result_group(group, self._path, signs) for group in groups])


def _result_group(group: ResultGroup, path: Path, signs: Signs) -> GroupRow[Item]:
    state = group.state.words if group.state else "left out"
    label, _, rest = state.partition(", ")
    parts = (rest, group.reason.words, group.error_words, listed(group.size))
    return GroupRow(
        f"{group.verdict}-{group.state}-{group.reason}",
        label.partition(":")[0],
        group.count,
        "; ".join(part for part in parts if part),
        tone=state_sign(group.state, signs)[1],
        items=lambda: result_items(path, group),
    )
