"""The configuration: registries and their settings, keys, themes, and where things live.

The file is TOML and checked strictly: a mistake names the file, the line and the nearest key.

    default_registry = "team"
    theme = "textual-dark"

    [registries.team]
    address = "local:/srv/registry"
    production = true               # read-only, unless read_only = false is stated

    [registries.vision]
    address = "wandb://api.wandb.ai/acme/vision"

    [registries.zoo]
    address = "https://zoo.example/api"
    token_env = "ZOO_TOKEN"         # this, and what else the client of the address knows

    [keys]
    review = "x"

A client names the settings it knows as a `msgspec.Struct` and reads them with `read_settings`.
Their values may be secret: they are never printed.

`platformdirs` decides where things live; `ARTIFACT_TUI_HOME` puts everything under one folder
instead, and each place can be moved alone with `ARTIFACT_TUI_CONFIG`, `_CACHE`, `_STATE` or
`_DATA`. Folders are made on first use, readable by their owner only. Catalogs and marks, which can
be made again, go to a temporary folder where theirs cannot hold them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import platformdirs

from artifact_tui import database
from artifact_tui.database import without_locks
from artifact_tui.errors import ArtifactTuiError, ConfigError, UsageError, bare, may_hold_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import msgspec

    from artifact_tui.clients.base import Kind


S = TypeVar("S", bound="msgspec.Struct")
T = TypeVar("T")

SECRET_WORDS = ("token", "password", "secret", "api_key", "apikey")
_SECRET_PLACES = ("_env", "_command")
"""Ends of keys that say where a secret is, not what it is."""

COMMON_KEYS = ("address", "read_only", "production")
"""Keys of every registry's table; they are not settings of a client."""


