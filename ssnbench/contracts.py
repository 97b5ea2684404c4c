"""What flows through the benchmark, and what a plug-in promises.

Everything else in the package is written against these types. They need nothing at all, so that
a listing starts at once: numpy is named in texts, which type checkers read.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

Image: TypeAlias = "NDArray[np.uint8]"
"""uint8 (H, W, 3), sRGB, 0..255."""

Labels: TypeAlias = "NDArray[np.int32]"
"""int32 (H, W): superpixels 0..n-1; in a truth, -1 marks a pixel without opinion."""

Flow: TypeAlias = "NDArray[np.float32]"
"""float32 (H, W, 2), pixels: (along the row, down the column), from first to second frame."""

Mask: TypeAlias = "NDArray[np.bool_]"
"""bool (H, W)."""

Status: TypeAlias = Literal["ok", "failed", "skipped", "missing"]
"""How a job ended; ``missing``: there is no label map of the image among those made elsewhere."""


class UsageError(ValueError):
    """Wrong use, told in one line that also says the mend; the command line exits with 2."""


def whole_count(value: Any, most: int | None = None, what: str = "n_segments") -> int:
    """Make a number of superpixels whole: the one rule for commands, Python and methods.

    Parameters
    ----------
    value : int, float or str
        A whole number of any type, such as ``100.0``, ``np.int64(100)`` or ``"100"``.
    most : int, optional
        The largest that makes sense: the pixels of the image.
    what : str
        Its name, for the message.

    Raises
    ------
    UsageError
        When it is no whole number (99.6, NaN, True), below 1 or above `most`.
    """
    number = _whole(value)
    if number is None:
        shown = " ".join(repr(value).split())[:40]
        raise UsageError(f"{what} should be a whole number such as 100, got {shown}")
    if number < 1 or (most is not None and number > most):
        wanted = "1 or more" if most is None else f"1 to {most} for this image"
        raise UsageError(f"{what} should be {wanted}, got {number}")
    return number


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        pass
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number == int(number) else None


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
    """A superpixel method: a frozen dataclass whose fields, all with defaults, are its parameters.

    One that looks at pairs of frames has a third parameter ``second: Image | None = None``; it is
    given the second frame of the samples that have one. What else it may have: `ATTRIBUTES`.
    """

    def __init__(self, **params: Any) -> None: ...

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Cut ``image`` into about ``n_segments`` superpixels; any integer labels will do."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """A collection of samples: a frozen dataclass with at least ``root`` and ``split``.

    ``root`` is the data root that the user gave, or None; a dataset finds its own folder below.
    The default of ``split`` is the split that is taken unless the user says another. What else it
    may have: `ATTRIBUTES`.
    """

    SPLITS: ClassVar[tuple[str, ...]]

    def __init__(self, root: Path | None = None, split: str = ..., **params: Any) -> None: ...

    def keys(self) -> list[str]:
        """List the images, sorted; no pixel is read."""
        ...

    def __getitem__(self, key: str) -> Sample:
        """Read one sample."""
        ...


Better = Literal["higher", "lower", ""]
Join = Literal["mean", "sum", "max"]
Needs = Literal["labels", "image", "truth", "flow"]
Role = Literal["summary", "headline", "ranked", "traded", "followed", "protocol-dependent"]
"""Where a metric is used beyond its column and curve: in the summary on the terminal; on a card
that names its best methods; in ranks and pairs; set against time and regularity; followed over
perturbations; shown side by side under several protocols, since it moves with them."""


@dataclass(frozen=True)
class Pool:
    """How a metric of many images follows from counts that are added up, instead of from a mean.

    Attributes
    ----------
    counts : tuple of str
        Metrics whose values are joined over an image's truths, as they say, and added up over
        images.
    function : callable
        Takes these sums, in this order; returns the metric's value.
    """

    counts: tuple[str, ...]
    function: Callable[..., float]


@dataclass(frozen=True)
class Metric:
    """One score of a label map; a plug-in file ends in ``PLUGIN = Metric(...)``.

    Attributes
    ----------
    name : str
        Column of the results: lower case letters, digits and ``_``.
    label : str
        Axis label, with an abbreviation in brackets behind where there is one.
    better : {"higher", "lower", ""}
        Direction; empty for what only describes.
    needs : {"labels", "image", "truth", "flow"}
        What it takes beside the label map.
    function : callable
        Takes a :class:`ssnbench.metrics.Comparison`, returns a float; NaN where it is undefined.
        Its docstring is the definition.
    unit : str
        Unit; empty for shares and counts.
    join : {"mean", "sum", "max"}
        How the values of several annotators become the image's.
    roles : tuple of str
        Where it is used beyond its column and curve, see `Role`.
    pool : Pool or None
        How images are pooled; None: by the mean over pairs of image and annotator.
    """

    name: str
    label: str
    better: Better
    needs: Needs
    function: Callable[[Any], float]
    unit: str = ""
    join: Join = "mean"
    roles: tuple[Role, ...] = ()
    pool: Pool | None = None

    @property
    def short(self) -> str:
        """Abbreviation, as tables and axes have room for; the column's name where it has none."""
        _, opened, rest = self.label.rpartition("(")
        return rest.rstrip(")") if opened else self.name


