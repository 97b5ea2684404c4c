"""Pictures and label maps: from files and arrays of many kinds to the two types used everywhere.

Pictures come out as uint8 RGB (H, W, 3). Alpha is composited over white, which is what a viewer
shows. Deeper pictures are scaled by the largest value that their file states; where it states none,
by that of 8, 10, 12, 14 or 16 bits, whichever holds all of their values. An orientation noted in
EXIF data is applied on request only, so that pixels stay where the truth of the picture has them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from ssnbench.contracts import Image, PathLike, UsageError
from ssnbench.io import netpbm
from ssnbench.io.notes import note

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif"),
    *(".jp2", ".j2k", ".tga", ".avif", *netpbm.ENDINGS),
)
"""Endings of the files that :func:`read_image` reads, in small letters."""

_ORIENTATION = 0x0112  # EXIF's tag
_BITS_PER_SAMPLE, _SAMPLE_FORMAT = 258, 339  # TIFF's tags
_DEPTHS = (8, 10, 12, 14, 16)
_ROUNDING = 1e-4  # by which resizing and filters leave 0..1

_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,  # Pillow's word for a broken PNG
    EOFError,
    struct.error,
    PIL.Image.DecompressionBombError,
)


def read_image(path: PathLike, upright: bool = False) -> Image:
    """Read a picture of any common kind as uint8 RGB (H, W, 3).

    Grey, palette, CMYK, 1-bit and 16-bit pictures are converted, alpha is composited over white.
    Of an animation the first frame is read.

    Parameters
    ----------
    path : path
        The file.
    upright : bool
        Turn the picture as its EXIF data say.

    Raises
    ------
    UsageError
        When the file is missing, broken, cut short, or no picture.
    """
    path = Path(path)
    if path.suffix.lower() in netpbm.ENDINGS and path.is_file():
        return _from_netpbm(path)
    picture = decoded(path)
    deep = _deep_colour(path) if picture.mode in ("RGB", "RGBA") else None
    if deep is not None and not (upright and orientation(path) > 1):
        return as_image(deep)
    if upright:
        picture = PIL.ImageOps.exif_transpose(picture)
    return from_pillow(picture, str(path))


def from_pillow(picture: PIL.Image.Image, name: str = "a picture") -> Image:
    """Bring a picture of Pillow, of any mode, to uint8 RGB (H, W, 3), as :func:`read_image` does.

    Raises
    ------
    UsageError
        When it has 32 bits per channel or values below 0; `name` is the picture's in the message.
    """
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return as_image(_deep_grey(picture, name))
    if picture.has_transparency_data:
        return as_image(np.asarray(picture.convert("RGBA")))
    return np.array(picture.convert("RGB"))


def orientation(path: PathLike) -> int:
    """Return the orientation noted in EXIF data, 1..8; 1, upright, where there is none."""
    try:
        with PIL.Image.open(path) as picture:
            noted = picture.getexif().get(_ORIENTATION, 1)
    except _UNREADABLE:
        return 1
    return noted if noted in range(1, 9) else 1


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


def _from_netpbm(path: Path) -> Image:
    pixels, maximum = netpbm.read_netpbm(path)
    if path.read_bytes()[:2] in (b"P1", b"P4"):
        pixels = 1 - pixels  # of a bitmap 1 is black
    return as_image(pixels if maximum == 255 else _scaled(pixels, maximum))


def _deep_grey(picture: PIL.Image.Image, name: str) -> NDArray[Any]:
    """Pixels of a grey picture of more than 8 bits, as uint16 or, scaled already, uint8."""
    pixels = np.asarray(picture)
    if pixels.dtype.kind == "f" or pixels.max() > 65535:
        raise UsageError(f"{name} has 32 bits per channel: save it with 8 or 16")
    if pixels.min() < 0:
        raise UsageError(f"{name} has values below 0 (down to {pixels.min()}): shift them to 0")
    tags = getattr(picture, "tag_v2", {})
    if tags.get(_SAMPLE_FORMAT) == (2,) and tags.get(_BITS_PER_SAMPLE) == (16,):
        return _scaled(pixels, 2**15 - 1)
    return pixels.astype(np.uint16)


def _deep_colour(path: Path) -> NDArray[np.uint16] | None:
    """Colours of 16 bits as uint16 RGB or RGBA; Pillow would keep but their upper bytes."""
    if path.suffix.lower() not in (".png", ".tif", ".tiff"):
        return None
    with path.open("rb") as file:
        start = file.read(26)
        if start[1:4] == b"PNG" and start[24] != 16:
            return None
        file.seek(0)
        data = np.frombuffer(file.read(), np.uint8)
    import cv2

    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        return None
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[:, :, order])


def _in_8_bits(array: NDArray[Any]) -> Image:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        bits = next(bits for bits in _DEPTHS if array.max() < 2**bits)
        if bits < 16 and array.any():
            note(f"pictures of 16 bits with values below {2**bits} are taken for {bits} bits deep")
        return _scaled(array, 2**bits - 1)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        mend = _mend_of_integers(array)
        raise TypeError(f"an image should be uint8, uint16, bool or float, got {array.dtype}{mend}")
    least, largest = array.min(), array.max()
    if np.isnan(least):
        raise UsageError("a float image should lie within 0..1, got NaN: fill it, np.nan_to_num")
    if least < -_ROUNDING or largest > 1 + _ROUNDING:
        by = "255" if least >= 0 and 2 <= largest <= 255 else "its largest value"
        span = f"{least:.4g}..{largest:.4g}"
        raise UsageError(f"a float image should lie within 0..1, got {span}: divide it by {by}")
    scaled: Image = np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8)
    return scaled


def _mend_of_integers(array: NDArray[Any]) -> str:
    if array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        return ": if 255 is white, image.astype('uint8')"
    return ""


def _scaled(pixels: NDArray[Any], maximum: int) -> Image:
    """Bring 0..maximum to 0..255."""
    scale = np.float32(255 / maximum)
    scaled: Image = np.rint(np.minimum(pixels, maximum) * scale).astype(np.uint8)
    return scaled


def _over_white(colour: Image, alpha: Image) -> Image:
    share = alpha / 255.0
    return np.rint(colour * share + 255.0 * (1.0 - share)).astype(np.uint8)


def one_line(error: Exception) -> str:
    """Return the message of an error without line breaks, or the name of its class."""
    return " ".join(str(error).split()) or type(error).__name__
