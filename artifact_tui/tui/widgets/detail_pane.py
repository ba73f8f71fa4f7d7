"""The detail of one version or collection, in lines; its files, in a dialog."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.catalog.known_fields import EVERY_FIELD
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import VersionState
from artifact_tui.text import (
    age,
    count,
    duration,
    fit,
    moment,
    pad,
    plural,
    safe,
    safe_name,
    size,
    version_name,
)
from artifact_tui.text import width as cells
from artifact_tui.tui.registry_link import LineageState
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.dialogs import Listing
from artifact_tui.tui.widgets.line_view import LineView
from artifact_tui.tui.widgets.line_widgets import LABEL, fact, words
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from artifact_tui.catalog.catalog_rows import (
        DependentRef,
        VersionDetail,
        VersionRef,
        VersionRow,
    )
    from artifact_tui.model import File
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.base_screen import RegistryScreen


NO_FILES = "this registry does not tell what is in a version"
NO_LINEAGE = "this registry keeps no lineage"
"""Why a key for a version has nothing to show."""

LINKS_SHOWN = 6
"""Collections and processes that are named; the rest are counted."""

FILES_SHOWN = 8
"""Files that are listed; the rest are counted."""


class DetailLines:
    """Writes the detail of a row as lines of one width, without what the registry never tells."""

    def __init__(
        self, width: int, signs: Signs, now_us: int, known: Collection[str] = EVERY_FIELD
    ) -> None:
        """`known` are the fields that the registry tells."""
        self.known = known
        self.width = max(width, LABEL + 8)
        self.signs = signs
        self.now_us = now_us

    def collection(self, row: CollectionRow) -> list[Content]:
        """A collection: only what the list knows."""
        lines = [*self._title(safe_name(row.name), safe(row.type)), Content("")]
        lines += fact("versions", words(count(row.versions)), self.width)
        if "size" in self.known:
            lines += fact("size", words(f"{size(row.size)} listed"), self.width)
        if row.stored is not None and not row.links:
            lines += fact("charged", words(f"{size(row.stored)} by the registry"), self.width)
        if row.versions and "age" in self.known:
            lines += fact("newest", words(self._when(row.newest_us)), self.width)
        if row.marked:
            lines += fact("marked", words(plural(row.marked, "version")), self.width)
        return lines

    def version(
        self,
        detail: VersionDetail,
        lineage: LineageState = LineageState.KNOWN,
        used_by: Sequence[str] = (),
    ) -> list[Content]:
        """A version: names, sizes, times, files, where it comes from and what depends on it.

        `lineage` says whether its parents were asked for, where they have to be; `used_by` are the
        processes that hold files of it open.
        """
        row = detail.row
        lines = self._title(f"{safe_name(row.collection)} {safe(row.label)}", safe(row.type))
        lines.append(Content.styled(fit(safe(row.digest), self.width), "dim"))
        lines.append(Content(""))
        for part in (
            self._state(detail),
            self._users(used_by),
            self._names(detail),
            self._numbers(detail),
            self._parents(detail, lineage) if "dependents" in self.known else (),
            self._dependents(detail, lineage) if "dependents" in self.known else (),
            self._files(detail) if detail.files or "files" in self.known else (),
        ):
            lines += part
        if detail.note:
            lines += fact("note", words(safe(detail.note)), self.width)
        return lines

    def _title(self, name: str, kind: str) -> list[Content]:
        room = self.width - cells(kind) - 2
        if room < 16:  # noqa: PLR2004 - a name cut shorter says nothing
            return [
                Content.styled(fit(name, self.width), "bold"),
                Content.styled(fit(kind, self.width), "dim"),
            ]
        return [Content.assemble((pad(name, room), "bold"), "  ", (kind, "dim"))]

    def _state(self, detail: VersionDetail) -> Iterator[Content]:
        """Why a version is no plain one: in the trash, pending, kept, a link, or shown by links."""
        row, signs, width = detail.row, self.signs, self.width
        by = f" by {safe(row.deleted_by)}" if row.deleted_by else ""
        text = ""
        if row.state is VersionState.TRASH and row.deleted_us is None:
            text = f"{signs.trash} deleted{by}"  # a registry without a trash may still list it
        elif row.state is VersionState.TRASH:
            text = f"{signs.trash} in the trash since {moment(row.deleted_us)}{by}"
        elif row.state is VersionState.PENDING:
            text = f"{signs.pending} pending: its bytes are not complete"
        if text:
            yield from fact("state", words(text, "$text-warning"), width)
        if row.kept:
            text = f"{signs.locked} the registry keeps it: {safe(row.kept)}"
            yield from fact("kept", words(text, "$text-warning"), width)
        if row.link:
            name = safe(row.source) if row.source else "a version that is not listed here"
            yield from fact("link", words(f"{signs.link} shows {name}"), width)
            stays = words("Deleting it removes the link; the source stays.", "dim")
            yield from fact("", stays, width)
        for index, name in enumerate(row.links[:LINKS_SHOWN]):
            yield from fact("" if index else "shown in", [f"{signs.link} {safe(name)}"], width)
        if len(row.links) > LINKS_SHOWN:
            more = f"{signs.ellipsis} {count(len(row.links) - LINKS_SHOWN)} more"
            yield from fact("", [Content.styled(more, "dim")], width)

    def _users(self, used_by: Sequence[str]) -> Iterator[Content]:
        for index, name in enumerate(used_by[:LINKS_SHOWN]):
            named = words(safe(name), "$text-warning")
            yield from fact("" if index else "in use by", named, self.width)
        if len(used_by) > LINKS_SHOWN:
            more = f"{self.signs.ellipsis} {count(len(used_by) - LINKS_SHOWN)} more"
            yield from fact("", [Content.styled(more, "dim")], self.width)

    def _names(self, detail: VersionDetail) -> Iterator[Content]:
        signs = self.signs
        pieces: list[Content] = []
        for alias in sorted(detail.row.aliases, key=lambda alias: not alias.protected):
            name = safe(alias.name) + (f" in {safe(alias.scope)}" if alias.scope else "")
            if alias.protected:
                pieces.append(Content.styled(f"{name}{signs.protected}", "bold $text-warning"))
                pieces.append(Content.styled("(protected)", "$text-warning"))
            else:
                pieces.append(Content.styled(name, "$text-accent"))
        if "alias" in self.known:
            yield from fact("aliases", pieces or words("none", "dim"), self.width)
        if detail.tags:
            yield from fact("tags", [Content(safe(tag)) for tag in detail.tags], self.width)

    def _numbers(self, detail: VersionDetail) -> Iterator[Content]:
        """The lines of a version's sizes and times."""
        row = detail.row
        only = f", of which {size(detail.unique)} only here" if detail.unique is not None else ""
        if "size" in self.known:
            yield from fact("size", words(size(row.size) + only), self.width)
        if row.stored is not None and not row.link:
            yield from fact("charged", words(f"{size(row.stored)} by the registry"), self.width)
        created = words(self._when(row.created_us))
        if row.run:
            created += [Content("by"), *words(safe(row.run))]
        if "age" in self.known or row.run:
            yield from fact("created", created, self.width)
        if detail.used_us is not None:
            yield from fact("last used", words(self._when(detail.used_us)), self.width)
        if row.used_count is not None:
            yield from fact("used by", words(plural(row.used_count, "run")), self.width)
        if not row.link and "ttl" in self.known:
            yield from fact("ttl", self._ttl(detail), self.width)

    def _ttl(self, detail: VersionDetail) -> list[Content]:
        row, signs = detail.row, self.signs
        if row.ttl_us is None:
            whose = ", says its collection or team" if row.ttl_inherited else ""
            return words(f"none, it is kept{whose}", "dim")
        span = duration(row.ttl_us) + (" inherited" if row.ttl_inherited else "")
        if row.expires_us is None:
            return words(f"{signs.ttl} {span}")
        until = moment(row.expires_us)
        if row.expires_us <= self.now_us:
            return words(f"{signs.expired} {span}, expired {until}", "$text-warning")
        return words(f"{signs.ttl} {span}, until {until} ({age(row.expires_us, self.now_us)})")

    def _parents(self, detail: VersionDetail, lineage: LineageState) -> Iterator[Content]:
        if lineage is not LineageState.KNOWN:
            known = f"{count(len(detail.parents))} known, " if detail.parents else ""
            text = words(f"{known}{lineage}", "$text-warning")
            yield from fact("made from", text, self.width)
        elif detail.row.link:
            yield from fact("made from", words("see its source", "dim"), self.width)
        elif not detail.parents:
            yield from fact("made from", words("nothing that is known", "dim"), self.width)
        for index, ref in enumerate(detail.parents):
            first = not index and lineage is LineageState.KNOWN
            yield from fact("made from" if first else "", self._ref(ref), self.width)

    def _dependents(self, detail: VersionDetail, lineage: LineageState) -> Iterator[Content]:
        more = "more than " if detail.dependents_capped else ""
        total = count(detail.dependents_total)
        if not detail.row.lineage_known:
            known = f"{more}{total} known, " if detail.dependents_total else ""
            state = LineageState.NOT_ASKED if lineage is LineageState.KNOWN else lineage
            text = words(f"{known}{state}", "$text-warning")
        elif not detail.coverage.complete:
            text = words(f"{more}{total} known, {detail.coverage.words()}", "$text-warning")
        elif not detail.lineage_known:
            direct = f"{count(detail.row.dependents)} direct, at least {more}{total} in all"
            text = words(f"{direct}: not all of those were asked", "$text-warning")
        elif detail.row.link:
            text = words("see its source", "dim")
        elif not detail.dependents_total:
            text = words("none", "$text-muted")
        else:
            text = words(f"{count(detail.row.dependents)} direct, {more}{total} in all")
        yield from fact("dependents", text, self.width)
        for branch, ref in branches(detail.dependents, self.signs):
            pieces = self._ref(ref)
            yield Content.assemble(
                (f" {branch}", "dim"), *[part for p in pieces for part in (p, " ")]
            )
        left = detail.dependents_total - len(detail.dependents)
        if left > 0:
            yield Content.styled(f" {self.signs.ellipsis} {count(left)} more", "dim")

    def _ref(self, ref: VersionRef) -> list[Content]:
        name = f"{safe(ref.collection)} {safe(ref.label)}"
        pieces = [Content(fit(name, max(self.width - LABEL, 8)))]
        if ref.state is VersionState.TRASH:
            pieces.append(Content.styled(f"{self.signs.trash} deleted", "$text-warning"))
        for alias in ref.aliases:
            shown = fit(safe(alias.name), 24) + (self.signs.protected if alias.protected else "")
            pieces.append(
                Content.styled(shown, "$text-warning" if alias.protected else "$text-accent")
            )
        return pieces

    def _files(self, detail: VersionDetail) -> Iterator[Content]:
        yield from fact("files", words(count(detail.files_total)), self.width)
        room = self.width - 12
        shown = detail.files[:FILES_SHOWN]
        for file in shown:
            yield Content.assemble(
                "  ", pad(safe(file.path), room), (pad(size(file.size), 10, "right"), "dim")
            )
        left = detail.files_total - len(shown)
        if left > 0 and shown:
            yield Content.styled(f"  {self.signs.ellipsis} {count(left)} more", "dim")

    def _when(self, us: int | None) -> str:
        return moment(us) if us is None else f"{moment(us)} ({age(us, self.now_us)})"


