"""Where the label map of a job comes from: computed, read from a file, or kept by an earlier run.

Each source is small and can be pickled; a worker calls it with the sample and the count asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from ssnbench.contracts import Algorithm, Image, Sample, UsageError
from ssnbench.io.label_counts import LabelFile
from ssnbench.labels import checked
from ssnbench.perturb import Perturbation
from ssnbench.plugins.variant import Variant
from ssnbench.results.store import Kept, Store

LabelSource: TypeAlias = Callable[[Sample, int], Any]


@dataclass(frozen=True)
class Computed:
    """Computed by an algorithm."""

    variant: Variant

    def __call__(self, sample: Sample, n_asked: int) -> Any:
        """Segment a copy of the image: a method that draws into it spoils it for nobody else."""
        return with_frames(_algorithm(self.variant), sample)(sample.image.copy(), n_asked)


@dataclass(frozen=True)
class Perturbed:
    """Computed on the perturbed image; the map is brought back to the original's frame."""

    computed: Computed
    perturbation: Perturbation

    def __call__(self, sample: Sample, n_asked: int) -> Any:
        """Segment the perturbed image; undo on the label map what moved pixels."""
        change, second = self.perturbation, sample.second
        seen = replace(
            sample,
            image=change(sample.image, sample.key),
            second=None if second is None else change(second, f"{sample.key}, second frame"),
        )
        return change.undo(checked(self.computed(seen, n_asked), seen.image.shape[:2]))


@dataclass(frozen=True)
class FromFile:
    """Read from a file that another program wrote."""

    file: LabelFile

    def __call__(self, sample: Sample, _n_asked: int) -> Any:
        """Read the file."""
        height, width = sample.image.shape[:2]
        return self.file.read((height, width))


@dataclass(frozen=True)
class NotThere:
    """No map of this image is among those that another program wrote."""

    why: str

    def __call__(self, _sample: Sample, _n_asked: int) -> Any:
        """There is nothing to read."""
        raise UsageError(self.why)


@dataclass(frozen=True)
class FromStore:
    """Taken from the label maps that an earlier run kept."""

    folder: Path
    kept: Kept

    def __call__(self, _sample: Sample, _n_asked: int) -> Any:
        """Read the kept map."""
        return _store(self.folder).label_map(self.kept.content)


def with_frames(algorithm: Callable[..., Any], sample: Sample) -> Callable[[Image, int], Any]:
    """Give a copy of the second frame to a method that asks for it by a parameter ``second``."""
    cls: Any = type(algorithm)
    if not _takes_second(cls):
        return algorithm
    return partial(algorithm, second=None if sample.second is None else sample.second.copy())


@lru_cache(maxsize=64)
def _takes_second(cls: Any) -> bool:
    return "second" in inspect.signature(cls.__call__).parameters


@lru_cache(maxsize=32)
def _algorithm(variant: Variant) -> Algorithm:
    algorithm: Algorithm = variant.build("algorithms")
    return algorithm


@lru_cache(maxsize=2)
def _store(folder: Path) -> Store:
    return Store(folder, create=False)
