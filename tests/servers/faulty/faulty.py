"""A third party's client: a registry behind a script of faults, and a log of the truth.

`faulty:PATH` opens the local registry at PATH, or that of `linked.py`. `PATH.faults.json` (or
`$FAULTY_SCRIPT`) holds

    {"batch_delete": 3, "conditional_delete": false, "rules": [
        {"op": "delete", "call": 2, "do": "unknown-after", "keys": ["…"]}, …]}

A rule applies to the `call`-th call of its `op` (facts, delete, purge; collection and
delete_collection of a `PATH` that ends in `.linked`), counted from 1 over all
processes, or to every call without one; and to all items of the call, or to its `keys`. `do` is

    raise, busy, kill, gate                 the whole call, before its effect
    raise-after, kill-after                 the whole call, after its effect
    failed, unknown, refused, waited        these items, without any effect
    done, absent                            the same: these lie
    failed-after, unknown-after, absent-after, drop-after, echo-after   with it

A gate touches `PATH.at` and waits for `PATH.go`. `PATH.served.jsonl` gets one line when a call
begins and one when it ends, which says what was really deleted.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.base import Client, Kind
from artifact_tui.clients.local import KIND as LOCAL
from artifact_tui.errors import BusyError, RegistryError
from artifact_tui.model import Deletion, Facts, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from artifact_tui.model import CollectionDeletion

BEFORE = frozenset({"raise", "busy", "kill", "gate"})
AFTER = frozenset({"raise-after", "kill-after"})
LIES = {
    "failed": Result.FAILED,
    "unknown": Result.UNKNOWN,
    "refused": Result.REFUSED,
    "changed": Result.CHANGED,
    "waited": Result.WAITED,
    "done": Result.DONE,
    "absent": Result.ABSENT,
}


@dataclass(frozen=True)
class Rule:
    """One scripted fault."""

    op: str
    do: str
    call: int | None = None
    keys: tuple[str, ...] | None = None

    def fits(self, op: str, call: int) -> bool:
        return self.op == op and self.call in {None, call}

    def meant(self, key: str) -> bool:
        return self.keys is None or key in self.keys


@dataclass(frozen=True)
class Script:
    """All that goes wrong, and what the registry cannot do."""

    rules: tuple[Rule, ...] = ()
    batch_delete: int | None = None
    conditional_delete: bool = True

    @classmethod
    def read(cls, path: Path) -> Script:
        if not path.exists():
            return cls()
        raw = json.loads(path.read_text(encoding="utf-8"))
        rules = [
            Rule(r["op"], r["do"], r.get("call"), tuple(r["keys"]) if "keys" in r else None)
            for r in raw.get("rules", [])
        ]
        return cls(tuple(rules), raw.get("batch_delete"), raw.get("conditional_delete", True))


class Served:
    """The registry's own log: what began, and what was really done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def begin(self, op: str, keys: Sequence[str]) -> int:
        """Note a call; its number, counted over all processes."""
        call: int = 1
        call += len([x for x in self.lines() if x["op"] == op and x["at"] == "begin"])
        self._write({"at": "begin", "op": op, "call": call, "keys": list(keys)})
        return call

    def end(self, op: str, call: int, really: Sequence[str], answers: Sequence[Outcome]) -> None:
        told = {answer.key: answer.result for answer in answers}
        self._write({"at": "end", "op": op, "call": call, "really": list(really), "answers": told})

    def really(self) -> list[str]:
        """Every key that was really deleted or purged, in order."""
        return [key for line in self.lines() for key in line.get("really", [])]

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class Wrapped(Client):
    """Another client with something changed: what a subclass does not define is the inner one's."""

    def __init__(self, inner: Client) -> None:
        self._inner = inner

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__
        if name in vars(Client) and not name.startswith("__") and name not in own(self, "__dict__"):
            classes = type(self).__mro__
            if not any(name in vars(one) for one in classes[: classes.index(Client)]):
                return getattr(own(self, "_inner"), name)
        return own(self, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class FaultyClient(Wrapped):
    """A connection whose calls go wrong by a script."""

    def __init__(
        self,
        inner: Client,
        script: Script,
        base: Path,
        *,
        hook: Callable[[str, int], None] | None = None,
    ) -> None:
        """Wrap a client; `base` is the path that the log and the gates are named after.

        `hook(op, call)` is called as each call begins: tests let others write in between.
        """
        super().__init__(inner)
        self.identity = replace(inner.identity, kind="faulty", address=f"faulty:{base}")
        self.batch_delete = script.batch_delete or inner.batch_delete
        self._script = script
        self._base = base
        self._hook = hook
        self.served = Served(base.with_name(base.name + ".served.jsonl"))

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        call = await self._begin("facts", keys)
        found = await self._inner.facts(keys)
        self._end_call("facts", call)
        return found

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        if not self._script.conditional_delete:
            deletions = [replace(one, token="") for one in deletions]
        by_key = {one.key: one for one in deletions}

        async def work(keys: Sequence[str]) -> Sequence[Outcome]:
            return await self._inner.delete([by_key[key] for key in keys])

        return await self._serve("delete", list(by_key), work)

    async def purge(self, keys: Sequence[str]) -> Sequence[Outcome]:
        return await self._serve("purge", keys, self._inner.purge)

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        inner: Any = self._inner
        call = await self._begin("collection", [collection_key])
        found: Mapping[str, Facts] | None = await inner.collection_facts(collection_key)
        self._end_call("collection", call)
        return found

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        inner: Any = self._inner

        async def work(keys: Sequence[str]) -> Sequence[Outcome]:
            return [await inner.delete_collection(deletion) for _ in keys]

        answers = await self._serve("delete_collection", [deletion.key], work)
        return answers[0] if answers else Outcome("another", Result.DONE)

    async def _serve(self, op: str, keys: Sequence[str], work: Any) -> Sequence[Outcome]:
        call = await self._begin(op, keys)
        rules = [rule for rule in self._script.rules if rule.fits(op, call)]
        skipped = {
            key: Outcome(key, LIES[rule.do], "a scripted fault")
            for rule in rules
            if rule.do in LIES
            for key in keys
            if rule.meant(key)
        }
        real = {one.key: one for one in await work([key for key in keys if key not in skipped])}
        answers = [skipped.get(key) or real[key] for key in keys]
        for rule in rules:
            answers = [answer for one in answers for answer in _after(rule, one)]
        done = {Result.DONE, Result.UNLINKED}
        really = [key for key, one in real.items() if one.result in done]
        self.served.end(op, call, really, answers)
        self._end_call(op, call)
        return answers

    async def _begin(self, op: str, keys: Sequence[str]) -> int:
        call = self.served.begin(op, keys)
        if self._hook is not None:
            self._hook(op, call)
        for rule in self._script.rules:
            if rule.fits(op, call) and rule.do in BEFORE:
                await self._break(rule)
        return call

    def _end_call(self, op: str, call: int) -> None:
        for rule in self._script.rules:
            if rule.fits(op, call) and rule.do in AFTER:
                _fail(rule.do)

    async def _break(self, rule: Rule) -> None:
        if rule.do == "gate":
            self._base.with_name(self._base.name + ".at").touch()
            go = self._base.with_name(self._base.name + ".go")
            while not go.exists():  # noqa: ASYNC110 - another process opens the gate
                await asyncio.sleep(0.01)
        else:
            _fail(rule.do)


def _fail(do: str) -> None:
    if do.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "busy":
        raise BusyError("A scripted fault: the registry is busy.")
    raise RegistryError("A scripted fault: the registry cannot be reached.")


def _after(rule: Rule, answer: Outcome) -> list[Outcome]:
    """What the registry says instead of what it did."""
    if not rule.do.endswith("-after") or rule.do in AFTER or not rule.meant(answer.key):
        return [answer]
    what = rule.do.removesuffix("-after")
    if what == "drop":
        return []
    if what == "echo":
        return [replace(answer, key="another")]
    return [Outcome(answer.key, LIES[what], "a scripted fault")]


class FaultyKind(Kind):
    """What the entry point provides."""

    name = "faulty"

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = MappingProxyType({}),
    ) -> FaultyClient:
        del settings  # there are none
        base = Path(address.removeprefix("faulty:"))
        script = os.environ.get("FAULTY_SCRIPT") or f"{base}.faults.json"
        inner: Client
        if base.suffix == ".linked":
            import linked  # type: ignore[import-not-found]  # noqa: PLC0415 - on the worker's path

            inner = linked.LinkedClient(linked.Registry(base), read_only=read_only)
        else:
            inner = LOCAL.open(f"local:{base}", read_only=read_only, actor=actor)
        return FaultyClient(inner, Script.read(Path(script)), base)


KIND = FaultyKind()
