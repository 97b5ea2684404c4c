"""The Python functions that users call; ``import ssnbench`` offers them lazily."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssnbench import plugins
from ssnbench.contracts import (
    Algorithm,
    Dataset,
    Image,
    Labels,
    PathLike,
    Sample,
    UsageError,
    whole_count,
)
from ssnbench.io.given import given_flow, given_image, given_labels, given_truths
from ssnbench.labels import checked
from ssnbench.labels import enforce_connectivity as connected
from ssnbench.metrics import prepare, score, summarise, with_metrics
from ssnbench.metrics import protocol as find_protocol
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.plugins.variant import Variant, parameters
from ssnbench.run.devices import check_device
from ssnbench.run.label_sources import with_frames


def segment(
    image: Any,
    algorithm: str = "ssn",
    n_segments: int = 500,
    *,
    enforce_connectivity: bool = True,
    second: Any = None,
    **params: Any,
) -> Labels:
    """Cut an image into superpixels.

    Parameters
    ----------
    image : array or tensor (H, W, 3), (H, W), (H, W, 4) or (3, H, W), PIL.Image or path
        uint8, uint16, bool, or floats in 0..1; sRGB.
    algorithm : str
        Name of an algorithm, see :func:`algorithms`.
    n_segments : int
        Superpixels asked for, 1..H*W; a whole number of any type.
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
    picture = given_image(image)
    n_segments = whole_count(n_segments, most=picture.shape[0] * picture.shape[1])
    known = parameters("algorithms", algorithm)
    for name in params:
        if name not in known:
            hint = f"{algorithm} takes {', '.join(known) or 'no parameters'}"
            raise plugins.unknown(f"parameter of {algorithm}", name, known, hint)
    check_device(params.get("device", "cpu"))
    method: Algorithm = Variant(algorithm, tuple(sorted(params.items()))).build("algorithms")
    frames = Sample("", picture, second=_next_frame(second, picture))
    labels = checked(with_frames(method, frames)(picture, n_segments), picture.shape[:2])
    return connected(labels, n_segments).labels if enforce_connectivity else labels


def evaluate(
    labels: Any,
    truth: Any = None,
    image: Any = None,
    protocol: str = "seal",
    flow: Any = None,
    valid: Any = None,
    *,
    metrics: str = "",
) -> dict[str, float]:
    """Score one label map under a protocol.

    Parameters
    ----------
    labels : array or tensor (H, W), PIL.Image or path
        The superpixels, any integers. They are scored as they are.
    truth : what ``labels`` may be, or a sequence of such, or (T, H, W), optional
        One segmentation, or one per annotator; -1, and masked elements of a masked array, mark
        pixels without opinion. Over several annotators the scores are joined as the metric says
        (mostly the mean). None, or an empty sequence: only what needs no truth is scored.
    image : what :func:`segment` takes, optional
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
    label_map = given_labels(labels)
    if label_map.ndim != 2:
        raise ValueError(f"labels should be (H, W), got shape {label_map.shape}")
    shape = (label_map.shape[0], label_map.shape[1])
    truths = [checked(each, shape) for each in given_truths(truth)]
    chosen = with_metrics(find_protocol(protocol), metrics)
    reference = prepare(truths, chosen, shape=shape)
    picture = None if image is None else given_image(image)
    motion = None if flow is None else given_flow(flow)
    counted = None if valid is None else given_labels(valid).astype(bool)
    rows = score(checked(label_map, shape), reference, image=picture, flow=motion, valid=counted)
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


def _next_frame(second: Any, picture: Image) -> Image | None:
    if second is None:
        return None
    frame = given_image(second)
    if frame.shape != picture.shape:
        sizes = " and ".join(f"{each.shape[0]} x {each.shape[1]}" for each in (picture, frame))
        raise UsageError(f"the second frame should be as large as the first, got {sizes}")
    return frame
