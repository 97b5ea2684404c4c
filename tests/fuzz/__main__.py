"""Read thousands of spoilt files of every kind, in processes that may die; say what became of them.

python -m tests.fuzz                                      # a short round over all readers
python -m tests.fuzz --reader mat --inputs 10000          # a long one
python -m tests.fuzz --reader mat --keep 1234 out.mat     # one input, to look at
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Findings:
    """What became of the inputs of a reader.

    Attributes
    ----------
    outcomes : Counter of str
        How many were read, gave a clear error, or what else.
    examples : dict of str to int
        The first input of each outcome.
    most_bytes, most_seconds : (float, int)
        The worst memory and CPU time, and of which input.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)
    most_bytes: tuple[float, int] = (0, -1)
    most_seconds: tuple[float, int] = (0, -1)

    def add(self, number: int, what: str, n_bytes: float = 0, seconds: float = 0) -> None:
        """Count an input."""
        self.outcomes[what] += 1
        self.examples.setdefault(what, number)
        self.most_bytes = max(self.most_bytes, (n_bytes, number))
        self.most_seconds = max(self.most_seconds, (seconds, number))

    def faults(self) -> dict[str, int]:
        """What is neither a value nor a clear error, with the first input of each."""
        return {what: n for what, n in self.examples.items() if what not in ("value", "error")}


def fuzz(readers: Sequence[str], n_inputs: int, seed: int = 0) -> dict[str, Findings]:
    """Read so many spoilt files of each reader; a process that dies is begun anew, one further."""
    findings = {reader: Findings() for reader in readers}
    place: tuple[str, int] | None = (readers[0], 0)
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        while place is not None:
            notes.write_text("")
            what = [",".join(readers), str(n_inputs), str(seed), str(notes), *map(str, place)]
            command = [sys.executable, "-m", "tests.fuzz.trial", *what]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            begun = _count(notes, findings)
            if begun is None and done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            if begun is not None:
                findings[begun[0]].add(begun[1], f"died: {_reason(done.returncode)}")
            place = begun and (begun[0], begun[1] + 1)
    return findings


def _count(notes: Path, findings: dict[str, Findings]) -> tuple[str, int] | None:
    """Count what is noted; return the input that was begun and not ended."""
    begun = None
    for line in notes.read_text().splitlines():
        reader, number, *result = json.loads(line)
        begun = None if result else (reader, number)
        if result:
            findings[reader].add(number, *result)
    return begun


def _reason(code: int) -> str:
    if code == -signal.SIGALRM:
        return "it hung"
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _row(reader: str, findings: Findings) -> str:
    outcomes = findings.outcomes
    n_died = sum(n for what, n in outcomes.items() if what.startswith("died"))
    unclear = sum(outcomes.values()) - outcomes["value"] - outcomes["error"] - n_died
    cells = [
        *(reader, sum(outcomes.values()), outcomes["value"], outcomes["error"], unclear, n_died),
        f"{findings.most_bytes[0] / 2**20:.0f} MB (input {findings.most_bytes[1]})",
        f"{findings.most_seconds[0]:.2f} s (input {findings.most_seconds[1]})",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """Print a table; 1 when anything died or was no clear error."""
    from tests.fuzz.readers import READERS
    from tests.fuzz.trial import spoilt

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--reader", action="append", choices=list(READERS))
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", nargs=2, metavar=("INPUT", "FILE"))
    args = parser.parse_args()
    readers = args.reader or list(READERS)
    if args.keep:
        name, data = spoilt(readers[0], int(args.keep[0]), args.seed)
        Path(args.keep[1]).write_bytes(data)
        print(f"{args.keep[1]}: as {name}")
        return 0
    print("| reader | inputs | read | clear error | other error | died | memory | CPU time |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    faults = 0
    for reader, findings in fuzz(readers, args.inputs, args.seed).items():
        print(_row(reader, findings), flush=True)
        for what, number in findings.faults().items():
            print(f"  {reader} input {number}: {findings.outcomes[what]} x {what}", file=sys.stderr)
        faults += len(findings.faults())
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
