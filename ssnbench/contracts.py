"""What flows through the benchmark, and what a plug-in promises.

Everything else in the package is written against these types; they need nothing but numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""uint8 (H, W, 3), sRGB, 0..255."""

Labels: TypeAlias = NDArray[np.int32]
"""int32 (H, W): superpixels 0..n-1; in a truth, -1 marks a pixel without opinion."""

Flow: TypeAlias = NDArray[np.float32]
"""float32 (H, W, 2), pixels: (along the row, down the column), from first to second frame."""

Mask: TypeAlias = NDArray[np.bool_]
"""bool (H, W)."""

Status: TypeAlias = Literal["ok", "failed", "skipped"]


class UsageError(ValueError):
    """Wrong use, told in one line that also says the mend; the command line exits with 2."""


@dataclass(frozen=True)
class Sample:
    """One image of a dataset with everything that is known about it.

    Attributes
    ----------
    key : str
        Name of the image, unique within dataset and split.
    image : uint8 (H, W, 3)
        The picture, sRGB.
    truths : tuple of int32 (H, W)
        One segmentation per annotator, labels 0..n-1, -1 where there is no opinion.
    flow : float32 (H, W, 2) or None
        True motion to the second frame in pixels; NaN where it is unknown.
    valid : bool (H, W) or None
        Pixels whose flow counts.
    second : uint8 (H, W, 3) or None
        The second frame.
    """

    key: str
    image: Image
    truths: tuple[Labels, ...] = ()
    flow: Flow | None = None
    valid: Mask | None = None
    second: Image | None = None


@runtime_checkable
class Algorithm(Protocol):
    """A superpixel method: a frozen dataclass whose fields are its parameters.

    One that looks at pairs of frames has a third parameter ``second: Image | None = None``; it is
    given the second frame of the samples that have one. Where results depend on files, such as
    weights, a method ``files() -> list[Path]`` names them: when one changes, results are stale.
    """

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Cut ``image`` into about ``n_segments`` superpixels; any integer labels will do."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """A collection of samples: a frozen dataclass with at least ``root`` and ``split``.

    ``root`` is the data root that the user gave, or None; a dataset finds its own folder below.
    It may have more to tell, as class attributes: ``HOMEPAGE``, ``LICENCE``, ``CITATION`` and
    ``SIZE`` (text, plain enough to be listed without importing the file); ``N_IMAGES`` (how many
    the complete dataset has, by split); ``UNDEFINED`` (metrics that make no sense on it, each with
    the reason); ``TOLERANCES`` (pixels, by protocol, unless the user sets one); and a method
    ``names(key) -> list[str]`` (other names of an image, by which tools call its label map).
    """

    SPLITS: ClassVar[tuple[str, ...]]

    def keys(self) -> list[str]:
        """List the images, sorted; no pixel is read."""
        ...

    def __getitem__(self, key: str) -> Sample:
        """Read one sample."""
        ...


@dataclass(frozen=True)
class JobKey:
    """What makes a job the same job: change any part and it is computed anew."""

    algorithm: str
    params: str
    dataset: str
    split: str
    image: str
    n_asked: int
    protocol: str
    code_version: str


@dataclass(frozen=True)
class Record:
    """One row of the results: one label map against one truth (-1: the job had none)."""

    key: JobKey
    truth: int
    label: str
    status: Status
    reason: str = ""
    n_raw: int | None = None
    n_components: int | None = None
    n_made: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """Seconds of one algorithm on one image, measured apart on an otherwise idle machine.

    ``peak_mb`` is the largest resident memory of its process, interpreter and libraries included.
    """

    algorithm: str
    params: str
    label: str
    image: str
    height: int
    width: int
    n_asked: int
    device: str
    threads: int
    stage: str
    seconds: float
    fastest: float
    slowest: float
    repeats: int
    peak_mb: float | None = None


PathLike: TypeAlias = str | Path
Params: TypeAlias = Mapping[str, Any]