def branches(dependents: Sequence[DependentRef], signs: Signs) -> Iterator[tuple[str, VersionRef]]:
    """Each dependent with the lines that draw its place in the tree."""
    last: list[bool] = []  # for each line, from the last one up, whether no sibling follows
    below: list[int] = []  # depths of the lines below that a line above can still see
    for dependent in reversed(dependents):
        while below and below[-1] > dependent.depth:
            below.pop()
        last.append(not below or below[-1] < dependent.depth)
        below.append(dependent.depth)
    stem: list[bool] = []
    for dependent, ends in zip(dependents, reversed(last), strict=True):
        stem[dependent.depth - 1 :] = [ends]
        lines = ["  " if ended else signs.pipe for ended in stem[:-1]]
        yield "".join(lines) + (signs.elbow if ends else signs.tee), dependent.ref


SOON = 0.06
"""Seconds the cursor rests before the detail is read: a held key reads nothing."""

RESTS = 0.5
"""Seconds the cursor rests before the registry is asked."""


class DetailPane(LineView):
    """Shows a collection or a version; of that, it asks for the lineage where that must be."""

    def __init__(self, services: Services) -> None:
        super().__init__(id="detail")
        self._services = services
        self._shown: CollectionRow | VersionDetail | None = None
        self.known = EVERY_FIELD
        """The fields that the registry tells."""
        self._lineage = LineageState.KNOWN
        """How far the question about the version's parents is."""
        self._asking = ""
        """Key of the version whose lineage is asked for, or will be in a moment."""
        self._used_by: tuple[str, ...] = ()
        """The processes that hold files of the version open, once they were looked for."""

    def follow(self, row: CollectionRow | VersionRow | None) -> None:
        """The cursor is on this row now, or on none; a version is read once it rests there."""
        key = ""
        if row is None or isinstance(row, CollectionRow):
            self.workers.cancel_group(self, "detail")
            self._show(row)
        else:
            if self.display:
                start(self, "detail", self._read_soon, row, latest=True)
            key = row.key if self._services.asker.wants(row) else ""
        if key != self._asking:
            self._asking = key
            self.workers.cancel_group(self, "lineage")
            if key:
                start(self, "lineage", self._ask_soon, row, latest=True)

    async def _read_soon(self, row: VersionRow) -> None:
        await asyncio.sleep(SOON)
        with suppress(ArtifactTuiError):  # it is gone: the list will say so in a moment
            await self.read(row)

    async def _ask_soon(self, row: VersionRow) -> None:
        await asyncio.sleep(RESTS)
        try:
            await self.ask(row)
        except ArtifactTuiError as error:
            self.post_message(RowList.Failed(error))
        self._asking = ""

    async def read(self, row: VersionRow) -> None:
        """Read a version and show it.

        Raises:
            ArtifactTuiError: it cannot be read; nothing is shown then.
        """
        try:
            detail = await self._services.catalog.detail(row.id, latest=True)
            self.known = await self._services.known_fields()
        except ArtifactTuiError:
            self._show(None)
            raise
        self._show(detail, self._services.asker.state_of(detail.row))
        if self._services.client.can("in_use"):
            start(self, "users", self._look_for_users, row, latest=True)

    async def _look_for_users(self, row: VersionRow) -> None:
        await asyncio.sleep(RESTS)
        with suppress(ArtifactTuiError):
            by = (await self._services.client.in_use([row.key])).by
            if row.key == _row_key(self._shown):
                self._used_by = by.get(row.key, ())
                self._write(top=False)

    async def ask(self, row: VersionRow) -> None:
        """Ask for the lineage of a version where it has to be asked for, and show what came of it.

        Raises:
            ArtifactTuiError: it cannot be asked for, or the version cannot be read.
        """
        if not self._services.asker.wants(row):
            return
        if row.key == _row_key(self._shown):
            self._show(self._shown, LineageState.ASKING)
        try:
            await self._services.asker.ask(row)
        finally:
            if self.display:
                await self.read(row)

    def _show(
        self, row: CollectionRow | VersionDetail | None, lineage: LineageState = LineageState.KNOWN
    ) -> None:
        top = _row_key(row) != _row_key(self._shown)
        if top:
            self._used_by = ()
        self._shown, self._lineage = row, lineage
        self._write(top=top)

    def sized(self) -> None:
        """Lay out for the new width."""
        super().sized()
        self._write(top=False)

    def _write(self, *, top: bool) -> None:
        services, shown = self._services, self._shown
        lines = DetailLines(self.inner_width - 2, services.signs, services.now(), self.known)
        content: list[Content] = []
        if isinstance(shown, CollectionRow):
            content = lines.collection(shown)
        elif shown is not None:
            content = lines.version(shown, self._lineage, self._used_by)
        self.show_lines([Content.assemble(" ", line) for line in content], top=top)


def _row_key(row: CollectionRow | VersionDetail | None) -> str:
    if row is None:
        return ""
    return row.key if isinstance(row, CollectionRow) else row.row.key


MOST_FILES = 10_000
"""Files that are listed; the rest are counted."""


def show_files(screen: RegistryScreen, row: VersionRow) -> None:
    """Ask for the files, and list them over the screen."""
    screen.say("Asking for the files" + screen.services.signs.ellipsis)
    screen.carry_out("the files are being asked for", _show_files(screen, row), stops=True)


async def _show_files(screen: RegistryScreen, row: VersionRow) -> None:
    files = await screen.services.client.files(row.key)
    screen.status_line.hush()
    name = version_name(row)
    if screen.is_current:
        screen.open_dialog(Listing(f"{plural(len(files), 'file')} of {name}", file_lines(files)))


def file_lines(files: Sequence[File]) -> list[str]:
    """One safe line a file: its size, then its path."""
    lines = [
        f"{pad(size(file.size), 9, 'right')}  {safe(file.path)}" for file in files[:MOST_FILES]
    ]
    more = len(files) - len(lines)
    return [*lines, f"and {plural(more, 'more file')}"] if more else lines or ["It has no files."]
