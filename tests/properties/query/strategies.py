"""Random catalogs and random filters, small enough to check by hand when they fail."""

from __future__ import annotations

from hypothesis import strategies as st

from artifact_tui.catalog.listing import SORT_FIELDS, Sort
from artifact_tui.model import Alias
from artifact_tui.query.filter_fields import ABSENT
from tests.support.catalogs import DAY, NOW, Maker

NAMES = ("resnet", "Resnet-50", "bert base", "a*b", "[x]", "ÉTÉ", "100%")
_SHELVES = ("bert base", "100%")
"""Those of `NAMES` that hold only links."""
ALIASES = ("latest", "prod", "production", "none", "a*", "x[1]")
SIZES = (0, 1, 999, 1000, 5_000_000, None)
AGES = (0, 1, DAY, 2 * DAY, 30 * DAY, 400 * DAY, -DAY, None)


def _ago(age: int | None) -> int | None:
    return None if age is None else NOW - age


_BLOBS = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([("x", 5), ("y", 7), ("z", 11), ("w", 0)])
)
_ALIASES = st.lists(st.builds(Alias, st.sampled_from(ALIASES), st.booleans()), max_size=2).map(
    lambda found: tuple({alias.name: alias for alias in found}.values())
)


@st.composite
def catalogs(draw: st.DrawFn) -> Maker:
    """A few collections with versions in every state, shared bytes, and any lineage at all."""
    maker = Maker()
    for name in NAMES[: draw(st.integers(0, len(NAMES)))]:
        maker.collection(name, draw(st.sampled_from(("model", "dataset", "Model"))))
    for _ in range(draw(st.integers(0, 12))):
        _version(draw, maker)
    made = maker.versions
    if draw(st.booleans()) and made:
        maker.ask(*draw(st.lists(st.sampled_from(made))))
        names = st.sampled_from(("x:v1", "y:v2"))
        relatives = st.tuples(st.sampled_from(made), names, st.booleans())
        for one, name, up in draw(st.lists(relatives, max_size=3)):
            maker.elsewhere(one, name, up=up)
    if len(made) > 1:
        pairs = st.tuples(st.sampled_from(made), st.sampled_from(made))
        for parent, child in draw(st.lists(pairs, max_size=20)):
            if parent.id != child.id:
                maker.edge(parent, child)
    return maker


def _version(draw: st.DrawFn, maker: Maker) -> None:
    """One more version."""
    name = draw(st.sampled_from(list(maker.types) or ["only"]))
    source = "source" if name in _SHELVES else None
    files = draw(st.none() | _BLOBS) if source is None else None
    facts: dict[str, int | None] = {}
    if files is None:
        facts["size"] = draw(st.sampled_from(SIZES))
        facts["file_count"] = draw(st.sampled_from((None, 0, 3)))
    maker.version(
        name,
        state=draw(st.sampled_from(("live", "live", "live", "trash", "pending"))),
        files=files,
        aliases=draw(_ALIASES),
        tags=draw(st.lists(st.sampled_from(("t", "none", "T*")), max_size=2, unique=True)),
        run=draw(st.sampled_from(("", "run-1", "ada"))),
        created_us=_ago(draw(st.sampled_from(AGES))),
        used_us=_ago(draw(st.sampled_from(AGES))),
        source_key=source,
        links=draw(st.lists(st.sampled_from(("here", "there")), max_size=2, unique=True)),
        used_count=draw(st.sampled_from((None, 0, 1, 2))),
        stored=draw(st.sampled_from((None, 0, 3))),
        ttl_us=draw(st.sampled_from((None, 1, DAY, 40 * DAY))),
        **facts,  # type: ignore[arg-type] # any field of Made
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_OPS = st.sampled_from((":", "<", "<=", ">", ">="))
_WORDS = st.sampled_from(("res", "RES", "été", "É", "50", "*", "*t", "r*50", "[", "?", "%", "_"))
_TERMS = st.one_of(
    _WORDS,
    st.sampled_from(NAMES).map(_quoted),
    st.sampled_from(NAMES).map(lambda name: f"name:{_quoted(name)}"),
    st.sampled_from(("name:r*", "type:model", "type:*o*", "version:v1", "version:v*", "run:ada")),
    st.sampled_from(ALIASES).map(lambda name: f"alias:{_quoted(name)}"),
    st.sampled_from(("alias:prod*", "alias:*", "tag:t", 'tag:"none"', "tag:T*", "run:*1")),
    st.sampled_from(sorted(ABSENT)).flatmap(lambda f: st.sampled_from((f"{f}:none", f"{f}:any"))),
    st.sampled_from(("live", "trash", "pending", "any")).map(lambda state: f"state:{state}"),
    st.sampled_from(("registry:here", "registry:h*", "registry:there", "link:yes", "link:no")),
    st.integers(0, 4).map(lambda count: f"latest:{count}"),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(("size", "unique")),
        _OPS,
        st.sampled_from(("0", "5", "7", "12", "1kB", "0.5kb", "4.7MiB", "5MB")),
    ),
    st.builds(
        "{}{}{}".format, st.sampled_from(("dependents", "files", "runs")), _OPS, st.integers(0, 4)
    ),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(("age", "used", "ttl")),
        _OPS,
        st.sampled_from(("0s", "1d", "2d", "30d", "1mo", "1y", "12h", "292000y")),
    ),
    st.builds(
        "created{}{}".format,
        _OPS,
        st.sampled_from(("2027", "2027-01", "2027-01-15", "2027-01-15T08:00", "2025-12-11")),
    ),
)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        parts.map(" ".join),
        parts.map(" | ".join),
        parts.map(lambda found: f"({' '.join(found)})"),
        inner.map(lambda found: f"-({found})"),
    )


filters = st.just("") | st.recursive(
    _TERMS | _TERMS.map(lambda term: f"-{term}"), _joined, max_leaves=6
)
"""Filters that can be read."""

sorts = st.builds(Sort, st.sampled_from(SORT_FIELDS), st.booleans())
"""Every way to sort."""