class Settings(Mapping[str, object]):
    """A read-only mapping that knows where each of its keys is written."""

    __slots__ = ("_lines", "_path", "_values")

    def __init__(
        self,
        values: Mapping[str, object] | None = None,
        path: Path | None = None,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        self._values = dict(values or {})
        self._path = path
        self._lines = dict(lines or {})

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Settings({', '.join(self._values)})"

    def place(self, key: str) -> str:
        """`FILE, line N: ` for an error about a key; empty when nobody wrote it in a file."""
        if self._path is None:
            return ""
        line = self._lines.get(key)
        return f"{self._path}{f', line {line}' if line else ''}: "


NO_SETTINGS: Mapping[str, object] = Settings()
"""For an address that is not configured."""


def is_secret(key: str) -> bool:
    """Whether the value of a key is a secret, by its name."""
    word = key.lower()
    return any(part in word for part in SECRET_WORDS) and not word.endswith(_SECRET_PLACES)


def shown_settings(settings: Mapping[str, object]) -> str:
    """The settings in a few words, without secrets and without commands that may hold some."""
    shown = []
    for key, value in settings.items():
        words = str(value).lower() if isinstance(value, bool) else str(value)
        hidden = is_secret(key) or key.endswith("_command")
        shown.append(f"{key} {'***' if hidden else words}")
    return ", ".join(shown)


def refuse_setting(settings: Mapping[str, object], key: str, what: str, hint: str = "") -> NoReturn:
    """Refuse a setting; `what` has no full stop.

    Raises:
        ConfigError: always.
    """
    place = settings.place(key) if isinstance(settings, Settings) else ""
    said = what if place else what[:1].upper() + what[1:]
    raise ConfigError(f"{place}{said}.", hint=hint)


def read_settings(settings: Mapping[str, object], known: type[S]) -> S:
    """The settings as what a client knows.

    Raises:
        ConfigError: a key that it does not know, with the nearest one, or a value of another type.
    """
    import msgspec  # noqa: PLC0415 - a start without settings does without

    refuse_unknown_settings(settings, [entry.name for entry in msgspec.structs.fields(known)])
    try:
        return msgspec.convert(dict(settings), known, strict=True)
    except msgspec.ValidationError as error:
        key, what = toml_complaint(error)
        refuse_setting(settings, key, f"“{key}”: {what}")


def refuse_unknown_settings(settings: Mapping[str, object], known: Iterable[str]) -> None:
    """Refuse every key that is not known.

    Raises:
        ConfigError: with the nearest key.
    """
    names = list(known)
    for key in settings:
        if key not in names:
            every = (*COMMON_KEYS, *names)
            hint = did_you_mean(key, every) or f"Known keys: {', '.join(every)}."
            refuse_setting(settings, key, f"unknown key “{key}”", hint)


_TOML_WORDS: dict[str, str] = {
    "bool": "true or false",
    "str": "a text in quotes",
    "int": "a number",
    "float": "a number",
    "object": "a table",
    "array": "a list",
    "null": "nothing",
}


def toml_complaint(error: Exception) -> tuple[str, str]:
    """The key that msgspec complains about, and what it says in the words of TOML."""
    what, _, at = str(error).partition(" - at `$.")
    what = re.sub(r" \| null`", "`", what)
    what = re.sub(r"`int \| float`|`float \| int`", "`float`", what)
    what = re.sub(r"`(\w+)`", lambda found: _TOML_WORDS.get(str(found[1]), str(found[1])), what)
    return at.rstrip("`").partition("[")[0], what


_PORTS = {"http": ":80", "https": ":443"}
"""What an address may leave out."""

LOCAL = "local:"
"""The beginning of an address of the embedded kind."""


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """One `[registries.NAME]` table."""

    address: str
    read_only: bool = False
    production: bool = False
    settings: Mapping[str, object] = field(default_factory=Settings, repr=False)
    """Everything else in the table; its client reads it when it is opened."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; without a file, everything has its default."""

    registries: Mapping[str, RegistryConfig] = field(default_factory=dict)
    default: str = ""
    """The registry used when none is named; empty when the file states none."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Binding id to keys, as written: the screen checks the ids against its bindings."""
    key_lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each binding id, for the error when there is no such binding."""
    theme: str = ""
    mouse: bool | None = None
    """None: decided by the screen (off over SSH)."""
    ascii: bool = False
    path: Path | None = None
    """The file that was read, or None."""


@dataclass(frozen=True, slots=True)
class Target:
    """The registry that a command is about."""

    name: str
    """What people call it: the configured name, or the folder's. Untrusted text."""
    address: str
    """What a client opens; `local:` paths are absolute."""
    read_only: bool = False
    production: bool = False
    settings: Mapping[str, object] = field(default_factory=Settings, repr=False)
    """What its client is told; may hold secrets."""
    locked: bool = False
    """The user asked for a session that only reads: in other registries too."""
    typed: str = field(default="", compare=False)
    """What to write in a command to mean it: as the user did, name or address."""


def load(path: Path | None = None) -> Config:
    """Read the configuration, by default from `config_file()`.

    Raises:
        ConfigError: the file has a mistake, or holds a secret that other users can read.
    """
    from artifact_tui.configfile import read  # noqa: PLC0415 - most starts find no file

    try:
        found = path or config_file()
    except ArtifactTuiError:  # without a home there is no file either
        return Config()
    return read(found) if found.is_file() else Config()


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known word most like this one, or an empty text."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=cutoff)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Asks whether the known word most like this one was meant; empty where none is like it."""
    near = nearest(word, known)
    return f"Did you mean “{near}”?" if near else ""


def resolve(config: Config, text: str | None = None) -> Target:
    """Which registry a person means: a configured name, an address, or a folder.

    Without a text: the default registry, the only configured one, or the embedded one.
    A configured registry keeps its protection however it is named, also where a larger one is
    opened that holds it. What has no table of its own has the protection of what holds it.

    Raises:
        UsageError: there is no such registry, or it is not clear which one is meant.
    """
    if text is None:
        text = config.default
        if not text and len(config.registries) > 1:
            names = ", ".join(map(shlex.quote, config.registries))
            raise UsageError(
                "Several registries are configured, and none is the default.",
                hint=f"Name one of them: {names}; or set default_registry in {config.path}.",
            )
        text = text or next(iter(config.registries), LOCAL)
    if text in config.registries:
        return _configured_target(config, text, text)
    address = _address(text)
    if address is None:
        way = "Name a registry of the configuration, or an address such as local:PATH."
        raise UsageError(
            f"There is no registry named “{bare(text) if may_hold_secret(text) else text}”.",
            hint=f"{did_you_mean(text, config.registries)} {way}".lstrip(),
        )
    if may_hold_secret(text) and not text.startswith(LOCAL):
        address, text = _without_secret(text), bare(text)
    address = _canonical(address)
    if (name := configured_name(config, address)) is not None:
        return _configured_target(config, name, text)
    around = _nested_registries(config, address, None)
    if address.startswith(LOCAL):
        name = Path(address.removeprefix(LOCAL)).name or address.removesuffix(":")
    else:
        kind = _kind(address)
        name = address if kind is None else kind.short(address)
    return Target(
        name=name,
        address=address,
        read_only=any(one.read_only for one in around),
        production=any(one.production for one in around),
        typed=text,
    )


def named_target(config: Config, name: str) -> Target:
    """The registry of a configured name, with the protection that its own table states.

    To find also what protects it because it lies in another one, or holds one, `resolve` has to
    look at the disk: only what that gives is opened.
    """
    registry = config.registries[name]
    return Target(
        name=name,
        address=_address(registry.address) or registry.address,
        read_only=registry.read_only,
        production=registry.production,
        settings=registry.settings,
        typed=name,
    )


def _configured_target(config: Config, name: str, typed: str) -> Target:
    registry = config.registries[name]
    every = (registry, *_nested_registries(config, registry.address, registry))
    return replace(
        named_target(config, name),
        read_only=any(one.read_only for one in every),
        production=any(one.production for one in every),
        typed=typed,
    )


def same_registry(one: str, other: str) -> bool:
    """Whether two addresses mean the same registry."""
    return _place(_address(one) or one) == _place(_address(other) or other)


def _nested_registries(
    config: Config, address: str, known: RegistryConfig | None
) -> list[RegistryConfig]:
    """The registries within an address; when nothing is `known` of it, those around it too."""
    others = [one for one in config.registries.values() if one is not known]
    if not any(one.read_only or one.production for one in others):
        return []
    kind = _kind(address)
    if kind is None:
        return []
    here, settings = _place(address), NO_SETTINGS if known is None else known.settings
    found = []
    for one in others:
        there = _place(one.address)
        around = known is None and kind.within(here, there)
        if around or kind.within(there, here) or kind.may_show(here, there, settings):
            found.append(one)
    return found


def configured_name(config: Config, address: str) -> str | None:
    """The name under which a registry is configured, the first of several; None: under none."""
    found = (name for name, one in config.registries.items() if same_registry(one.address, address))
    return next(found, None)


def _kind(address: str) -> Kind | None:
    """The kind of a remote registry, where one is installed; None for a local one."""
    if address.startswith(LOCAL):
        return None
    from artifact_tui.clients import claimed  # noqa: PLC0415 - local registries do without

    return claimed(address)


def _address(text: str) -> str | None:
    """The full address, or None when the text is not one."""
    scheme, colon, rest = text.partition(":")
    if text.startswith(LOCAL):
        return LOCAL + _absolute(rest) if rest else LOCAL
    if colon and scheme and scheme.replace("+", "").replace("-", "").isalnum():
        return text
    if "/" in text or text.startswith((".", "~")) or (Path(text) / "FORMAT").is_file():
        return LOCAL + _absolute(text)
    return None


def _without_secret(text: str) -> str:
    """The place that a page of a web app is, without what was copied along with it.

    Raises:
        UsageError: there is more in the address than a place.
    """
    with suppress(UsageError):
        if not may_hold_secret(address := _canonical(text)):
            return address
    raise UsageError(
        "Only a place may stand in an address: no user name or password, no ? and no #"
        f" ({bare(text)}).",
        hint="Nothing was kept. A token belongs in a variable, which --token-env names.",
    )


def _canonical(address: str) -> str:
    """The one way to write an address: a page of a web app names a registry too.

    Raises:
        UsageError: its kind cannot read it.
    """
    kind = _kind(address)
    return address if kind is None else kind.canonical(address)


def from_home(path: str | os.PathLike[str]) -> Path:
    """A path with `~` or `~NAME` spelled out; as it stands where there is no such home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError


def _absolute(path: str) -> str:
    return os.path.abspath(from_home(path))  # noqa: PTH100 - Path.absolute keeps “..”


def _place(address: str) -> str:
    """What two addresses of one registry have in common: links are followed."""
    if address.startswith(LOCAL):
        return os.path.realpath(address.removeprefix(LOCAL))
    with suppress(UsageError):
        kind = _kind(address)
        address = address if kind is None else kind.place(address)
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    host, slash, path = rest.partition("/")
    scheme, host = scheme.lower(), host.lower().removesuffix(_PORTS.get(scheme.lower(), "//"))
    return f"{scheme}://{host}{slash}{path}".rstrip("/")


APP_NAME = "artifact-tui"

_MARKS_BYTES = 128 << 10
"""Bytes that a file of marks needs to begin with."""

_LONGEST_NAME = 200
"""Bytes of a file name: file systems take 255, and SQLite adds to it."""


_DEFAULT_FOLDERS = {
    "config": platformdirs.user_config_path,
    "cache": platformdirs.user_cache_path,
    "state": platformdirs.user_state_path,
    "data": platformdirs.user_data_path,
}


def _folder(name: str) -> Path:
    """The folder for one purpose, whether or not it is there."""
    home = os.environ.get("ARTIFACT_TUI_HOME")
    own = os.environ.get(f"ARTIFACT_TUI_{name.upper()}")
    try:
        path = Path(own) if own else Path(home) / name if home else _DEFAULT_FOLDERS[name](APP_NAME)
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ArtifactTuiError(
            f"There is no home folder for the {name} of artifact-tui: HOME is not set to one, and "
            f"user {os.getuid()} has none.",
            hint="Set HOME, or ARTIFACT_TUI_HOME, to a folder that you can write to.",
        ) from error


def _made_folder(path: Path) -> Path:
    """The folder, made when it is missing."""
    try:
        with_reserve(lambda: path.mkdir(mode=0o700, parents=True, exist_ok=True), path.parent)
    except OSError as error:
        raise ArtifactTuiError(
            f"The folder {path} cannot be made: {error.strerror or error}.",
            hint="Set ARTIFACT_TUI_HOME to a folder that you can write to.",
        ) from error
    return path


def _writable_folder(purpose: str, name: str, *, spend: bool = False) -> Path:
    """A folder for one purpose, or a temporary one where databases cannot be written in it."""
    with suppress(ArtifactTuiError):
        path = _made_folder(_folder(purpose) / name)
        if _takes_databases(path, spend=spend):
            return path
    shared = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - see _private
    for folder in filter(None, shared):
        with suppress(OSError):
            private = _private_folder(Path(folder).absolute() / f"{APP_NAME}-{os.getuid()}" / name)
            if _takes_databases(private):
                return private
    return _folder(purpose) / name


def _private_folder(path: Path) -> Path:
    """A folder in one of ours among everybody's; `OSError` when somebody else made that."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    there = path.parent.lstat()
    if there.st_uid != os.getuid() or not stat.S_ISDIR(there.st_mode) or there.st_mode & 0o077:
        raise PermissionError(errno.EACCES, "another user's", str(path.parent))
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _takes_databases(folder: Path, *, spend: bool = False) -> bool:
    """Whether databases can be written in a folder; with `spend`, on the room of a reserve."""
    try:
        if spend:
            with_reserve(lambda: database.probe_room(folder, _MARKS_BYTES), folder)
        else:
            database.probe_room(folder)
    except OSError:
        return False
    return not without_locks(folder)


def config_file() -> Path:
    """The configuration, which need not exist; nothing is made."""
    return _folder("config") / "config.toml"


def config_dir() -> Path:
    """Holds `config.toml`."""
    return _made_folder(config_file().parent)


def state_dir() -> Path:
    """Holds plans, tasks, marks, logs, and a reserve for the day on which the disk is full."""
    path = _made_folder(_folder("state"))
    database.make_reserve(path)
    return path


def keep_reserve() -> None:
    """Have a reserve beside the plans, before the disk is full; nothing happens if it cannot be."""
    with suppress(ArtifactTuiError):
        state_dir()


def with_reserve(work: Callable[[], T], folder: Path) -> T:
    """Do work that happens whole or not at all; on a full disk with the room of reserves.

    Args:
        work: raises an error that `database.lacks_room` knows, and then has changed nothing.
        folder: where it writes.
    """
    return database.with_room(work, folder, spent_reserve(folder))


def spent_reserve(folder: Path) -> Iterator[None]:
    """Give up a part of a reserve at each step: the folder's, or one of this user on its disk."""
    own: tuple[Path, ...] = ()
    with suppress(ArtifactTuiError):
        own = _folder("state"), _folder("data") / "registry"
    return database.give_up_reserve(folder, *own)


def plans_dir() -> Path:
    """Plans made on a screen, or on the command line without `-o`."""
    return _made_folder(state_dir() / "plans")


def tasks_dir() -> Path:
    """One link a plan that was ever applied here, named by plan id."""
    return _made_folder(state_dir() / "tasks")


def task_folders() -> tuple[Path, Path]:
    """`tasks_dir` and `plans_dir`, for those who only look: they need not exist."""
    state = _folder("state")
    return state / "tasks", state / "plans"


def consents_dir() -> Path:
    """One link a plan that was made or confirmed here, named by plan id; it need not exist."""
    return _folder("state") / "consents"


def marks_file(uid: str) -> Path:
    """The marks of one registry; `uid` is `Identity.uid`."""
    return _writable_folder("state", "marks", spend=True) / f"{_file_name(uid)}.db"


def catalog_file(uid: str) -> Path:
    """The catalog of one remote registry; `uid` is `Identity.uid`."""
    return _writable_folder("cache", "catalogs") / f"{_file_name(uid)}.db"


def _file_name(uid: str) -> str:
    """A name that is one file's in any folder; a long one keeps its beginning and a hash."""
    name = "".join(c if c.isalnum() or c in "-_" else f"%{ord(c):x}" for c in uid)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"{name[:40]}-{hashlib.sha256(uid.encode()).hexdigest()[:32]}"


def embedded_registry() -> Path:
    """The registry that `local:` names."""
    return _made_folder(embedded_place().parent) / embedded_place().name


def embedded_place() -> Path:
    """Where the registry that `local:` names is; nothing is made."""
    return _folder("data") / "registry"
