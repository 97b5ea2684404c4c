"""What happens between two passes of the CPU kernels: sums become centres, laid out for the lanes.

Rows of cells are the unit of parallel work: ``first`` and ``last`` bound those to do, counted over
the whole batch. The other parameters are those of :mod:`ssnbench.ssn.kernels.cpu_sweep`.
"""

from __future__ import annotations

import numpy as np

from ssnbench.ssn.kernels.cpu_layout import inlined, kernel
from ssnbench.ssn.kernels.reference import MIN_WEIGHT


@kernel
def gather(first, last, layout, partial, sums):  # type: ignore[no-untyped-def]
    """Add what all strips gave into ``sums``, float64 (B, m, C + 1), for a range of cell rows."""
    given = np.empty(partial.shape[2:])
    for task in range(first, last):
        image, row = divmod(task, len(layout.first_strip) - 1)
        _gather_row(layout, partial, image, row, given)
        cells = sums[image, row * layout.cols : (row + 1) * layout.cols]
        for c in range(len(given)):
            for col in range(layout.cols):
                cells[col, c] = given[c, col]


@inlined
def _gather_row(layout, partial, image, row, given):  # type: ignore[no-untyped-def]
    """Add up what the strips gave to a row of cells, channel by channel, from the left."""
    first, n_rows = layout.first_strip, len(layout.first_strip) - 1
    given[:] = 0
    for slot in range(3):
        there = row + 1 - slot
        if 0 <= there < n_rows:
            for strip in range(first[there], first[there + 1]):
                some = partial[image * len(layout.strips) + strip, slot]
                for c in range(len(given)):
                    for lane in range(len(some[c])):
                        given[c, lane] += some[c, lane]
    for c in range(len(given)):
        for col in range(layout.cols):
            lane = (col + 1) * layout.pieces
            given[c, col] = given[c, lane]
            for piece in range(1, layout.pieces):
                given[c, col] += given[c, lane + piece]


@kernel
def update(first, last, layout, partial, origin, moved, centres):  # type: ignore[no-untyped-def]
    """Move the centres of a range of cell rows (Eq. 4); what has lost all its pixels stays.

    ``centres``, float64 (B, m, C + 1), takes them, and last their mass, unless it is empty.
    """
    given = np.empty(partial.shape[2:])
    channels, pieces = len(given) - 1, layout.pieces
    for task in range(first, last):
        image, row = divmod(task, len(layout.first_strip) - 1)
        _gather_row(layout, partial, image, row, given)
        cells, mass = centres[image, row * layout.cols : (row + 1) * layout.cols], given[channels]
        for c in range(channels):
            here, base = moved[image, row + 1, c], origin[image, row + 1, c]
            for col in range(layout.cols):
                lane = (col + 1) * pieces
                kept = mass[col] > MIN_WEIGHT
                offset = given[c, col] / mass[col] if kept else np.float64(here[lane])
                if len(cells) > 0:
                    cells[col, c] = base[lane] + offset
                for i in range(lane, lane + pieces):
                    here[i] = offset
        for col in range(len(cells)):
            cells[col, channels] = mass[col]


@kernel
def place(first, last, layout, values, origin, placed):  # type: ignore[no-untyped-def]
    """Lay ``values``, float64 (B, m, C or more), out for the lanes, less ``origin``."""
    for task in range(first, last):
        image, row = divmod(task, len(layout.first_strip) - 1)
        for c in range(placed.shape[2] - 1):
            here, base = placed[image, row + 1, c], origin[image, row + 1, c]
            for col in range(layout.cols):
                lane = (col + 1) * layout.pieces
                value = values[image, row * layout.cols + col, c] - base[lane]
                for i in range(lane, lane + layout.pieces):
                    here[i] = value
