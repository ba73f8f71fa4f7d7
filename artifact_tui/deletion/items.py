"""Words of a deletion: actions, verdicts, states, reasons, consents, and one item of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.model import Facts


VERSION = "version"
"""The kind of an item that is a version of the registry."""

OBJECT = "object"
"""The kind of an item that is an object in the storage beside the registry."""

COLLECTION = "collection"
"""The kind of an item that is a whole collection: one request deletes it with all in it."""


DETAIL_NAMES = 5
"""How many names a detail lists before it says how many more there are."""


UNFINISHED_DAYS = 7
"""Days after which nobody is taken to be writing a pending version any more."""


class Action(StrEnum):
    """What a plan does with its items."""

    DELETE = "delete"
    """Into the trash, where the registry has one."""
    PURGE = "purge"
    """Out of the trash, for good."""


def verbs_of(action: Action, *, only_links: bool = False) -> tuple[str, str]:
    """What is done and what was done: “delete” and “deleted”; unlinking where only links go."""
    if only_links:
        return "unlink", "unlinked"
    return ("purge", "purged") if action is Action.PURGE else ("delete", "deleted")


class Verdict(StrEnum):
    """What the review says about one item."""

    DELETE = "delete"
    """It will be deleted (or purged) when the plan is applied."""
    CONSENT = "consent"
    """It stays, unless the user agrees to what it would take along (its aliases)."""
    BLOCKED = "blocked"
    """It stays."""


class ItemState(StrEnum):
    """What has happened to one item; the first two are not ends."""

    PLANNED = "planned"
    SENT = "sent"
    """The request may have left; whether it was carried out is not known yet."""
    DELETED = "deleted"
    """The registry said so; it could not be asked again afterwards."""
    VERIFIED = "verified"
    """Deleted, and the registry was asked: it is gone."""
    GONE = "gone"
    """It was gone before we asked for anything."""
    UNLINKED = "unlinked"
    REFUSED = "refused"
    """It changed since the review, or the registry will not do it. It is still there."""
    FAILED = "failed"
    NOT_TRIED = "not_tried"
    """The rest of the plan was cancelled before its turn."""

    @property
    def words(self) -> str:
        """The state in the words of a report."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    ItemState.PLANNED: "not yet tried",
    ItemState.SENT: "uncertain: sent, and no answer yet",
    ItemState.DELETED: "deleted",
    ItemState.VERIFIED: "deleted, verified gone",
    ItemState.GONE: "already gone",
    ItemState.UNLINKED: "unlinked",
    ItemState.REFUSED: "refused",
    ItemState.FAILED: "failed",
    ItemState.NOT_TRIED: "not tried",
}


OPEN = frozenset({ItemState.PLANNED, ItemState.SENT})
"""The states of an item that an apply still has to settle."""

DONE = frozenset({ItemState.DELETED, ItemState.VERIFIED, ItemState.GONE, ItemState.UNLINKED})
"""The states in which what was asked is so."""

DELETED_HERE = frozenset({ItemState.DELETED, ItemState.VERIFIED})
"""The states of an item that this plan deleted, rather than unlinked or found gone."""


class Reason(StrEnum):
    """Why an item stays or stayed; `words` is the sentence for people."""

    NONE = ""
    # in the review
    ALIAS = "alias"
    PART = "part"
    PROTECTED = "protected"
    KEPT = "kept"
    GENERATED = "generated"
    LINKED = "linked"
    DEPENDENTS = "dependents"
    HOLDS = "holds"
    DEPENDENT_STAYS = "dependent_stays"
    ASKED_STAYS = "asked_stays"
    LINEAGE_UNKNOWN = "lineage_unknown"
    READ_ONLY = "read_only"
    IN_TRASH = "in_trash"
    NOT_IN_TRASH = "not_in_trash"
    PENDING = "pending"
    UNFINISHED = "unfinished"
    IN_USE = "in_use"
    # while applying: it changed since the review
    CONTENT_CHANGED = "content_changed"
    STATE_CHANGED = "state_changed"
    RESTORED = "restored"
    ALIASES_CHANGED = "aliases_changed"
    PROTECTED_SINCE = "protected_since"
    DEPENDENT_ADDED = "dependent_added"
    DEPENDENT_LOST = "dependent_lost"
    LINKED_SINCE = "linked_since"
    COLLECTION_CHANGED = "collection_changed"
    RENAMED = "renamed"
    CHANGED = "changed"
    ARTIFACT_STAYS = "artifact_stays"
    # while applying: what the registry answered
    NOT_TOLD = "not_told"
    REGISTRY_REFUSED = "registry_refused"
    STILL_THERE = "still_there"
    SAID_ABSENT = "said_absent"
    ACCEPTED = "accepted"
    NO_ANSWER = "no_answer"
    REGISTRY_FAILED = "registry_failed"
    UNREACHABLE = "unreachable"

    @property
    def words(self) -> str:
        """What this means, for people; empty for NONE."""
        return _WORDS[self]


