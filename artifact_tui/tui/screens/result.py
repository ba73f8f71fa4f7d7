"""The result of one task: its items by what became of them and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import DONE, Item, ItemState
from artifact_tui.deletion.plan import Status
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import listed, plural, safe
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.plan_items import PlanItems, report_of
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.widgets.grouped import Group, Grouped
from artifact_tui.tui.widgets.header import Header
from artifact_tui.tui.widgets.item_rows import item_facts, result_line
from artifact_tui.tui.widgets.task_rows import noun_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from textual.content import Content
    from textual.widget import Widget

    from artifact_tui.deletion import report as reports
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts
    from artifact_tui.tui.widgets.row_list import RowList


EVERY = 1.0
"""Seconds between two looks at a plan that is being applied."""


class ResultScreen(BaseScreen):
    """Every item of a plan, by what became of it."""

    PLACE = "result"
    TITLE_WORD = "Result"
    BINDINGS = bindings_of("result")

    def __init__(self, services: Services, path: Path) -> None:
        super().__init__(services)
        self._path = path
        self._report: reports.Report | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Groups, items, facts."""
        yield Grouped[Item](self.services.signs, self._line, self._facts)

    @property
    def grouped(self) -> Grouped[Item]:
        """The lists."""
        return self.query_one(Grouped)

    def _line(self, item: Item, cells: int) -> Content:
        return result_line(item, cells, self.services.signs)

    def _facts(self, item: Item) -> Content:
        return item_facts(item, {}, self.services.signs)

    def header_facts(self) -> HeaderFacts:
        """Which plan this is."""
        facts = super().header_facts()
        if self._report is None:
            return facts
        dot = self.services.signs.dot
        summary = self._report.summary
        title = f"Result {dot} {summary.action} {plural(summary.deletes, noun_of(summary))}"
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
            report = await report_of(self._path)
        except ArtifactTuiError as error:
            self.fail(error)
            return
        self._report = report
        self.query_one(Header).update(self.header_facts())
        if report.status is Status.APPLYING:
            self.set_timer(EVERY, self._look)
        groups = (*report.results, *report.left_out)
        await self.grouped.show([_group(group, self._path) for group in groups])

    def action_open(self) -> None:
        """From a group to its items."""
        self.grouped.open_items()

    def action_close(self) -> None:
        """From the items to the groups."""
        self.grouped.close_items()

    def on_row_list_failed(self, event: RowList.Failed) -> None:
        """Say why rows are missing."""
        self.fail(event.error)

    def action_back(self) -> None:
        """One layer back."""
        if not self.grouped.close_items():
            self.dismiss()


def _group(group: reports.Group, path: Path) -> Group[Item]:
    state = group.state.words if group.state else "left out"
    label, _, rest = state.partition(", ")
    errors = "; ".join(safe(error) for error, _ in group.errors)
    parts = (rest, group.reason.words, errors, listed(group.size))
    return Group(
        f"{group.verdict}-{group.state}-{group.reason}",
        label.partition(":")[0],
        group.count,
        "; ".join(part for part in parts if part),
        tone=_tone(group.state),
        items=lambda: PlanItems(path, group),
    )


def _tone(state: ItemState | None) -> str:
    if state is None:
        return "$text-muted"
    if state in DONE:
        return "$text-success"
    return {ItemState.REFUSED: "bold $text-warning", ItemState.FAILED: "bold $text-error"}.get(
        state, ""
    )
