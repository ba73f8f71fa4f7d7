"""A configured registry as a line, and as sentences. Untrusted text becomes safe here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.clients.trial import access
from artifact_tui.settings import shown
from artifact_tui.text import fit, pad, safe

if TYPE_CHECKING:
    from artifact_tui.clients.trial import Trial
    from artifact_tui.config import Target
    from artifact_tui.tui.signs import Signs

_BROAD = 100
_NAME, _NARROW_NAME = 22, 14
_ACCESS = 22
_RESULT, _NARROW_RESULT = 16, 10


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """One registry in the list."""

    target: Target
    configured: bool = True
    here: bool = False
    """Whether it is the one on the screen."""
    default: bool = False
    testing: bool = False
    trial: Trial | None = None


def registry_line(row: RegistryRow, cells: int, signs: Signs) -> Content:
    """A registry in one line: here or not, name, whether it can be changed, how the test went."""
    sign = (f" {signs.mark} ", "bold $text-accent") if row.here else "   "
    broad = cells >= _BROAD
    name_cells, result_cells = (_NAME, _RESULT) if broad else (_NARROW_NAME, _NARROW_RESULT)
    name = fit(safe(row.target.name), name_cells)
    result, tone = _result(row, signs)
    lead = Content.assemble(
        sign,
        (pad(name, name_cells), "bold"),
        "  ",
        _access(row.target, signs),
        "  ",
        (pad(result, result_cells), tone),
        "  ",
    )
    room = max(cells - lead.cell_length - 1, 0)
    address = fit(safe(row.target.address), room) if room > 1 else ""
    return Content.assemble(lead, (address, "$text-muted" if broad else ""))


def _access(target: Target, signs: Signs) -> tuple[str, str]:
    production = "production " if target.production else ""
    if target.read_only:
        return pad(f"{signs.locked} {production}read-only", _ACCESS), "$text-success"
    return pad(f"{signs.armed} {production}armed", _ACCESS), "bold $text-error"


def _result(row: RegistryRow, signs: Signs) -> tuple[str, str]:
    if row.testing:
        return f"testing{signs.ellipsis}", "$text-muted"
    if row.trial is None:
        return "not tested", "$text-muted"
    if row.trial.works:
        return f"{signs.yes} works", "$text-success"
    return f"{signs.no} unusable", "bold $text-error"


def registry_facts(row: RegistryRow, signs: Signs) -> Content:
    """Everything about a registry but its secrets."""
    target = row.target
    notes = []
    if row.here:
        notes.append("on the screen now")
    if row.default:
        notes.append("the default")
    if not row.configured:
        notes.append("not in the configuration")
    head = Content.assemble(
        (safe(target.name), "bold"), f"  {f' {signs.dot} '.join(notes)}" if notes else ""
    )
    lines = [head, Content(safe(target.address, 4096)), Content(access(target))]
    if target.settings:
        lines.append(Content(safe(shown(target.settings), 4096)))
    if row.trial is not None:
        tone = "" if row.trial.works else "$text-error"
        sign = signs.yes if row.trial.works else signs.no
        lines.append(Content(""))
        lines += [
            Content.assemble((f"{sign} {safe(sentence, 4096)}", tone))
            for sentence in row.trial.sentences
        ]
    return Content("\n").join(lines)
