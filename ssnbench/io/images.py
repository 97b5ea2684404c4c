"""Pictures and label maps: from files and arrays of many kinds to the two types used everywhere.

Pictures come out as uint8 RGB (H, W, 3). Alpha is composited over white, which is what a viewer
shows; of 16 bits the upper eight are kept (the inverse of multiplying by 257); an orientation
noted in EXIF data is ignored, so that pixels stay where the truth of the picture has them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ssnbench.contracts import Image, PathLike, UsageError

_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,  # Pillow's word for a broken PNG
    EOFError,
    struct.error,
    PIL.Image.DecompressionBombError,
)


def read_image(path: PathLike) -> Image:
    """Read a picture of any common kind as uint8 RGB (H, W, 3).

    Grey, palette, CMYK, 1-bit and 16-bit pictures are converted, alpha is composited over white.
    Of an animation the first frame is read.

    Raises
    ------
    UsageError
        When the file is missing, broken, cut short, or no picture.
    """
    picture = decoded(Path(path))
    if picture.mode.startswith("I;16"):
        return as_image(np.asarray(picture).astype(np.uint16))
    if picture.mode in ("I", "F"):
        raise UsageError(f"{path} has 32 bits per channel: save it with 8 or 16")
    if picture.has_transparency_data:
        return as_image(np.asarray(picture.convert("RGBA")))
    return np.array(picture.convert("RGB"))


def as_image(array: Any) -> Image:
    """Bring an array given from Python to uint8 RGB (H, W, 3).

    Parameters
    ----------
    array : uint8, uint16, bool or float array
        (H, W), (H, W, 1), (H, W, 3), or (H, W, 2) and (H, W, 4) with alpha last; floats within
        0..1. A uint8 RGB array is returned as it is.

    Raises
    ------
    TypeError
        When it is no array, or of another type.
    UsageError
        When its shape is not that of a picture, or floats lie outside 0..1.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"an image should be a numpy array, got {type(array).__name__}")
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] > 4):
        raise UsageError(
            f"an image should have shape (H, W) or (H, W, 1 to 4) and pixels, got {array.shape}"
        )
    pixels = _in_8_bits(array)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.shape[2] in (2, 4):
        pixels = _over_white(pixels[:, :, :-1], pixels[:, :, -1:])
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def write_image(path: PathLike, image: Image) -> None:
    """Write uint8 (H, W, 3) to a picture file; its name's ending chooses the format.

    Raises
    ------
    UsageError
        When the format is unknown or the file cannot be written.
    """
    try:
        PIL.Image.fromarray(image).save(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {path}: {one_line(error)}") from None


def decoded(path: Path) -> PIL.Image.Image:
    """Return the decoded picture as Pillow has it; :class:`UsageError` when it cannot be read."""
    try:
        with PIL.Image.open(path) as picture:
            picture.load()
            return picture
    except FileNotFoundError:
        raise UsageError(f"no image at {path}") from None
    except PIL.UnidentifiedImageError:
        raise UsageError(f"{path} is not an image of a known kind") from None
    except _UNREADABLE as error:
        raise UsageError(f"{path} cannot be read as an image: {one_line(error)}") from error


def _in_8_bits(array: NDArray[Any]) -> Image:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise TypeError(f"an image should be uint8, uint16, bool or float, got {array.dtype}")
    if not (array.min() >= 0 and array.max() <= 1):  # so written that NaN fails too
        raise UsageError("a float image should lie within 0..1: divide it by its largest value")
    scaled: Image = np.rint(array * 255).astype(np.uint8)
    return scaled


def _over_white(colour: Image, alpha: Image) -> Image:
    share = alpha / 255.0
    return np.rint(colour * share + 255.0 * (1.0 - share)).astype(np.uint8)


def one_line(error: Exception) -> str:
    """Return the message of an error without line breaks, or the name of its class."""
    return " ".join(str(error).split()) or type(error).__name__
