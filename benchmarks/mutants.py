"""How many small faults in the code that deletes do the tests notice?

    python -m benchmarks.mutants [--outside | --all] [--count 200] [--seed N]
        [--most-seconds 60] [--workers 2] [--module GLOB] [--only FILE] [--results FILE] [--list]
        [PATH…]

A mutant is the program with one small fault: a comparison turned round, a guard that never holds,
a call left out, a number one too large, a condition of SQL negated. Each is put into a copy of
this tree (in a folder of its own, with an environment whose processes import the copy), and tests
that reach its place are run. A mutant that no test notices shows what nobody checks.

First all tests but those marked slow are run without a fault, `--workers` at a time. That shows
which tests pass, how long each takes, and which blocks of which functions it reaches; it is kept in
`.mutants`, and made anew when tests or code have changed.

Then each mutant is shown to the tests that reach its place, in one process, until one fails. The
order is that of places reached times seconds: a quick test that reaches little else comes first,
and further ones of the same file and function later. As many are run as took `--most-seconds`
without a fault. So a survivor costs a minute or two, not the hundreds of tests that reach it; the
score is a lower bound, and comparable between trees that were measured with the same bound. (By
number it would not be: forty tests of single functions tell more than forty of the program.) A
tree from before this file is measured with its own Python:
`cd OLD; .venv/bin/python …/benchmarks/mutants.py --tree .`

Which mutants are taken is decided by their names, so the same seed takes the same ones again, also
when a function has moved to another file: a name is the function, the text of the statement, and
the change. Results are appended to a file of JSON lines; a mutant that is in it is not run again.

`--outside` (the default) takes the tests that use the program as its users do; `--all` adds the
tests of single functions. `PATH…` are test files or folders instead of either.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
import venv
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

ROOT = Path(__file__).parents[1]

MODULES = "artifact_tui/deletion/*.py"

OUTSIDE = (
    "cli", "faults/apply", "faults/rest", "faults/wandb", "orphans", "properties/deletion",
    "tui/review", "tui/tasks", "tui/trash",
)  # fmt: skip
"""Folders of tests that delete, and use the program from outside."""

INSIDE = ("unit/deletion", "unit/edits", "unit/catalog")
"""Folders of tests of single functions that reach deletions."""

LOG = """
import json, os, pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config, items):
    yield
    order = {name: number for number, name in enumerate(config.args)}
    items.sort(key=lambda item: order.get(item.nodeid, 0))

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    with open(os.environ["MUTANT_LOG"], "a", encoding="utf-8") as file:
        line = [report.nodeid, report.when, report.outcome, report.duration]
        file.write(json.dumps(line) + "\\n")

def pytest_collectreport(report):
    if report.failed:
        with open(os.environ["MUTANT_LOG"], "a", encoding="utf-8") as file:
            file.write(json.dumps([report.nodeid, "collect", "failed", 0]) + "\\n")
"""
"""A plug-in for pytest that runs tests in the order given, and writes down how each ended."""

REACH = """
import os as _mutant_os
_mutant_seen = set()
def _mutant_reach(place):
    test = _mutant_os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    if (place, test) not in _mutant_seen:
        _mutant_seen.add((place, test))
        path = _mutant_os.environ.get("MUTANT_REACH")
        if path:
            line = f"{place}\\t{test}\\n".encode("utf-8", "backslashreplace")
            flags = _mutant_os.O_WRONLY | _mutant_os.O_APPEND | _mutant_os.O_CREAT
            fd = _mutant_os.open(path, flags)
            _mutant_os.write(fd, line)
            _mutant_os.close(fd)
