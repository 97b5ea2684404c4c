"""Label maps as pictures: of one channel, or with a colour for every label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import UsageError
from ssnbench.io import netpbm
from ssnbench.io.images import decoded
from ssnbench.io.limits import check_packed, check_size
from ssnbench.io.png import HEADER_BYTES, PngHeader, png_header

FLAT_SHARE = 0.99
"""Pixels of a colour-coded map that have a neighbour of their own colour, at least."""

PIXELS_PER_COLOUR = 4
"""Pixels that every colour of a colour-coded map has on average, at least."""

_TRANSPARENT = -1
_PLAIN_COMPRESSIONS = (1, 8, 32773, 32946)  # none, deflate, PackBits: tifffile reads them alone


def from_picture(path: Path, colours: bool | None) -> NDArray[Any]:
    """Read one channel as it is stored (of a palette the indices), or colours as labels.

    Parameters
    ----------
    path : Path
        A lossless picture.
    colours : bool or None
        Whether colours may be labels; None: when the picture can be nothing else.
    """
    picture = decoded(path)
    if picture.mode in ("1", "L", "P", "I") or picture.mode.startswith("I;16"):
        return _unscaled(np.asarray(picture), path)
    if picture.mode not in ("RGB", "RGBA", "LA", "PA"):
        raise UsageError(f"{path} is a picture of mode {picture.mode}; labels need one channel")
    _check_depth(path)
    return labels_of_colours(np.asarray(picture.convert("RGBA")), path, colours)


def from_netpbm(path: Path, colours: bool | None) -> NDArray[Any]:
    """Read a Netpbm picture as it is stored, or colours as labels."""
    pixels, maximum = netpbm.read_netpbm(path)
    if pixels.ndim == 2:
        return pixels
    if maximum > 255:
        raise UsageError(f"{path} has colours of 16 bits; write labels to one channel, a .pgm")
    return labels_of_colours(pixels, path, colours)


def from_tiff(path: Path, colours: bool | None) -> NDArray[Any]:
    """Read a TIFF of one page: of one channel of up to 64 bits in any byte order, or colours."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        n_pages, page = len(file.pages), file.pages[0]
        if n_pages > 1 and len({each.shape for each in file.pages}) == 1:
            raise UsageError(f"{path} holds {n_pages} pages: save each label map in its own file")
        check_size(page.shape, path)
        check_packed(page.nbytes, path.stat().st_size, path)
        if page.ndim == 2 and page.compression in _PLAIN_COMPRESSIONS:
            return np.asarray(page.asarray())
    return from_picture(path, colours)  # Pillow knows LZW and what is rarer


def labels_of_colours(
    pixels: NDArray[np.uint8], path: Path, colours: bool | None
) -> NDArray[np.int32]:
    """Turn colours into labels ``R + 256 G + 65536 B``, as COCO's panoptic segments are numbered.

    Of a grey picture with three channels the grey is the label; transparent pixels are -1.

    Raises
    ------
    UsageError
        When colours are not wanted, or the picture may be a photograph and was not asked for.
    """
    red, green, blue = (pixels[:, :, i] for i in range(3))
    labels = red.astype(np.int32)
    if not ((red == green).all() and (green == blue).all()):
        labels += np.multiply(green, 256, dtype=np.int32)
        labels += np.multiply(blue, 65536, dtype=np.int32)
    if pixels.shape[2] == 4:
        labels[pixels[:, :, 3] == 0] = _TRANSPARENT
    if colours or (colours is None and is_flat(labels)):
        return labels
    hint = "" if colours is False else ", and has too many colours for one per label"
    raise UsageError(f"{path} is a colour picture{hint}; labels need one channel")


def is_flat(labels: NDArray[np.int32]) -> bool:
    """Whether a picture consists of areas of one colour, as no photograph does."""
    if np.unique(labels).size * PIXELS_PER_COLOUR > labels.size:
        return False
    same = np.zeros(labels.shape, bool)
    down, along = labels[1:] == labels[:-1], labels[:, 1:] == labels[:, :-1]
    for target, equal in (
        (same[1:], down),
        (same[:-1], down),
        (same[:, 1:], along),
        (same[:, :-1], along),
    ):
        target |= equal
    return float(same.mean()) >= FLAT_SHARE


def _unscaled(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Undo that Pillow spreads greys of 2 and 4 bits over 8."""
    header = _png_header(path)
    if header is not None and header.colour_type == 0 and header.depth in (2, 4):
        return pixels // np.uint8(255 // (2**header.depth - 1))
    return pixels


def _check_depth(path: Path) -> None:
    header = _png_header(path)
    if header is not None and header.depth == 16:
        raise UsageError(f"{path} has colours of 16 bits; write labels to one channel of 16 bits")


def _png_header(path: Path) -> PngHeader | None:
    with path.open("rb") as file:
        return png_header(file.read(HEADER_BYTES))