@runtime_checkable
class DataLayout(Protocol):
    """What is read of a dataset's ``LAYOUT``, a :class:`ssnbench.data.layout.Layout`."""

    homes: tuple[str, ...]
    tree: str
    tops: tuple[str, ...]
    archives: tuple[Any, ...]


@dataclass(frozen=True)
class Attribute:
    """One thing that the program reads from a plug-in's class, if it is there."""

    name: str
    type: Any
    meaning: str
    needed: bool = False


_CITED = (
    Attribute("LICENCE", str, "licence of the code or the data, in a few words"),
    Attribute("CITATION", str, "whom to cite, in one line"),
    Attribute("BIBTEX", str, "the same as an entry of BibTeX"),
)

ATTRIBUTES: Mapping[str, tuple[Attribute, ...]] = {
    "algorithms": (
        *_CITED,
        Attribute("device", str, "field: cpu or cuda; `time --device` sets it"),
        Attribute("files", Callable, "method () -> paths: what results depend on, as weights"),
        Attribute("TRAINABLE", str, "module:attribute that `ssnbench train NAME` trains"),
    ),
    "datasets": (
        *_CITED,
        Attribute("SPLITS", tuple[str, ...], "names of the splits", needed=True),
        Attribute("HOMEPAGE", str, "address where it is described"),
        Attribute("SIZE", str, "images and megabytes, in words"),
        Attribute("N_IMAGES", Mapping[str, int], "images of the complete dataset, by split"),
        Attribute("UNDEFINED", Mapping[str, str], "metrics without a meaning here, with reasons"),
        Attribute("TOLERANCES", Mapping[str, float], "pixels by protocol, unless the user sets it"),
        Attribute("LAYOUT", DataLayout, "where its files lie, and how `data fetch` gets them"),
        Attribute("CHECKSUMS", Mapping[str, str], "known hashes by file, below the home folder"),
        Attribute("files_of", Callable, "method (key) -> list[Path]: the files of one sample"),
        Attribute("names", Callable, "method (key) -> list[str]: other names of an image's maps"),
    ),
    "metrics": (),  # all that is read of one stands in its row
}
"""What a plug-in may declare beside what its contract asks for, by kind.

Texts are written as plain literals: they are listed without importing the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobKey:
    """What makes a job the same job: change any part and it is computed anew.

    Attributes
    ----------
    algorithm : str
        Name of the plug-in; of label maps made elsewhere, the folder where they lie.
    params : str
        All parameters, defaults too, as JSON with sorted keys.
    dataset, split, image : str
        What was segmented; the dataset as the user wrote it.
    perturbation : str
        What was done to the image, such as ``noise(0.1)``; empty for the image as it is.
    n_asked : int
        Superpixels asked for; 0 where that is not known.
    protocol : str
        The protocol with its parameters, such as ``seal(r=2)``.
    protocol_version : int
        Version of our code of the protocol.
    metrics : str
        What is scored instead of the protocol's own metrics, each of a plug-in with the version of
        its code; empty: those.
    code_version : str
        Of the algorithm: its code and files; of label maps made elsewhere, their content.
    data_version : str
        Of the image and its truths, and of the dataset's code; empty where it was not recorded.
    """

    algorithm: str
    params: str
    dataset: str
    split: str
    image: str
    perturbation: str = ""
    n_asked: int
    protocol: str
    protocol_version: int
    metrics: str = ""
    code_version: str
    data_version: str = ""


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


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one algorithm on one image, measured apart on an otherwise idle machine.

    ``peak_mb`` is the largest resident memory of its process, interpreter and libraries included;
    ``bare_mb`` what that was before the method was made. ``load`` is the share of the machine's
    cores that others used meanwhile: above `MOST_LOAD` the time is left out of tables, unless the
    user wanted it ``even_if_busy`` (1). All are empty where they are not known.
    """

    algorithm: str
    params: str
    code_version: str
    label: str
    dataset: str
    split: str
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
    bare_mb: float | None = None
    load: float | None = None
    even_if_busy: int | None = None


