"""The Python functions that users call; ``import ssnbench`` offers them lazily."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssnbench import plugins
from ssnbench.contracts import (
    Algorithm,
    Dataset,
    Flow,
    Image,
    Labels,
    Mask,
    PathLike,
    Sample,
    UsageError,
)
from ssnbench.io.images import as_image
from ssnbench.labels import checked
from ssnbench.labels import enforce_connectivity as connected
from ssnbench.metrics import prepare, score, summarise, with_metrics
from ssnbench.metrics import protocol as find_protocol
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.plugins.variant import Variant, parameters
from ssnbench.run.label_sources import with_frames


def segment(
    image: ArrayLike,
    algorithm: str = "ssn",
    n_segments: int = 500,
    *,
    enforce_connectivity: bool = True,
    second: ArrayLike | None = None,
    **params: Any,
) -> Labels:
    """Cut an image into superpixels.

    Parameters
    ----------
    image : array (H, W, 3), (H, W) or (H, W, 4)
        uint8, uint16, bool, or floats in 0..1; sRGB.
    algorithm : str
        Name of an algorithm, see :func:`algorithms`.
    n_segments : int
        Superpixels asked for, 1..H*W.
    enforce_connectivity : bool
        Make the result connected and free of fragments, as every method is before it is scored.
    second : array like image, optional
        The frame that follows, for the methods that look at two; others are not given it.
    **params
        Parameters of the algorithm.

    Returns
    -------
    int32 (H, W)
        Labels 0..n-1.

    Raises
    ------
    UsageError
        For an unknown algorithm or parameter, a number out of range, or frames of two sizes.

    Examples
    --------
    >>> labels = ssnbench.segment(image, "slic", n_segments=500, compactness=20)
    """
    picture = as_image(image)
    n_pixels = picture.shape[0] * picture.shape[1]
    if not 1 <= n_segments <= n_pixels:
        raise UsageError(f"n_segments should be 1 to {n_pixels} for this image, got {n_segments}")
    known = parameters("algorithms", algorithm)
    for name in params:
        if name not in known:
            hint = f"{algorithm} takes {', '.join(known) or 'no parameters'}"
            raise plugins.unknown(f"parameter of {algorithm}", name, known, hint)
    method: Algorithm = Variant(algorithm, tuple(sorted(params.items()))).build("algorithms")
    frames = Sample("", picture, second=_next_frame(second, picture))
    labels = checked(with_frames(method, frames)(picture, n_segments), picture.shape[:2])
    return connected(labels, n_segments).labels if enforce_connectivity else labels


def evaluate(
    labels: ArrayLike,
    truth: ArrayLike | Sequence[ArrayLike] | None = None,
    image: ArrayLike | None = None,
    protocol: str = "seal",
    flow: Flow | None = None,
    valid: Mask | None = None,
    *,
    metrics: str = "",
) -> dict[str, float]:
    """Score one label map under a protocol.

    Parameters
    ----------
    labels : integers (H, W)
        The superpixels, any integers. They are scored as they are.
    truth : integers (H, W), or a sequence of such, optional
        One segmentation, or one per annotator; -1, and masked elements of a masked array, mark
        pixels without opinion. Over several annotators the scores are joined as the metric says
        (mostly the mean). None, or an empty sequence: only what needs no truth is scored.
    image : array (H, W, 3), optional
        The picture, for the metrics of colour.
    protocol : str
        Name of the protocol, with its tolerance where wanted: ``"seal"``, ``"seal(r=2)"``.
    flow : float (H, W, 2), optional
        True motion to the next frame in pixels, for the metrics of flow; NaN where unknown.
    valid : bool (H, W), optional
        Pixels whose flow counts; all that are known by default.
    metrics : str
        Other metrics than the protocol's own: ``"asa,br"`` takes these alone, ``"+icv"`` adds.

    Returns
    -------
    dict of float
        Metric by name.
    """
    label_map = np.asarray(labels)
    if label_map.ndim != 2:
        raise ValueError(f"labels should be (H, W), got shape {label_map.shape}")
    shape = (label_map.shape[0], label_map.shape[1])
    truths = [checked(_without_opinion(each), shape) for each in _as_list(truth)]
    chosen = with_metrics(find_protocol(protocol), metrics)
    reference = prepare(truths, chosen, shape=shape)
    picture = None if image is None else as_image(image)
    rows = score(checked(label_map, shape), reference, image=picture, flow=flow, valid=valid)
    return summarise(rows)


def load_dataset(name: str, root: PathLike | None = None, split: str | None = None) -> Dataset:
    """Open a dataset by name.

    Parameters
    ----------
    name : str
        Name, with parameters where wanted: ``"collage(n_images=5)"``.
    root : path, optional
        Data root; else ``$SSNBENCH_DATA``, else the user's data folder.
    split : str, optional
        The dataset's default if not given.

    Returns
    -------
    Dataset
        ``dataset.keys()`` lists the images, ``dataset[key]`` reads one
        :class:`~ssnbench.contracts.Sample`.
    """
    return dataset_ref(name, split, Path(root) if root is not None else None).open()


def algorithms() -> list[str]:
    """Names of all algorithms, those of other installed packages among them."""
    return plugins.names("algorithms")


def _next_frame(second: ArrayLike | None, picture: Image) -> Image | None:
    if second is None:
        return None
    frame = as_image(second)
    if frame.shape != picture.shape:
        sizes = " and ".join(f"{each.shape[0]} x {each.shape[1]}" for each in (picture, frame))
        raise UsageError(f"the second frame should be as large as the first, got {sizes}")
    return frame


def _as_list(truth: ArrayLike | Sequence[ArrayLike] | None) -> list[Any]:
    if truth is None or (isinstance(truth, (list, tuple)) and not truth):
        return []
    if isinstance(truth, (list, tuple)) and np.ndim(truth[0]) == 2:
        return list(truth)
    array = np.asanyarray(truth)
    return list(array) if array.ndim == 3 else [array]


def _without_opinion(truth: ArrayLike) -> NDArray[Any]:
    """Truth with -1 where it is masked."""
    if not isinstance(truth, np.ma.MaskedArray):
        return np.asarray(truth)
    masked = np.ma.getmaskarray(truth)
    return np.where(masked, -1, truth.data.astype(np.int64)) if masked.any() else truth.data
