"""Pin the number of threads that the numeric libraries use.

A method that quietly takes all cores would slow down the jobs beside it, and its time could not be
compared with that of others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Not NUMBA_NUM_THREADS: numba reads it anew at every compilation, and raises when it has changed.
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def pinned(n: int) -> Iterator[None]:
    """Limit this process, and those started meanwhile, to ``n`` threads."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, str(n)))
    undo = _pin_loaded(n)
    try:
        yield
    finally:
        for name, setting in before.items():
            if setting is None:
                del os.environ[name]
            else:
                os.environ[name] = setting
        for set_threads, threads in undo:
            set_threads(threads)


def _pin_loaded(n: int) -> list[tuple[Callable[[int], object], int]]:
    """Pin the libraries that have read their environment already; return how to undo it."""
    getters_setters = {
        "cv2": ("getNumThreads", "setNumThreads"),
        "numba": ("get_num_threads", "set_num_threads"),
        "torch": ("get_num_threads", "set_num_threads"),
    }
    undo = []
    for name, (getter, setter) in getters_setters.items():
        library = sys.modules.get(name)
        if library is not None:
            undo.append((getattr(library, setter), getattr(library, getter)()))
            most = library.config.NUMBA_NUM_THREADS if name == "numba" else n
            getattr(library, setter)(min(n, most))
    return undo
