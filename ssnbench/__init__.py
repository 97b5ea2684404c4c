"""Benchmark and evaluation suite for superpixel algorithms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssnbench.api import algorithms, evaluate, load_dataset, segment
    from ssnbench.contracts import UsageError

__all__ = ["UsageError", "algorithms", "evaluate", "load_dataset", "segment"]


def __getattr__(name: str) -> Any:
    # Lazily: the command line imports this package on every call, and most calls need no numba.
    if name not in __all__:
        raise AttributeError(f"module 'ssnbench' has no attribute {name!r}")
    from ssnbench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted(__all__)
