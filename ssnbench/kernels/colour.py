"""From sRGB to CIE Lab: the one conversion that all methods share."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image

Lab = NDArray[np.float32]
"""float32 (H, W, 3): L 0..100, a and b about -128..127; D65, 2 degree observer."""

_WHITE: Final = np.array([0.95047, 1.0, 1.08883])
_XYZ: Final = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)


def _linear_light() -> NDArray[np.float32]:
    """Undo the sRGB gamma for each of the 256 values of a channel."""
    value = np.arange(256) / 255
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    return linear.astype(np.float32)


LINEAR: Final = _linear_light()
"""float32 (256,): linear light of each value of an sRGB channel."""

MATRIX: Final = (_XYZ / _WHITE[:, None]).astype(np.float32)
"""float32 (3, 3): from linear light to X, Y, Z over those of white."""

FOOT: Final = 0.008856
"""Below this CIE's f is the straight line FOOT_SLOPE * t + FOOT_LEVEL, above it a cube root."""

FOOT_SLOPE: Final = 7.787
FOOT_LEVEL: Final = 16 / 116


def rgb_to_lab(image: Image, out: Lab | None = None) -> Lab:
    """Convert an sRGB image to CIE Lab.

    Parameters
    ----------
    image : uint8 (H, W, 3)
        sRGB, 0..255.
    out : float32 (H, W, 3), optional
        Where to put the result.

    Returns
    -------
    float32 (H, W, 3)
        L in 0..100, a and b about -128..127; within 1e-3 of ``skimage.color.rgb2lab`` (illuminant
        D65, 2 degree observer).

    Raises
    ------
    ValueError
        When the image is not uint8 (H, W, 3).

    References
    ----------
    CIE 15:2004 and IEC 61966-2-1 (sRGB).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected uint8 (H, W, 3), got {image.dtype} {image.shape}")
    lab = np.empty(image.shape, dtype=np.float32) if out is None else out
    _convert(np.ascontiguousarray(image), LINEAR, MATRIX, lab)
    return lab


@njit(cache=True, nogil=True, forceinline=True)
def _cube_root(t):  # type: ignore[no-untyped-def]
    """Cube root of a positive float32: a guess from the exponent, then two steps of Halley."""
    bits = np.float32(t).view(np.int32)
    guess = np.int32(np.int32(np.float32(bits) * np.float32(1 / 3)) + 0x2A512CE3)
    root = guess.view(np.float32)
    for _ in range(2):
        cube = root * root * root
        root *= (cube + t + t) / (cube + cube + t)
    return root


@njit(cache=True, nogil=True, forceinline=True)
def _lightness(t):  # type: ignore[no-untyped-def]
    """CIE's f: a cube root with a straight foot; the foot's argument never reaches the root."""
    foot = np.float32(FOOT)
    root = _cube_root(max(t, foot))
    return root if t > foot else np.float32(FOOT_SLOPE) * t + np.float32(FOOT_LEVEL)


# All of fastmath but "arcp" and "afn": with estimates for quotients, vectors would round otherwise
# than the single pixels that are left over at the end of a row.
@njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"contract", "nnan", "ninf", "nsz", "reassoc"},
)
def _convert(
    rgb: Image, linear: NDArray[np.float32], matrix: NDArray[np.float32], lab: Lab
) -> None:
    """Fill ``lab``, row by row; the channels lie apart in between, so that roots run on vectors."""
    height, width = rgb.shape[:2]
    light, root = np.empty((3, width), np.float32), np.empty((3, width), np.float32)
    for row in range(height):
        for i in range(width):
            for channel in range(3):
                light[channel, i] = linear[rgb[row, i, channel]]
        for k in range(3):
            m = matrix[k]
            for i in range(width):
                t = m[0] * light[0, i] + m[1] * light[1, i] + m[2] * light[2, i]
                root[k, i] = _lightness(t)
        for i in range(width):
            x, y, z = root[0, i], root[1, i], root[2, i]
            lab[row, i, 0] = np.float32(116) * y - np.float32(16)
            lab[row, i, 1] = np.float32(500) * (x - y)
            lab[row, i, 2] = np.float32(200) * (y - z)
