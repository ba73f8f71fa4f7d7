"""The consents of a review: which of its keys does something, and what it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Action, Reason
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.widgets.typed_confirm import TypedConfirm

if TYPE_CHECKING:
    from artifact_tui.deletion.draft import Draft
    from artifact_tui.deletion.items import Options
    from artifact_tui.tui.services import Services


class ReviewConsents(BaseScreen):
    """Takes consents and has the plan built again; a subclass builds and shows it."""

    def __init__(self, services: Services, options: Options) -> None:
        super().__init__(services)
        self.options = options
        self.draft: Draft | None = None

    def build(self, options: Options) -> None:
        """Judge the selection with these consents."""
        raise NotImplementedError

    @property
    def confirm(self) -> TypedConfirm:
        """The box."""
        return self.query_one(TypedConfirm)

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing for this draft."""
        draft = self.draft
        if row_id == "review.confirm" and not self.confirm.is_open:
            return self.confirm.reason.rstrip(".") or "the list was drawn only now"
        if row_id.startswith("review.") and draft is None and row_id != "review.back":
            return "the facts are being read"
        if draft is None:
            return ""
        if row_id in {"review.storage", "review.versions"}:
            return storage_why_not(row_id, draft)
        return consent_why_not(row_id, draft)

    def action_aliases(self) -> None:
        """Take the versions with aliases along, or leave them."""
        if not self.refused("review.aliases"):
            self.build(replace(self.options, delete_aliases=not self.options.delete_aliases))

    def action_dependents(self) -> None:
        """Take all live dependents along, or leave them."""
        if not self.refused("review.dependents"):
            self.build(replace(self.options, with_dependents=not self.options.with_dependents))

    def action_orphans(self) -> None:
        """Let live versions lose a parent, or not."""
        if not self.refused("review.orphans"):
            orphan = not self.options.orphan_dependents
            self.build(replace(self.options, orphan_dependents=orphan))

    def action_unknown(self) -> None:
        """Take versions along whose dependents are not all known, or leave them."""
        if not self.refused("review.unknown"):
            self.build(replace(self.options, unknown_lineage=not self.options.unknown_lineage))

    def action_links(self) -> None:
        """Take versions along that other collections show, or leave them."""
        if not self.refused("review.links"):
            self.build(replace(self.options, break_links=not self.options.break_links))

    def action_generated(self) -> None:
        """Take versions along that the registry made by itself, or leave them."""
        if not self.refused("review.generated"):
            self.build(replace(self.options, generated=not self.options.generated))

    def action_unfinished(self) -> None:
        """Take versions along whose upload never ended, or leave them."""
        if not self.refused("review.unfinished"):
            self.build(replace(self.options, unfinished=not self.options.unfinished))

    def action_collections(self) -> None:
        """Delete whole collections with one request each, or their versions one by one."""
        if not self.refused("review.collections"):
            whole = not self.options.whole_collections
            self.build(replace(self.options, whole_collections=whole))

    def action_storage(self) -> None:
        """Take the stored objects of the versions along, or leave them."""
        if not self.refused("review.storage"):
            taken = self.options.storage or self.options.storage_versions
            self.build(replace(self.options, storage=not taken, storage_versions=False))

    def action_versions(self) -> None:
        """Take every stored version of the objects along, for good; or only hide them."""
        if not self.refused("review.versions"):
            for_good = not self.options.storage_versions
            self.build(replace(self.options, storage=True, storage_versions=for_good))


def consent_why_not(row_id: str, draft: Draft) -> str:
    """Why a consent has nothing to be about; empty when it has."""
    options, reasons = draft.head.options, {reason for reason, _ in draft.summary.reasons}
    below = bool(reasons & {Reason.DEPENDENTS, Reason.DEPENDENT_STAYS})
    if row_id == "review.dependents" and options.action is Action.PURGE:
        return "a purge takes nothing along"
    about = {
        "review.aliases": options.delete_aliases or Reason.ALIAS in reasons,
        "review.dependents": options.with_dependents or below,
        "review.orphans": options.orphan_dependents or below,
        "review.unknown": options.unknown_lineage or Reason.LINEAGE_UNKNOWN in reasons,
        "review.links": options.break_links or Reason.LINKED in reasons,
        "review.generated": options.generated or Reason.GENERATED in reasons,
        "review.unfinished": options.unfinished or Reason.UNFINISHED in reasons,
        "review.collections": options.whole_collections or bool(draft.summary.whole),
    }
    return "" if about.get(row_id, True) else _NOTHING_TO[row_id]


_NOTHING_TO = {
    "review.aliases": "no version that could go carries an alias",
    "review.dependents": "nothing outside this plan was made from it",
    "review.orphans": "nothing would lose a parent",
    "review.unknown": "nothing waits for what is not known of its lineage",
    "review.links": "no version that could go is shown in another collection",
    "review.generated": "no version that could go was made by the registry itself",
    "review.unfinished": "no version that could go is pending for so long",
    "review.collections": "no collection goes as a whole, or it takes a request for each version",
}


def storage_why_not(row_id: str, draft: Draft) -> str:
    """Why the stored objects cannot be included, or not for good; empty when they can."""
    summary = draft.summary
    match row_id:
        case _ if not summary.storage:
            return "no storage was looked at for this plan"
        case "review.storage" if not summary.versions:
            return "this plan is about nothing else"
        case "review.storage" if not summary.objects and not summary.left_objects:
            return "these versions have no object in the storage"
        case "review.versions" if not summary.objects:
            return "no stored object is included"
        case "review.versions" if not summary.for_good and not summary.markers:
            return "the bucket keeps no versions: what is deleted is gone"
        case _:
            return ""
