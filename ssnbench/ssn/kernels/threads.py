"""Share work between as many threads as PyTorch uses.

Kernels that release the GIL run on plain Python threads: that follows ``torch.set_num_threads``,
so that a worker pinned to one thread stays on one; it starts no pool of its own that would spin
beside PyTorch's; it is safe after a fork and from several threads at once; and the kernels compile
in a third of the time that numba's ``parallel=True`` takes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch


def share(n_tasks: int, work: Callable[[int, int], object]) -> None:
    """Call ``work(first, last)`` for ranges that make up 0..n_tasks, one per thread, and wait.

    Meanwhile subnormal numbers count as 0. Weights and gradients fade out over many magnitudes,
    and arithmetic that meets a subnormal takes a hundred cycles.
    """
    parts = max(1, min(torch.get_num_threads(), n_tasks))
    cuts = [i * n_tasks // parts for i in range(parts + 1)]
    if parts == 1:
        _flushed(work, 0, n_tasks)
        return
    pool = _pool(os.getpid(), torch.get_num_threads())
    others = [pool.submit(_flushed, work, cuts[i], cuts[i + 1]) for i in range(1, parts)]
    _flushed(work, cuts[0], cuts[1])
    for other in others:
        other.result()


def _flushed(work: Callable[[int, int], object], first: int, last: int) -> None:
    """Call ``work`` with subnormals counted as 0, a state of the processor that each thread has."""
    before = sys.float_info.min / 2 == 0
    torch.set_flush_denormal(True)
    try:
        work(first, last)
    finally:
        torch.set_flush_denormal(before)


@lru_cache(maxsize=1)
def _pool(pid: int, threads: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a fork needs its own
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="ssn")
