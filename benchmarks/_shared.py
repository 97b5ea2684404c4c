"""What benchmarks share: their command line, and the way to the reference numbers."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """Command line of a benchmark, which explains itself by its module's text."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def data_and_oracle() -> tuple[Path, Path]:
    """Folder of the datasets, and that of the reference numbers beside it."""
    root = Path(os.environ.get("SSNBENCH_DATA", ""))
    oracle = root.resolve().parent / "oracle"
    if not os.environ.get("SSNBENCH_DATA") or not oracle.is_dir():
        sys.exit("this benchmark needs $SSNBENCH_DATA, and the folder 'oracle' beside it")
    return root, oracle
