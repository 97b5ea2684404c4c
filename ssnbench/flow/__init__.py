"""Optical flow: files, its reduction to one motion per superpixel, errors, colours, pictures.

Flow is float32 (H, W, 2) in pixels, along the row and down the column, from the first frame to the
second; NaN where it is unknown.
"""

from ssnbench.flow.boundaries import motion_boundaries
from ssnbench.flow.files import pack_flow, read_flow, unpack_flow, write_flow
from ssnbench.flow.picture import flow_picture
from ssnbench.flow.segments import known, residuals, segmented_flow
from ssnbench.flow.wheel import colour_wheel, colours

__all__ = [
    "colour_wheel",
    "colours",
    "flow_picture",
    "known",
    "motion_boundaries",
    "pack_flow",
    "read_flow",
    "residuals",
    "segmented_flow",
    "unpack_flow",
    "write_flow",
]
