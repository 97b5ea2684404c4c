"""Pictures and label maps that a Python program hands over, whatever library it has them from.

Arrays, tensors of PyTorch, pictures of Pillow, paths of files, and whatever turns into an array by
itself. What can be meant in two ways is refused, with the mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ssnbench.contracts import Image, UsageError
from ssnbench.io.images import as_image, from_pillow, read_image
from ssnbench.io.label_maps import read_label_maps, read_labels

_PLANES = (1, 3, 4)
"""Channels of a picture whose first axis they are."""


def given_image(image: Any) -> Image:
    """Bring a picture to uint8 RGB (H, W, 3).

    Parameters
    ----------
    image : array, tensor, PIL.Image or path
        As :func:`ssnbench.io.images.as_image` takes it; also (3, H, W) where this is plain, and one
        picture as a batch.

    Raises
    ------
    UsageError
        For several pictures, masked pixels, a shape or range of values that is not a picture's.
    TypeError
        For another type.
    """
    if isinstance(image, (str, Path)):
        return read_image(image)
    if isinstance(image, PIL.Image.Image) and image.mode != "F":  # floats are so scaled as arrays
        return from_pillow(image)
    array = _array(image, "an image")
    if np.ma.getmask(array).any():
        raise UsageError("an image should have no masked pixels: fill them, image.filled(0)")
    array = np.asarray(array)
    if array.ndim == 4:
        if len(array) != 1:
            raise UsageError(f"one image at a time, got a batch of {len(array)}: take image[0]")
        array = array[0]
    if array.ndim == 3 and array.shape[0] in _PLANES and array.shape[2] > max(_PLANES):
        array = np.moveaxis(array, 0, 2)
    return as_image(array)


def given_labels(labels: Any) -> NDArray[Any]:
    """Bring a label map to an array of whole numbers (H, W).

    Parameters
    ----------
    labels : array, tensor, PIL.Image or path
        Integers, bool, or whole numbers stored as floats.

    Raises
    ------
    UsageError
        When pixels are masked, or values are not whole.
    TypeError
        When it is no array.
    """
    if isinstance(labels, (str, Path)):
        return read_labels(labels)
    array = _array(labels, "a label map")
    if np.ma.getmask(array).any():
        raise UsageError("a label map should have no masked pixels: give them a label, filled(-1)")
    return _whole(np.asarray(array))


def given_truths(truth: Any) -> list[NDArray[Any]]:
    """Bring one truth, or one of each annotator, to whole numbers (H, W), -1 where masked.

    Parameters
    ----------
    truth : what :func:`given_labels` takes, or a sequence of such, or (T, H, W), or None
        Masked elements are without opinion. A file may hold the truths of several annotators.

    Raises
    ------
    UsageError
        When values are not whole.
    TypeError
        When it is neither.
    """
    if truth is None:
        return []
    if isinstance(truth, (str, Path)):
        return list(read_label_maps(truth))
    if isinstance(truth, (list, tuple)) and (not truth or np.ndim(truth[0]) != 1):
        return [each for one in truth for each in given_truths(one)]
    array = _array(truth, "a truth")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3):
        raise UsageError(f"a truth should be (H, W), or several (T, H, W), got {array.shape}")
    masked, values = np.ma.getmaskarray(array), np.ma.getdata(array)
    if masked.any():
        values = np.where(masked, -1, values.astype(float if values.dtype.kind == "f" else int))
    whole = _whole(values)
    return list(whole) if whole.ndim == 3 else [whole]


def given_flow(flow: Any) -> NDArray[np.float32]:
    """Bring flow to float32 (H, W, 2), NaN where it is masked.

    Parameters
    ----------
    flow : array or tensor (H, W, 2), or (2, H, W) where this is plain
        Pixels, along the row and down the column.

    Raises
    ------
    UsageError
        When its shape is another.
    TypeError
        When it is no array.
    """
    array = _array(flow, "flow")
    vectors: NDArray[np.float32] = np.ma.filled(array.astype(np.float32), np.nan)
    if vectors.ndim == 3 and vectors.shape[0] == 2 and vectors.shape[2] != 2:
        vectors = np.moveaxis(vectors, 0, 2)
    if vectors.ndim != 3 or vectors.shape[2] != 2:
        raise UsageError(f"flow should be (H, W, 2), got {vectors.shape}")
    return np.ascontiguousarray(vectors)


def _array(value: Any, what: str) -> NDArray[Any]:
    """An array, masked where it is so, or what turns into one."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch, on any device
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    elif not (isinstance(value, (list, tuple, PIL.Image.Image)) or hasattr(value, "__array__")):
        mend = ": give one of its values" if isinstance(value, Mapping) else ""
        raise TypeError(f"{what} should be an array, got {type(value).__name__}{mend}")
    try:
        return np.asarray(value)
    except ValueError as error:  # of lists whose rows differ in length
        raise TypeError(f"{what} should be an array: {error}") from None


def _whole(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers that are stored as floats as integers."""
    if array.dtype.kind != "f":
        return array
    if np.isnan(array).any():
        raise UsageError("labels should be whole numbers, got NaN: mark what has no label by -1")
    if not (np.isfinite(array) & (array == np.rint(array))).all():
        raise UsageError(f"labels should be whole numbers, got fractions in {array.dtype}")
    return array.astype(np.int64)
