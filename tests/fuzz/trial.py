"""One process that reads spoilt files, and notes what became of each; it may die.

    python -m tests.fuzz.trial READERS INPUTS SEED NOTES READER NUMBER

It begins at input NUMBER of READER. Before an input is read its number goes to NOTES, afterwards a
line on it.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ssnbench.contracts import UsageError
from tests.fuzz.readers import READERS, Files

MOST_BYTES = 8 << 30
"""Memory of the process."""

MOST_SECONDS = 60
"""After which an input has hung."""

LONGEST_MESSAGE = 4500


def spoilt(reader: str, number: int, seed: int) -> tuple[str, bytes]:
    """Name and bytes of an input: the same for the same three, on any machine."""
    rng = random.Random(f"{seed} {reader} {number}")
    files = _files(reader)
    name = rng.choice(sorted(files))
    return name, READERS[reader].spoil(rng, files[name])


@cache
def _files(reader: str) -> Files:
    return READERS[reader].files()


def outcome(reader: str, path: Path) -> str:
    """``value`` or ``error``; else what was raised that is neither, or how the error is no line."""
    try:
        READERS[reader].read(path)
    except UsageError as error:
        text = str(error)
        if len(text) > LONGEST_MESSAGE:
            return "a message without end"
        return "a message of several lines" if "\n" in text else "error"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:80]}"
    return "value"


def _highest() -> int:
    """Most memory since it was last asked to forget, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def _run(inputs: Iterable[tuple[str, int]], seed: int, notes: Path) -> None:
    is_linux = sys.platform == "linux"
    with tempfile.TemporaryDirectory() as folder, notes.open("a", buffering=1) as file:
        for reader, number in inputs:
            name, data = spoilt(reader, number, seed)
            path = Path(folder) / name
            path.write_bytes(data)
            file.write(json.dumps([reader, number]) + "\n")
            if is_linux:
                Path("/proc/self/clear_refs").write_text("5")
                before = _highest()
                signal.alarm(MOST_SECONDS)
            start = time.process_time()
            what = outcome(reader, path)
            seconds = time.process_time() - start
            n_bytes = 0
            if is_linux:
                signal.alarm(0)
                n_bytes = _highest() - before
            file.write(json.dumps([reader, number, what, n_bytes, seconds]) + "\n")


def _from(readers: list[str], n_inputs: int, first: str, number: int) -> Iterator[tuple[str, int]]:
    """Yield what is left to read, of all readers."""
    for reader in readers[readers.index(first) :]:
        for each in range(number if reader == first else 0, n_inputs):
            yield reader, each


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _limit_memory()
    names, inputs_, seed_, notes_, first_, number_ = sys.argv[1:]
    todo = _from(names.split(","), int(inputs_), first_, int(number_))
    _run(todo, int(seed_), Path(notes_))
