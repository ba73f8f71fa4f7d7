"""The order of deletion, against the plain way to find circles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.deletion.checks import components, held_back
from tests.properties.deletion.circles import below
from tests.support.judge import levels_of

NODES = "abcdefgh"

_needs = st.frozensets(st.sampled_from(NODES), max_size=3).map(sorted)
graphs = st.fixed_dictionaries(dict.fromkeys(NODES, _needs))


@given(graph=graphs)
def test_parts_are_the_circles_each_after_what_it_needs(graph: dict[str, list[str]]) -> None:
    reached = {key: below(key, graph) for key in graph}
    wanted = {frozenset({key} | {k for k in reached[key] if key in reached[k]}) for key in graph}
    found = list(components(graph))
    assert sorted(key for part in found for key in part) == sorted(NODES)
    assert {frozenset(part) for part in found} == wanted
    before: set[str] = set()
    for part in found:
        before.update(part)
        assert all(before.issuperset(graph[key]) for key in part)


@given(graph=graphs)
def test_a_level_is_one_above_the_highest_needed_and_shared_in_a_circle(
    graph: dict[str, list[str]],
) -> None:
    levels = levels_of(graph)
    for part in components(graph):
        needed = [levels[k] for key in part for k in graph[key] if k not in part]
        assert {levels[key] for key in part} == {max(needed, default=-1) + 1}


@given(graph=graphs, stays=st.frozensets(st.sampled_from(NODES)))
def test_those_are_held_that_something_that_stays_can_be_reached_from(
    graph: dict[str, list[str]], stays: frozenset[str]
) -> None:
    found = held_back(graph, stays)
    assert found.keys() == {k for k in graph if stays & below(k, graph)} - stays
    assert all(why in graph[key] and why in stays | found.keys() for key, why in found.items())
