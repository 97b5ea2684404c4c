"""Pictures and label maps: from files and arrays of many kinds to the two types used everywhere.

Pictures come out as uint8 RGB (H, W, 3). Alpha is composited over white, which is what a viewer
shows. Deeper pictures are scaled by the largest value that their file states; where it states none,
by that of 8, 10, 12, 14 or 16 bits, whichever holds all of their values. An orientation noted in
EXIF data is applied on request only, so that pixels stay where the truth of the picture has them.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from ssnbench.contracts import Image, PathLike, UsageError
from ssnbench.io import netpbm
from ssnbench.io.limits import MOST_BYTES, check_size, one_error, one_line, read_at_most
from ssnbench.io.notes import note
from ssnbench.io.png import HEADER_BYTES, check_chunks, check_png

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif"),
    *(".jp2", ".j2k", ".tga", ".avif", *netpbm.ENDINGS),
)
"""Endings of the files that :func:`read_image` reads, in small letters."""

_ORIENTATION = 0x0112  # EXIF's tag
_BITS_PER_SAMPLE, _SAMPLE_FORMAT = 258, 339  # TIFF's tags
_DEPTHS = (8, 10, 12, 14, 16)
_ROUNDING = 1e-4  # by which resizing and filters leave 0..1

_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "JPEG2000", "TGA", "AVIF", "PPM")
"""What a file may be, whatever its name: Pillow knows more, and runs a program for one of them."""

_ROWS_AT_ONCE = 2**20  # pixels


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
    with one_error(path, "cannot be read as an image"):
        deep = _deep_colour(path) if picture.mode in ("RGB", "RGBA") else None
        if deep is not None and not (upright and orientation(path) > 1):
            return as_image(deep)
        if upright and orientation(path) > 1:
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
        with _opened(Path(path)) as picture:
            noted = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # of a broken note on a whole picture, which is kept as it lies
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
    with one_error(path, "cannot be read as an image"):
        try:
            with _opened(path) as picture:
                check_size(picture.size, path, "a picture")
                picture.load()
                return picture
        except FileNotFoundError:
            raise UsageError(f"no image at {path}") from None
        except PIL.UnidentifiedImageError:
            raise UsageError(f"{path} is not an image of a known kind") from None


def _opened(path: Path) -> PIL.Image.Image:
    """Open a picture, nothing of which is decoded yet."""
    n_bytes = path.stat().st_size
    if n_bytes > MOST_BYTES:
        raise UsageError(f"{path} has {n_bytes} bytes; a picture may have {MOST_BYTES} at most")
    with path.open("rb") as file:
        check_png(file.read(HEADER_BYTES), n_bytes, path)
    return PIL.Image.open(path, formats=_known_formats())


@cache
def _known_formats() -> tuple[str, ...]:
    """Those of our formats that this Pillow was built with."""
    PIL.Image.preinit()
    for name in ("Avif", "Jpeg2K", "Tga", "Tiff", "WebP"):
        with suppress(ImportError):
            import_module(f"PIL.{name}ImagePlugin")
    return tuple(name for name in _FORMATS if name in PIL.Image.OPEN)


def _from_netpbm(path: Path) -> Image:
    pixels, maximum = netpbm.read_netpbm(path)
    with path.open("rb") as file:
        if file.read(2) in (b"P1", b"P4"):
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
    data = read_at_most(path)
    check_chunks(data, path)
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
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
    most = min(np.iinfo(pixels.dtype).max, 2**16 - 1)
    values = np.arange(most + 1, dtype=pixels.dtype)
    table = np.rint(np.minimum(values, maximum) * np.float32(255 / maximum)).astype(np.uint8)
    scaled: Image = table[pixels]
    return scaled


def _over_white(colour: Image, alpha: Image) -> Image:
    blended = np.empty_like(colour)
    n_rows = max(1, _ROWS_AT_ONCE // colour.shape[1])
    for start in range(0, len(colour), n_rows):
        rows = slice(start, start + n_rows)
        share = alpha[rows] / 255.0
        blended[rows] = np.rint(colour[rows] * share + 255.0 * (1.0 - share))
    return blended
