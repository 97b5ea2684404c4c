"""The picture of how superpixels tell a motion: image, true flow, flow by superpixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssnbench.contracts import Flow, Image, Labels, Mask
from ssnbench.flow.segments import known, segmented_flow
from ssnbench.flow.wheel import colours
from ssnbench.kernels.boundaries import find_boundaries

_GAP = 4  # pixels of white between two panels
_INK = (0, 0, 0)


def flow_picture(
    image: Image,
    flow: Flow,
    maps: Sequence[Labels],
    valid: Mask | None = None,
    columns: int | None = None,
) -> Image:
    """Put image, true flow and, per label map, the segmented flow side by side.

    Parameters
    ----------
    image : uint8 (H, W, 3)
        The first frame.
    flow : float32 (H, W, 2)
        True motion in pixels.
    maps : sequence of int32 (H, W)
        Superpixels of one or several methods, 0..n-1.
    valid : bool (H, W), optional
        Pixels whose flow counts; all by default. The others are black in the true flow.
    columns : int, optional
        So many panels to a line; all of them in one line by default.

    Returns
    -------
    uint8 (H', W', 3)
        Panels in lines from left to right, all flow in the same colours, boundaries in black.

    References
    ----------
    .. [1] Jampani et al., Superpixel Sampling Networks, ECCV 2018, figure 9.
    """
    is_known = known(flow) if valid is None else known(flow) & valid
    longest = float(np.hypot(flow[is_known][:, 0], flow[is_known][:, 1]).max(initial=0.0))
    true = np.where(is_known[..., None], flow, np.float32(np.nan))
    panels = [image, colours(true, longest)]
    for labels in maps:
        panel = colours(segmented_flow(labels, flow, valid), longest)
        panel[find_boundaries(labels)] = _INK
        panels.append(panel)
    return _tiled(panels, columns or len(panels))


def _tiled(panels: Sequence[Image], columns: int) -> Image:
    """Lay panels of one size out in lines, with white between them."""
    height, width = panels[0].shape[:2]
    n_lines = -(-len(panels) // columns)
    across, down = columns * (width + _GAP) - _GAP, n_lines * (height + _GAP) - _GAP
    sheet = np.full((down, across, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        line, column = divmod(number, columns)
        top, left = line * (height + _GAP), column * (width + _GAP)
        sheet[top : top + height, left : left + width] = panel
    return sheet