"""
"""What each module gets for the run without a fault: it notes which test has come where."""

SQL_WORDS = ("SELECT ", "UPDATE ", "INSERT ", "DELETE ", " AND ", " IS ", "EXISTS", " IN (", "='")

SQL_CHANGES = (
    (" AND ", " OR "), (" OR ", " AND "), ("NOT EXISTS", "EXISTS"), ("IS NOT NULL", "IS NULL"),
    (" NOT IN ", " IN "), (" IN (", " NOT IN ("), ("<>", "="), ("='", "<>'"), ("=?", "<>?"),
    (" > ", " >= "), (" < ", " <= "), (" NOT p.", " p."), (" DESC", ""), ("DISTINCT ", ""),
)  # fmt: skip

FLIPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip

QUIET = frozenset({"log", "logging", "logger", "dataclass", "field", "TypeVar", "suppress"})
"""Names whose calls hold nothing that a test could notice."""


@dataclass(frozen=True)
class Mutant:
    """One small fault."""

    name: str
    """The function, the statement and the change: the same wherever the function stands."""
    place: str
    """The part of the function that must be reached for it to show."""
    path: str
    line: int
    uses: str
    """The constant that it changes, when it is outside of all functions."""
    tree: Callable[[], ast.Module] = field(repr=False, compare=False)


class Finder:
    """Finds the mutants of one file."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.tree = ast.parse((root / path).read_text(encoding="utf-8"))
        self.found: list[Mutant] = []
        self.uses: dict[str, set[str]] = defaultdict(set)
        """The places that name a thing, by its name."""
        self._names: Counter[str] = Counter()
        self._body(self.tree.body, "", "", None)

    def _body(
        self, body: Sequence[ast.stmt], function: str, place: str, owner: ast.stmt | None
    ) -> None:
        for number, node in enumerate(body):
            if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert, ast.Pass)) or (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{function}.{node.name}".lstrip(".")
                self._body(node.body, name, name, node)
            elif isinstance(node, ast.ClassDef):
                self._body(node.body, f"{function}.{node.name}".lstrip("."), "", node)
            else:
                self._statement(node, function, place, body, number, owner)

    def _statement(  # noqa: PLR0917 - all that there is to know about one
        self,
        node: ast.stmt,
        function: str,
        place: str,
        body: Sequence[ast.stmt],
        number: int,
        owner: ast.stmt | None,
    ) -> None:
        for name in {n.id for n in _expressions(node) if isinstance(n, ast.Name)} | {
            n.attr for n in _expressions(node) if isinstance(n, ast.Attribute)
        }:
            self.uses[name].add(place)
        where = _Where(function, place, node, "" if place else _target(node))
        for change in _removals(node, body, number, owner):
            self._add(where, *change)
        for expression in _expressions(node):
            for change in _changes(expression):
                self._add(where, *change)
        for statements in _bodies(node):
            start = _place(function, statements)
            self._body(statements, function, start if place else "", node)

    def _add(self, where: _Where, words: str, change: Callable[[], Callable[[], None]]) -> None:
        head = ast.unparse(_headed(where.node)).splitlines()[0][:160]
        name = f"{where.function or where.uses} | {head} | {words}"
        self._names[name] += 1
        if self._names[name] > 1:
            name += f" | {self._names[name]}"

        def apply() -> ast.Module:
            undo = change()
            try:
                return copy.deepcopy(self.tree)
            finally:
                undo()

        line = where.node.lineno
        self.found.append(Mutant(name, where.place, self.path, line, where.uses, apply))


@dataclass(frozen=True)
class _Where:
    function: str
    place: str
    node: ast.stmt
    uses: str


def _target(node: ast.stmt) -> str:
    """The name that a statement outside of all functions gives a value."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def _bodies(node: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks inside a statement."""
    parts = [node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())]
    kinds = ("body", "orelse", "finalbody")
    return [block for part in parts for kind in kinds if (block := getattr(part, kind, None))]


def _place(function: str, statements: Sequence[ast.stmt]) -> str:
    """The name of a block: its function and its first statement."""
    first = ast.unparse(_headed(statements[0])).splitlines()[0]
    return f"{function} > {first}"


def _headed(node: ast.stmt) -> ast.stmt:
    """A statement without the blocks in it."""
    if not _bodies(node):
        return node
    head = copy.copy(node)
    for kind in ("body", "orelse", "finalbody", "handlers", "cases"):
        if hasattr(head, kind):
            setattr(head, kind, [ast.Pass()] if kind == "body" else [])
    if isinstance(head, ast.Try):
        head.finalbody = [ast.Pass()]
    return head


