"""The usual colours of flow: hue tells the direction, saturation the length."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import Flow, Image
from ssnbench.flow.segments import known

_STEPS = (("red-yellow", 15), ("yellow-green", 6), ("green-cyan", 4), ("cyan-blue", 11),
          ("blue-magenta", 13), ("magenta-red", 6))  # fmt: skip
_CORNERS = {
    "red": (1, 0, 0), "yellow": (1, 1, 0), "green": (0, 1, 0),
    "cyan": (0, 1, 1), "blue": (0, 0, 1), "magenta": (1, 0, 1),
}  # fmt: skip
_TOO_LONG = 0.75  # brightness of flow that is longer than the longest


def colours(flow: Flow, longest: float | None = None) -> Image:
    """Paint flow: white where nothing moves, full colour at the longest vector.

    Parameters
    ----------
    flow : float32 (H, W, 2)
        Pixels; unknown flow comes out black.
    longest : float, optional
        Length in pixels of full colour, so that several pictures compare; by default the longest
        of this flow.

    Returns
    -------
    uint8 (H, W, 3)
        sRGB.

    References
    ----------
    .. [1] Baker et al., A Database and Evaluation Methodology for Optical Flow, IJCV 92, 2011:
       the colour coding, with steps chosen by how well the eye tells hues apart.
    """
    is_known = known(flow)
    u, v = np.where(is_known[..., None], flow, 0.0).astype(np.float64).transpose(2, 0, 1)
    length = np.hypot(u, v)
    length /= (length.max() if longest is None else longest) or 1.0
    hues = _hues()
    place = (np.arctan2(-v, -u) / np.pi + 1) / 2 * (len(hues) - 1)
    low = place.astype(int)
    share = (place - low)[..., None]
    hue = (1 - share) * hues[low] + share * hues[(low + 1) % len(hues)]
    pale = 1 - length[..., None] * (1 - hue)
    painted = np.where(length[..., None] <= 1, pale, hue * _TOO_LONG)
    return np.asarray(np.floor(255 * painted * is_known[..., None]), np.uint8)


def colour_wheel(size: int = 151) -> Image:
    """Draw the key to :func:`colours`, uint8 (size, size, 3): every vector's colour at its end."""
    along = np.linspace(-1, 1, size, dtype=np.float32)
    flow = np.stack(np.meshgrid(along, along), axis=-1)
    painted = colours(flow, longest=1.0)
    painted[np.hypot(flow[..., 0], flow[..., 1]) > 1] = 255
    return painted


@cache
def _hues() -> NDArray[np.float64]:
    """The 55 hues once around, float64 (55, 3) in 0..1."""
    parts = []
    for name, n in _STEPS:
        start, end = (np.array(_CORNERS[corner]) for corner in name.split("-"))
        share = np.floor(255 * np.arange(n) / n)[:, None] / 255
        parts.append((1 - share) * start + share * end)
    return np.concatenate(parts)