_WORDS = {
    Reason.NONE: "",
    Reason.ALIAS: "it carries an alias",
    Reason.PART: "it is a part of a version with an alias, which stays",
    Reason.PROTECTED: "it carries a protected alias",
    Reason.KEPT: "the registry keeps it, whoever asks",
    Reason.GENERATED: "the registry made it by itself, and may refuse",
    Reason.LINKED: "another collection shows it: the link breaks",
    Reason.DEPENDENTS: "live versions outside this plan were made from it",
    Reason.HOLDS: "live versions that stay are in it, and would go with it",
    Reason.DEPENDENT_STAYS: "a version of this plan that was made from it stays",
    Reason.ASKED_STAYS: "it joined because of a version that stays",
    Reason.LINEAGE_UNKNOWN: "its dependents are not fully known",
    Reason.READ_ONLY: "the registry is read-only",
    Reason.IN_TRASH: "it was deleted already",
    Reason.NOT_IN_TRASH: "it is not in the trash: only what is in the trash can be purged",
    Reason.PENDING: "it is still being written",
    Reason.UNFINISHED: f"its upload began over {UNFINISHED_DAYS} days ago, and never ended",
    Reason.IN_USE: "a process holds files of it open",
    Reason.CONTENT_CHANGED: "its content changed since the review",
    Reason.STATE_CHANGED: "its state changed since the review",
    Reason.RESTORED: "it was restored since the review",
    Reason.ALIASES_CHANGED: "its aliases changed since the review",
    Reason.PROTECTED_SINCE: "one of its aliases was protected since the review",
    Reason.DEPENDENT_ADDED: "a version was made from it since the review",
    Reason.DEPENDENT_LOST: "a version made from it went away since the review",
    Reason.LINKED_SINCE: "another collection shows it since the review",
    Reason.COLLECTION_CHANGED: "what is in it is not what was reviewed",
    Reason.RENAMED: "the registry does not call it what was shown",
    Reason.CHANGED: "it changed while it was being deleted",
    Reason.ARTIFACT_STAYS: "its artifact is still there",
    Reason.NOT_TOLD: "the registry would not tell about it",
    Reason.REGISTRY_REFUSED: "the registry refused",
    Reason.STILL_THERE: "answered done but still there",
    Reason.SAID_ABSENT: "answered not there, but it is",
    Reason.ACCEPTED: "accepted by the registry, and not gone yet",
    Reason.NO_ANSWER: "the registry did not say that it was done",
    Reason.REGISTRY_FAILED: "the registry failed",
    Reason.UNREACHABLE: "the registry could not be used",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for and agreed to; part of what is reviewed."""

    action: Action = Action.DELETE
    delete_aliases: bool = False
    """Aliases may go along (protected ones never)."""
    with_dependents: bool = False
    """Every live version made from the selection joins the plan."""
    orphan_dependents: bool = False
    """Live versions outside the plan may lose a parent."""
    unknown_lineage: bool = False
    """Versions may go although not all that was made from them is known."""
    storage: bool = False
    """The stored objects that belong to the versions go too, once those are gone."""
    storage_versions: bool = False
    """Of those objects every stored version goes: for good, where a bucket keeps versions."""
    empty_registry: bool = False
    """The registry lists nothing, and whoever made the plan typed that it is really empty."""
    break_links: bool = False
    """Versions may go although other collections show them: those links break."""
    generated: bool = False
    """Versions may go that the registry made by itself: it may refuse them, one by one."""
    unfinished: bool = False
    """Pending versions may go whose upload began over `UNFINISHED_DAYS` ago."""
    in_use: bool = False
    """Versions may go although processes of this machine hold files of them open."""
    whole_collections: bool = False
    """One request each deletes the collections of which every live version goes."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a plan: what was reviewed, and what has happened to it. Names are untrusted."""

    seq: int
    """Position in the plan, from 1, in the order of the review."""
    level: int
    """Lower levels go first; a version's dependents are on lower levels than itself.

    Only those that are in a circle with it, each made from the other, share its level.
    """
    key: str
    collection: str
    label: str
    type: str
    size: int | None
    facts: Facts
    verdict: Verdict
    reason: Reason = Reason.NONE
    """Why it stays (verdict), or why it stayed (refused, failed)."""
    detail: str = ""
    """Names for the reason, in one line: untrusted text."""
    added_as_dependent: bool = False
    outside_dependents: tuple[str, ...] = ()
    """Keys of live versions that stay and would lose this parent."""
    kind: str = VERSION
    """What sort of thing it is: `VERSION`, `OBJECT` or `COLLECTION`."""
    belongs: int | None = None
    """Another item (`seq`) of the plan.

    For a stored object the version that must be gone before it goes; for a version the whole
    collection that it goes with, unless that turns out to have changed.
    """
    state: ItemState = ItemState.PLANNED
    attempts: int = 0
    error: str = ""
    """The registry's words about the last attempt: untrusted text."""
    retryable: bool = False
    sent_us: int | None = None
    done_us: int | None = None

    @property
    def name(self) -> str:
        """`COLLECTION:LABEL`, as a user would type it; untrusted text.

        Of a stored object its key, of a whole collection its name.
        """
        if self.kind == COLLECTION:
            return self.collection
        return self.label if self.kind == OBJECT else f"{self.collection}:{self.label}"

    @property
    def is_link(self) -> bool:
        """Whether it only shows a version of another collection: it can only be unlinked."""
        return bool(self.facts.source_key)
