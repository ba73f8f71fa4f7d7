"""What goes before what: levels for a plan, and circles of lineage that go together.

Lineage may run in a circle where it is told by runs: one that logs two checkpoints and reads both
back makes each from the other. No order is right for these, so all of a circle share a level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.model import Facts


def before(facts: Mapping[str, Facts]) -> dict[str, list[str]]:
    """What must go before each of these versions: its dependents among them, and its links."""
    graph = {
        key: [k for k in (*one.dependents, *(link.key for link in one.links)) if k in facts]
        for key, one in facts.items()
    }
    for key, one in facts.items():
        source = graph.get(one.source_key)
        if source is not None and key not in source:
            source.append(key)
    return graph


def levels_of(graph: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The level of each node: above that of all that must go before it, 0 if nothing must.

    All nodes of one circle share a level, which is above that of all that any of them needs.
    """
    levels: dict[str, int] = {}
    for part in parts(graph):
        level = max((levels[k] + 1 for key in part for k in graph[key] if k in levels), default=0)
        levels.update(dict.fromkeys(part, level))
    return levels


def parts(graph: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The nodes in circles, and those outside of any alone; each after all that it needs.

    These are the strongly connected components, by Tarjan's way, without recursion. Every node
    that another one needs is in the graph itself.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_nodes: dict[str, None] = {}
    for root in graph:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        open_nodes[root] = None
        work = [(root, iter(graph[root]))]
        while work:
            node, rest = work[-1]
            for needed in rest:
                if needed not in number:
                    number[needed] = low[needed] = len(number)
                    open_nodes[needed] = None
                    work.append((needed, iter(graph[needed])))
                    break
                if needed in open_nodes:
                    low[node] = min(low[node], number[needed])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == number[node]:
                    yield _closed(open_nodes, node)


def _closed(open_nodes: dict[str, None], first: str) -> list[str]:
    """Take the latest nodes, down to `first`, off the open ones."""
    found: list[str] = []
    while not found or found[-1] != first:
        found.append(open_nodes.popitem()[0])
    return found


def reached(dependents: Mapping[str, Collection[str]], roots: Iterable[str]) -> dict[str, str]:
    """All that was made from these roots, directly or through others: by key, one of the roots.

    `dependents` are those that count, by the key of their parent.
    """
    found: dict[str, str] = {}
    for root in roots:
        queue = [root]
        while queue:
            for key in dependents.get(queue.pop(), ()):
                if key not in found:
                    found[key] = root
                    queue.append(key)
    return found


def held(dependents: Mapping[str, Collection[str]], stays: Iterable[str]) -> dict[str, str]:
    """Who stays because of a dependent that stays, however far away; with that dependent.

    `dependents` are those that count, by the key of their parent.
    """
    parents: dict[str, list[str]] = {}
    for key, below in dependents.items():
        for one in below:
            parents.setdefault(one, []).append(key)
    queue = list(stays)
    found: dict[str, str] = {}
    seen = set(queue)
    while queue:
        one = queue.pop()
        for key in parents.get(one, ()):
            if key not in seen:
                seen.add(key)
                found[key] = one
                queue.append(key)
    return found
