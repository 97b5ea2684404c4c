"""What is constant in a run: command, versions, machine."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "opencv-contrib-python-headless", "scikit-image", "scipy", "torch")


def gather(**more: Any) -> dict[str, Any]:
    """Return command line, date, versions and machine as plain values, plus what is given."""
    return {
        "command": shlex.join(["ssnbench", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "ssnbench": _version("ssnbench"),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "gpu": gpu_name(),
        "packages": {name: _version(name) for name in PACKAGES},
        **more,
    }


def machine() -> str:
    """The machine in one line, for the foot of a table of times."""
    gpu = gpu_name()
    return f"{cpu_name()}, {os.cpu_count()} cores" + (f"; {gpu}" if gpu else "")


def cpu_name() -> str:
    """Name of the processor as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def gpu_name() -> str:
    """Name of the first NVIDIA GPU, or nothing."""
    return _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").partition("\n")[0]


def _commit() -> str:
    """Commit of the checkout that this code runs from, if it does."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    return _output("git", "-C", str(root), "describe", "--always", "--dirty")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