MOST_LOAD = 0.15
"""Share of the machine's cores that others may use while a time is taken, for it to count."""


RESERVED = (
    frozenset(each.name for row in (JobKey, Record) for each in fields(row))
    | {"run", "smallest", "unlabelled"}
) - {"n_components", "n_made"}
"""Columns of the results that no metric may be called by."""

PathLike: TypeAlias = str | Path
Params: TypeAlias = Mapping[str, Any]


class Batch(NamedTuple):
    """Patches for one training step.

    Attributes
    ----------
    inputs : float32 (B, C, S, S)
        What the network sees, as :meth:`Trainable.represent` makes it; of two frames the second
        one's channels come last.
    target : int64 (B, T, S, S) or float32 (B, 2, S, S)
        Segments of T annotators, -1 where there is no opinion; or flow in pixels of the patch.
    valid : bool (B, S, S) or None
        Pixels whose flow counts; None for segments.
    n_labels : int
        Labels are below this in every batch of the training; 1 for flow.
    step : int
        Step of the training, from 0. What a loss draws at random may depend on it alone, so that
        all processes draw the same, and a training that goes on what an unbroken one would have.
    """

    inputs: Tensor
    target: Tensor
    valid: Tensor | None
    n_labels: int
    step: int


class Trainable(Protocol):
    """A learned method, as ``ssnbench train NAME`` needs it.

    A frozen dataclass whose fields, plain values or dataclasses of such, are the method's own
    configuration: ``--set`` reaches them by name, and a training that goes on must have the same.
    Steps, rate, patches, data, checkpoints, validation, logs and processes are the trainer's.

    An algorithm names its class by an attribute ``TRAINABLE: ClassVar[str]`` = ``"module:Class"``,
    text that costs nothing to list (``":Class"``: in the plug-in's own file).

    Attributes
    ----------
    PRESETS : mapping of str to mapping
        Values of fields by the name that ``--network`` takes; ``default`` is one of them.
    LOSSES : tuple of str
        Names of what :meth:`loss` gives, as columns of the log; the first one is made small.
    LEARNS : tuple of str
        What it can learn to rebuild: ``segments``, ``flow`` or both.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]]
    LOSSES: ClassVar[tuple[str, ...]]
    LEARNS: ClassVar[tuple[str, ...]]

    @property
    def name(self) -> str:
        """Name of the model, such as ``ssn-k10``: trainings are filed under it."""
        ...

    @property
    def frames(self) -> int:
        """Images that the network sees of a sample: 1, or 2 with the second frame."""
        ...

    def represent(self, image: Image) -> NDArray[np.float32]:
        """What the network sees of an image: (H, W, C), values that float16 can hold."""
        ...

    def network(self) -> nn.Module:
        """Make a network with random weights; PyTorch's generator has been seeded."""
        ...

    def load(self, weights: str) -> nn.Module:
        """Network with weights by name or file, made to fit: where ``--start`` begins."""
        ...

    def save(self, path: Path, network: nn.Module, training: Mapping[str, Any]) -> None:
        """Write a network for :meth:`load` and for the algorithm, as a whole or not at all.

        ``training`` are facts worth keeping in the file (recipe, data, step, score ...), JSON
        values; :mod:`ssnbench.learning.weights` writes tensors and facts.
        """
        ...

    def loss(self, network: Callable[..., Any], batch: Batch) -> Mapping[str, Tensor]:
        """Losses by the names in ``LOSSES``, scalars.

        ``network`` is called like the one of :meth:`network`, and gives a tensor or a tuple of
        them; it computes in the precision that the user chose, and refuses what is not finite.
        """
        ...

    def segment(
        self, network: nn.Module, image: Image, n_segments: int, second: Image | None = None
    ) -> Labels:
        """Superpixels as the algorithm makes them, before connectivity: for validation.

        ``network`` is on any device, in evaluation mode.
        """
        ...

    def parameters(self, weights: Path) -> Mapping[str, Any]:
        """Parameters with which the algorithm uses a file of weights, but for defaults."""
        ...