def _expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Every expression of a statement, those in its blocks and its annotations left out."""
    skipped = {"annotation", "returns", "decorator_list", "type_comment"}
    queue: list[ast.AST] = [
        value
        for name, value in ast.iter_fields(node)
        if name not in skipped and not isinstance(value, list) and isinstance(value, ast.AST)
    ]
    for name in ("targets", "items", "values"):
        queue += getattr(node, name, [])
    while queue:
        one = queue.pop(0)
        if isinstance(one, ast.Call) and _called(one) in QUIET:
            continue
        if isinstance(one, ast.expr):
            yield one
        queue += ast.iter_child_nodes(one)


def _called(node: ast.Call) -> str:
    name = node.func
    while isinstance(name, ast.Attribute):
        if name.attr in QUIET:
            return name.attr
        name = name.value
    return name.id if isinstance(name, ast.Name) else ""


Change = tuple[str, "Callable[[], Callable[[], None]]"]


def _put(
    holder: ast.AST, name: str = "", value: object = None, **more: object
) -> Callable[[], Callable[[], None]]:
    """A change of attributes: called it is made, and gives what takes it back."""
    after = more | ({name: value} if name else {})

    def make() -> Callable[[], None]:
        before = {one: getattr(holder, one) for one in after}
        vars(holder).update(after)
        return lambda: vars(holder).update(before)

    return make


def _instead(
    body: Sequence[ast.stmt], number: int, statement: ast.stmt
) -> Callable[[], Callable[[], None]]:
    """Another statement in the place of one."""
    assert isinstance(body, list)

    def make() -> Callable[[], None]:
        before = body[number]
        body[number] = ast.copy_location(statement, before)
        return lambda: body.__setitem__(number, before)

    return make


def _removals(
    node: ast.stmt, body: Sequence[ast.stmt], number: int, owner: ast.stmt | None
) -> Iterator[Change]:
    """A statement left out, a guard that always or never holds, another value given back."""
    match node:
        case ast.Expr(value=value):
            call = value.value if isinstance(value, ast.Await) else value
            if isinstance(call, ast.Call) and _called(call) not in QUIET:
                yield "left out", _instead(body, number, ast.Pass())
        case ast.Raise() | ast.AugAssign():
            words = "not raised" if isinstance(node, ast.Raise) else "left out"
            yield words, _instead(body, number, ast.Pass())
        case ast.If(test=test):
            yield "never so", _put(node, "test", _and_false(test))
            yield "always so", _put(node, "test", _or_true(test))
        case ast.While(test=test):
            yield "never so", _put(node, "test", _and_false(test))
        case ast.Return(value=ast.expr() as value):
            yield from _returns(node, value, owner)


def _returns(node: ast.Return, value: ast.expr, owner: ast.stmt | None) -> Iterator[Change]:
    """The opposite of what a function gives back, or nothing."""
    returns = getattr(owner, "returns", None)
    if isinstance(returns, ast.Name) and returns.id == "bool":
        yield "not", _put(node, "value", ast.UnaryOp(ast.Not(), value))
    elif not isinstance(value, ast.Constant):
        yield "None", _put(node, "value", ast.Constant(None))


def _and_false(test: ast.expr) -> ast.expr:
    """Never so; the test is still evaluated, as what it names may be needed."""
    return ast.BoolOp(ast.And(), [test, ast.Constant(False)])  # noqa: FBT003 - the constant itself


def _or_true(test: ast.expr) -> ast.expr:
    return ast.BoolOp(ast.Or(), [test, ast.Constant(True)])  # noqa: FBT003 - the constant itself


def _changes(node: ast.expr) -> Iterator[Change]:
    """What can be wrong in one expression."""
    text = ast.unparse(node)[:100].replace("\n", " ")
    for words, change in _wrong(node):
        yield f"{text}: {words}", change
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _sql(node, node.value)
    for one in getattr(node, "generators", ()):
        for number, test in enumerate(one.ifs):
            if not _names(test):
                yield (
                    f"{ast.unparse(test)[:100]}: always so",
                    _put(one, "ifs", _but(one.ifs, number)),
                )


def _wrong(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.Compare(comparators=[right]):
            yield from _comparison(node, right)
        case ast.BoolOp():
            yield from _logic(node)
        case ast.UnaryOp(op=ast.Not()):
            twice = ast.UnaryOp(ast.Not(), node.operand)
            yield "without not", _put(node, "operand", twice)
        case ast.BinOp(op=ast.Sub() | ast.BitOr() | ast.BitAnd() | ast.Add()):
            other = ast.Add() if isinstance(node.op, ast.Sub) else ast.Sub()
            texts = (ast.Constant, ast.JoinedStr)
            if not isinstance(node.left, texts) and not isinstance(node.right, texts):
                yield "other operator", _put(node, "op", other)
        case ast.IfExp(test=test):
            yield "never so", _put(node, "test", _and_false(test))
            yield "always so", _put(node, "test", _or_true(test))
        case ast.Set(elts=elts) if len(elts) > 1:
            for number in range(len(elts)):
                yield f"without {number}", _put(node, "elts", _but(elts, number))
        case ast.Constant():
            yield from _constant(node)


def _but(parts: list[ast.expr], number: int) -> list[ast.expr]:
    """All but one."""
    return parts[:number] + parts[number + 1 :]


def _names(node: ast.expr) -> bool:
    """Whether an expression gives a name to something that may be used elsewhere."""
    return any(isinstance(part, ast.NamedExpr) for part in ast.walk(node))


def _comparison(node: ast.Compare, right: ast.expr) -> Iterator[Change]:
    yield "turned round", _put(node, "ops", [FLIPS[type(node.ops[0])]()])
    if isinstance(node.left, ast.Tuple) and isinstance(right, ast.Tuple):
        for number, one in enumerate(node.left.elts):
            yield f"only {number}", _put(node, left=one, comparators=[right.elts[number]])


def _logic(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield "and ↔ or", _put(node, "op", other)
    for number, one in enumerate(node.values):
        if not _names(one):
            yield f"without {number}", _put(node, "values", _but(node.values, number))


def _constant(node: ast.Constant) -> Iterator[Change]:
    match node.value:
        case bool() as value:
            yield str(not value), _put(node, "value", not value)
        case int() as value:
            yield str(value + 1), _put(node, "value", value + 1)


def _sql(node: ast.Constant, text: str) -> Iterator[Change]:
    """Conditions of a statement of SQL, each the other way."""
    if not any(word in text for word in SQL_WORDS):
        return
    for old, new in SQL_CHANGES:
        for number, start in enumerate(_starts(text, old)):
            changed = text[:start] + new + text[start + len(old) :]
            near = " ".join(text[max(0, start - 30) : start + 30].split())
            yield f"{near}: {old.strip()} → {new.strip()} {number}", _put(node, "value", changed)


def _starts(text: str, part: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        if part == " IN (" and text[max(0, start - 4) : start] == " NOT":
            pass
        else:
            yield start
        start = text.find(part, start + 1)


def _traced(finder: Finder) -> ast.Module:
    """The module, with a note of every place that is reached."""
    tree = copy.deepcopy(finder.tree)

    def note(place: str) -> ast.stmt:
        return ast.Expr(ast.Call(ast.Name("_mutant_reach", ast.Load()), [ast.Constant(place)], []))

    def visit(body: list[ast.stmt], function: str, *, inside: bool) -> None:
        for node in list(body):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{function}.{node.name}".lstrip(".")
                visit(node.body, name, inside=True)
                first = node.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                node.body.insert(int(documented), note(name))
            elif isinstance(node, ast.ClassDef):
                visit(node.body, f"{function}.{node.name}".lstrip("."), inside=False)
            elif inside:
                for statements in _bodies(node):
                    place = _place(function, statements)
                    visit(statements, function, inside=True)
                    statements.insert(0, note(place))

    visit(tree.body, "", inside=False)
    at = next(
        number + 1
        for number, node in enumerate(tree.body)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    )
    tree.body[at:at] = ast.parse(REACH).body
    return tree


class Copy:
    """A copy of the tree, and an environment whose processes import it."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.root = folder / "tree"
        skipped = shutil.ignore_patterns(
            ".git", ".venv", ".mutants", "__pycache__", "*.pyc", ".*_cache"
        )
        shutil.copytree(tree, self.root, ignore=skipped)
        venv.create(self.root / ".venv", symlinks=True)
        self.python = self.root / ".venv" / "bin" / "python"
        site = self.python.parents[1] / "lib" / f"python{sysconfig.get_python_version()}"
        packages = site / "site-packages"
        (packages / "copy.pth").write_text(
            f"{self.root}\nimport site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        )
        script = self.python.with_name("artifact-tui")
        script.write_text(
            f"#!{self.python}\nimport sys\nfrom artifact_tui.cli import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        self.plugins = folder / "plugins"
        self.plugins.mkdir()
        (self.plugins / "mutant_log.py").write_text(LOG)
        self.log = folder / "log"
        self.reach = folder / "reach"
        self._files = folder / "files"
        self._stamp = int(time.time()) - 10**8
        self._texts: dict[str, str] = {}
        """What modules say without a fault: the tree that was copied may change meanwhile."""

    def write(self, path: str, tree: ast.Module | None) -> None:
        """Another text for a module, or the original; each has a time of its own for Python."""
        target = self.root / path
        text = self._texts.setdefault(path, target.read_text(encoding="utf-8"))
        if tree is not None:
            text = ast.unparse(ast.fix_missing_locations(tree))
        target.write_text(text, encoding="utf-8")
        self._stamp += 10
        os.utime(target, (self._stamp, self._stamp))

    def run(self, tests: Sequence[str], limit: float, *options: str) -> tuple[list[Line], bool]:
        """Run tests; how each of them ended, and whether they ended at all."""
        self.log.unlink(missing_ok=True)
        self.log.touch()
        command = [
            str(self.python), "-m", "pytest", "-q", "-p", "mutant_log", "-p", "no:cacheprovider",
            "--no-header", "--tb=no", f"--basetemp={self._files}", *options, *tests,
        ]  # fmt: skip
        path = os.pathsep.join([str(self.root), str(self.plugins)])
        environment = os.environ | {
            "MUTANT_LOG": str(self.log), "MUTANT_REACH": str(self.reach), "PYTHONPATH": path,
        }  # fmt: skip
        with subprocess.Popen(
            command, cwd=self.root, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        if code not in {0, 1, None} and not any(one[2] == "failed" for one in lines):
            lines.append(["pytest", "collect", "failed", 0])
        return lines, code is not None


Line = tuple[str, str, str, float]


@dataclass
class Net:
    """What tests did without a fault: those that passed, and where they came."""

    seconds: dict[str, float]
    """Of each test that passed."""
    reach: dict[str, list[str]]
    """The tests that come to each place."""

    def order(self, places: Iterable[str]) -> list[str]:
        """The tests that come to one of these places, the most telling for their time first."""
        breadth = Counter(test for tests in self.reach.values() for test in tests)

        def cost(test: str) -> float:
            return breadth[test] * (0.1 + self.seconds[test])

        tests = {test for place in places for test in self.reach.get(place, ())}
        alike = Counter[str]()
        costs: dict[str, float] = {}
        for test in sorted(tests, key=lambda one: (cost(one), one)):
            file, function = test.partition("::")[0], test.partition("[")[0]
            alike.update((file, function))
            costs[test] = cost(test) * alike[file] * alike[function]
        return sorted(costs, key=lambda one: (costs[one], one))

    def bounded(self, tests: Iterable[str], seconds: float) -> list[str]:
        """The first of these tests, as many as took so long; one at least."""
        taken: list[str] = []
        total = 0.0
        for test in tests:
            total += self.seconds[test]
            if taken and total > seconds:
                break
            taken.append(test)
        return taken


def learn(
    tree: Path, copy_: Copy, finders: Sequence[Finder], files: Sequence[str], workers: int
) -> Net:
    """Run all tests without a fault, or read what they did when they were run before."""
    key = _digest([copy_.root / name for name in [*files, *(one.path for one in finders)]])
    path = tree / ".mutants" / f"net-{key}.json"
    if path.exists():
        return Net(**json.loads(path.read_text(encoding="utf-8")))
    for finder in finders:
        copy_.write(finder.path, _traced(finder))
    copy_.reach.touch()
    lines, _ = copy_.run(files, 7200, "-n", str(workers), "-m", "not slow")
    for finder in finders:
        copy_.write(finder.path, None)
    failed = {one[0] for one in lines if one[2] == "failed"}
    seconds: dict[str, float] = defaultdict(float)
    for test, _, outcome, duration in lines:
        if test not in failed and outcome == "passed":
            seconds[test] += duration
    reach: dict[str, set[str]] = defaultdict(set)
    for line in copy_.reach.read_text(encoding="utf-8").splitlines():
        place, _, test = line.partition("\t")
        if test in seconds:
            reach[place].add(test)
    net = Net(dict(seconds), {place: sorted(tests) for place, tests in reach.items()})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(net)), encoding="utf-8")
    for test in sorted(failed):
        print(f"fails without a fault: {test}")
    print(f"{len(seconds)} tests pass without a fault, {sum(seconds.values()):.0f} s", flush=True)
    return net


def judge(copy_: Copy, mutant: Mutant, tests: Sequence[str], limit: float) -> dict[str, object]:
    """Whether one of these tests notices a mutant, and which."""
    if not tests:
        return {"status": "unreached", "killer": "", "seconds": 0.0, "tests": 0}
    copy_.write(mutant.path, mutant.tree())
    began = time.monotonic()
    try:
        lines, ended = copy_.run(tests, limit, "-n", "0", "-x")
    finally:
        copy_.write(mutant.path, None)
    took = round(time.monotonic() - began, 1)
    failed = [one[0] for one in lines if one[2] == "failed"]
    status = "killed" if failed else "survived" if ended else "timeout"
    ran = len({one[0] for one in lines})
    return {"status": status, "killer": "".join(failed[:1]), "seconds": took, "tests": ran}


def _places(mutant: Mutant, finders: Sequence[Finder]) -> list[str]:
    """Where a mutant shows; that of a constant where it is named, or anywhere in its module."""
    if mutant.place:
        return [mutant.place]
    users = {p for one in finders for p in one.uses.get(mutant.uses, ()) if p}
    own = {m.place for one in finders for m in one.found if m.path == mutant.path}
    return sorted(users or own - {""})


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def test_files(tree: Path, words: Sequence[str], *, everything: bool) -> list[str]:
    """The test files that are meant."""
    folders = [f"tests/{name}" for name in (*OUTSIDE, *(INSIDE if everything else ()))]
    found: list[Path] = []
    for one in [tree / word for word in words or folders]:
        found += [one] if one.is_file() else sorted(one.rglob("test_*.py"))
    return [str(one.relative_to(tree)) for one in dict.fromkeys(found)]


def chosen(mutants: Iterable[Mutant], seed: int, count: int, only: Sequence[str]) -> list[Mutant]:
    """The mutants to be run, in the order that the seed gives."""
    if only:
        return [one for one in mutants if any(word in one.name for word in only)]

    def rank(one: Mutant) -> str:
        return hashlib.sha256(f"{seed}:{one.name}".encode()).hexdigest()

    return sorted(mutants, key=rank)[:count]


def wanted(path: str) -> list[str]:
    """Names, or parts of names, one a line; or the survivors of a file of results."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            record = json.loads(line)
            found += [record["name"]] if record["status"] == "survived" else []
        elif line.strip():
            found.append(line.strip())
    return found


def tell(records: Iterable[dict[str, object]]) -> None:
    """The figures, and what survived."""
    every = list(records)
    status = Counter(str(one["status"]) for one in every)
    noticed = status["killed"] + status["timeout"]
    for one in every:
        if one["status"] in {"survived", "unreached"}:
            print(f"{one['status']}  {one['place']}  {one['name']}")
    share = f"{100 * noticed / len(every):.1f} %" if every else "none"
    print(f"{noticed} of {len(every)} mutants were noticed ({share}); {dict(status)}")


def main() -> None:
    """Run mutants, and say which survive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--tree", type=Path, default=ROOT)
    parser.add_argument("--all", action="store_true", dest="everything")
    parser.add_argument("--outside", action="store_false", dest="everything")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--module", default=MODULES)
    parser.add_argument("--only", default="")
    parser.add_argument("--results", default="")
    parser.add_argument("--list", action="store_true")
    words = parser.parse_args()
    tree = words.tree.resolve()
    modules = sorted(str(path.relative_to(tree)) for path in tree.rglob("artifact_tui/**/*.py"))
    finders = [
        Finder(tree, path)
        for path in modules
        if fnmatch(path, words.module) and not path.endswith("__init__.py")
    ]
    every = [one for finder in finders for one in finder.found]
    mutants = chosen(every, words.seed, words.count, wanted(words.only) if words.only else ())
    if words.list:
        for one in mutants:
            print(f"{one.path}:{one.line}  {one.name}")
        print(f"{len(mutants)} of {len(every)} mutants")
        return
    os.nice(15)
    kind = "all" if words.everything else "outside"
    results = Path(words.results or tree / ".mutants" / f"{kind}.jsonl")
    results.parent.mkdir(exist_ok=True)
    done: dict[str, dict[str, object]] = {}
    if results.exists():
        lines = results.read_text(encoding="utf-8").splitlines()
        done = {record["name"]: record for record in map(json.loads, lines)}
    files = test_files(tree, words.paths, everything=words.everything)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, results.open("a") as file:
        copy_ = Copy(tree, Path(folder))
        net = learn(tree, copy_, finders, files, words.workers)
        for number, mutant in enumerate(mutants, start=1):
            if mutant.name in done:
                continue
            tests = net.bounded(net.order(_places(mutant, finders)), words.most_seconds)
            limit = 60 + 4 * sum(net.seconds[test] for test in tests)
            record = {"name": mutant.name, "place": f"{mutant.path}:{mutant.line}"}
            record |= judge(copy_, mutant, tests, limit)  # type: ignore[arg-type]
            done[mutant.name] = record  # type: ignore[assignment]
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{number}/{len(mutants)} {record['status']} {mutant.name}", flush=True)
    tell(done[one.name] for one in mutants if one.name in done)


if __name__ == "__main__":
    main()
