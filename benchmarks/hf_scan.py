"""How fast a Hugging Face cache is listed, beside the scan of its own library.

    python -m benchmarks.hf_scan [REPOSITORIES] [ROUNDS]

Makes a cache of 300 repositories with 5 revisions of 20 files each, of which 7 change from one
revision to the next, and reads it in turn with `scan_cache_dir` and as a catalog is filled from it;
both must come to the same bytes. Then the same with all bytes in the store that repositories share
since huggingface_hub 1.32. Seconds of processor time, the least of some rounds; then how long
it takes until the first rows are there, of this cache, of one of 20 and of one of 2,000
repositories. Trust the ratios, not the seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from contextlib import aclosing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from huggingface_hub import scan_cache_dir

from artifact_tui.clients.huggingface.hf_client import HfClient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from artifact_tui.model import Listed

T = TypeVar("T")

REVISIONS, FILES, CHANGED = 5, 20, 7


def build(root: Path, repositories: int, *, shared: bool = False) -> None:
    """Make a cache; each blob holds a few bytes of its own."""
    if shared:
        (root / "blobs").mkdir(parents=True)
        (root / "blobs/.huggingface-shared-blobs").write_text("1\n")
    for number in range(repositories):
        top = root / f"models--org{number % 7}--model{number}"
        (top / "blobs").mkdir(parents=True)
        (top / "refs").mkdir()
        names = [f"{number:08x}{file:032x}" for file in range(FILES)]
        for revision in range(REVISIONS):
            commit = f"{number:032x}{revision:08x}"
            snapshot = top / "snapshots" / commit
            snapshot.mkdir(parents=True)
            for file in range(CHANGED if revision else 0):
                names[file] = f"{number:08x}{revision:016x}{file:016x}"
            for file, name in enumerate(names):
                blob = top / "blobs" / name
                if shared and not blob.is_symlink():
                    hashed = f"{number % 256:02x}{name:0>62}"
                    payload = root / "blobs" / hashed[:2] / hashed
                    payload.parent.mkdir(exist_ok=True)
                    payload.with_suffix(".refs").write_text(f"{top.name}/blobs/{name}\n")
                    blob.symlink_to(f"../../blobs/{hashed[:2]}/{hashed}")
                blob.write_bytes(b"x" * (file + 1))
                (snapshot / f"part-{file:05d}.safetensors").symlink_to(f"../../blobs/{name}")
            (top / "refs/main").write_text(commit)


async def listed(root: Path) -> AsyncGenerator[Listed, None]:
    """All that we list, in parts."""
    client = HfClient(root, read_only=True)
    async with aclosing(client.listing()) as parts:
        async for part in parts:
            yield part


async def versions(root: Path) -> int:
    """How many versions we list."""
    return sum([len(part.versions) async for part in listed(root)])


async def size(root: Path) -> int:
    """The bytes of all that we list, each counted once."""
    sizes = {}
    async for part in listed(root):
        for file in chain.from_iterable(part.files.values()):
            sizes[file.digest] = file.size
    return sum(sizes.values())


async def first_rows(root: Path) -> float:
    """Seconds on the clock until the first versions are there."""
    began = time.perf_counter()
    client = HfClient(root, read_only=True)
    async with aclosing(client.listing()) as parts:
        async for part in parts:
            if part.versions:
                break
    return time.perf_counter() - began


def processor(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of processor time that some work takes, and what it gives."""
    gc.collect()
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def compare(root: Path, rounds: int) -> None:
    """Print how long both take for one cache, and the ratio."""
    ours, theirs = [], []
    for _ in range(rounds):
        took, scan = processor(lambda: scan_cache_dir(root))
        theirs.append(took)
        assert not scan.warnings
        took, count = processor(lambda: asyncio.run(versions(root)))
        ours.append(took)
        assert count == sum(len(one.revisions) for one in scan.repos)
    assert asyncio.run(size(root)) == scan.size_on_disk
    print(f"  scan_cache_dir   {min(theirs):7.3f} s")
    print(f"  our listing      {min(ours):7.3f} s")
    print(f"  ratio            {min(theirs) / min(ours):7.1f}")


def main() -> None:
    """Print the ratios, and the times to the first rows."""
    repositories, rounds = (*map(int, sys.argv[1:3]), *(300, 5)[len(sys.argv[1:3]) :])
    print(f"{repositories} repositories, {repositories * REVISIONS:,} revisions")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        for shared in (False, True):
            root = Path(folder) / ("sharing" if shared else "apart")
            build(root, repositories, shared=shared)
            print(
                "bytes in a store for all repositories:" if shared else "bytes in each repository:"
            )
            compare(root, rounds)
        for many in (20, repositories, 2_000):
            place = Path(folder) / f"of{many}"
            build(place, many)
            least = min(asyncio.run(first_rows(place)) for _ in range(rounds))
            print(f"first rows of {many:5,} repositories {least * 1000:7.1f} ms")


if __name__ == "__main__":
    main()
