"""Draw a scene of layers, with its exact segmentation and motion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np

from ssnbench.contracts import Flow, Image, Labels, Mask
from ssnbench.synthesis.regions import STILL, Affine, Floats, Region, chained, inverse, moved

Box: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True)
class Paint:
    """A surface: a photograph laid on the scene, its colours moved to a given mean.

    Attributes
    ----------
    photo : uint8 (h, w, 3)
        The photograph; beyond its border it goes on mirrored.
    photo_mean : float32 (3,)
        Its mean colour.
    placing : affine
        From scene coordinates to columns and rows of the photograph.
    colour : float32 (3,)
        Mean colour of the surface, 0..255.
    contrast : float
        How much of the photograph's variation is kept.
    """

    photo: Image
    photo_mean: Floats
    placing: Affine
    colour: Floats
    contrast: float

    def on(self, grid: Affine, shape: tuple[int, int]) -> Floats:
        """Colours, float32 (H, W, 3), of the pixels that ``grid`` maps to scene coordinates."""
        height, width = shape
        photo = cv2.warpAffine(
            self.photo,
            chained(self.placing, grid),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        shift = (self.colour - self.contrast * self.photo_mean).astype(np.float32)
        tones = np.arange(256, dtype=np.float32)[:, None] * np.float32(self.contrast) + shift
        return np.asarray(cv2.LUT(photo, tones[None]), np.float32)


class Part(NamedTuple):
    """A piece of a layer that has a paint of its own."""

    region: Region
    paint: Paint


@dataclass(frozen=True)
class Shadow:
    """What a layer throws on those below it.

    Attributes
    ----------
    offset : pair of float
        From the layer to its shadow, in units of the scene.
    softness : float
        Standard deviation of its border, in units of the scene.
    depth : float
        Share of the light that it takes, 0..1.
    """

    offset: tuple[float, float]
    softness: float
    depth: float


@dataclass(frozen=True)
class Layer:
    """A painted region that moves as one.

    Attributes
    ----------
    region : Region
        What it covers.
    paint : Paint
        Its surface.
    parts : tuple of Part
        Pieces that are painted over the surface, in this order; what lies outside the region
        is cut off.
    motion : affine
        From the first frame to the second, in scene coordinates.
    shading : pair of float
        Relative change of brightness per unit along x and y.
    blur : float
        Standard deviation of the border's softness, pixels.
    shadow : Shadow or None
        What it throws on the layers below.
    """

    region: Region
    paint: Paint
    parts: tuple[Part, ...] = ()
    motion: Affine = field(default_factory=STILL.copy)
    shading: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.6
    shadow: Shadow | None = None


class Drawing(NamedTuple):
    """A scene as one camera sees it.

    ``picture`` is float32 (H, W, 3), about 0..255; ``layer`` and ``part`` are int32 (H, W): the
    number of the layer that is seen, and within it 0 for its surface and k for its k-th part.
    """

    picture: Floats
    layer: Labels
    part: Labels


def draw(layers: Sequence[Layer], height: int, width: int, *, second: bool = False) -> Drawing:
    """Draw a scene; the first layer should cover everything.

    Parameters
    ----------
    layers : sequence of Layer
        From back to front.
    height, width : int
        Size in pixels.
    second : bool
        Whether the layers have moved.
    """
    canvas = Drawing(
        np.zeros((height, width, 3), np.float32),
        np.zeros((height, width), np.int32),
        np.zeros((height, width), np.int32),
    )
    grid = _pixels_to_scene(height, width)
    for number, layer in enumerate(layers):
        back = inverse(layer.motion) if second else STILL
        to_layer = chained(back, grid)
        if layer.shadow is not None:
            _cast(canvas, layer, layer.shadow, to_layer)
        _lay(canvas, number, layer, to_layer)
    return canvas


def motion(layers: Sequence[Layer], layer: Labels) -> tuple[Flow, Mask]:
    """Exact motion to the second frame, and whether the point is still seen there.

    Parameters
    ----------
    layers : sequence of Layer
        The scene.
    layer : int32 (H, W)
        The layer that is seen at each pixel of the first frame.

    Returns
    -------
    flow : float32 (H, W, 2)
        Displacement along the row and down the column, pixels.
    valid : bool (H, W)
        Whether the point stays in the frame and no layer in front moves over it.
    """
    height, width = layer.shape
    grid = _pixels_to_scene(height, width)
    off_grid = inverse(grid)
    x, y = _points(STILL, _whole(layer.shape))
    moves = np.array([chained(off_grid, chained(each.motion, grid)) for each in layers])
    steps = (moves - STILL).astype(np.float32)  # not the positions: they would round more
    across, down = (
        steps[layer, axis, 0] * x + steps[layer, axis, 1] * y + steps[layer, axis, 2]
        for axis in (0, 1)
    )
    to_x, to_y = x + across, y + down
    valid = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    for number, upper in enumerate(layers[1:], start=1):
        at = chained(inverse(upper.motion), grid)
        box = _box(upper.region, at, layer.shape, margin=1)
        if box is not None:
            below = np.nonzero(valid & (layer < number) & _within(box, to_x, to_y))
            valid[below] = ~upper.region.inside(*moved(at, to_x[below], to_y[below]))
    return np.stack([across, down], axis=-1), valid


def _lay(canvas: Drawing, number: int, layer: Layer, to_layer: Affine) -> None:
    """Draw one layer over what is there; ``to_layer`` maps pixels to its own coordinates."""
    box = _box(layer.region, to_layer, canvas.layer.shape, margin=3 * layer.blur + 1)
    if box is None:
        return
    x, y = _points(to_layer, box)
    mask = layer.region.inside(x, y)
    grid = chained(to_layer, _corner(box))
    colours = layer.paint.on(grid, x.shape)
    part = np.zeros(x.shape, np.int32)
    for k, (region, paint) in enumerate(layer.parts, start=1):
        at = _box(region, grid, x.shape, margin=3 * layer.blur + 1)
        if at is not None:
            piece = region.inside(x[at], y[at])
            surface = paint.on(chained(grid, _corner(at)), piece.shape)
            _blend(colours[at], surface, _softened(piece, layer.blur))
            part[at][piece] = k
    colours *= _threefold(1 + layer.shading[0] * x + layer.shading[1] * y)
    _blend(canvas.picture[box], colours, _softened(mask, layer.blur))
    canvas.layer[box][mask] = number
    canvas.part[box][mask] = part[mask]


def _cast(canvas: Drawing, layer: Layer, shadow: Shadow, to_layer: Affine) -> None:
    """Darken what a layer throws its shadow on."""
    shift = np.array([[1, 0, -shadow.offset[0]], [0, 1, -shadow.offset[1]]])
    to_shadow = chained(shift, to_layer)
    softness = shadow.softness / _scale(to_layer)
    box = _box(layer.region, to_shadow, canvas.layer.shape, margin=3 * softness + 1)
    if box is not None:
        dark = _softened(layer.region.inside(*_points(to_shadow, box)), softness)
        canvas.picture[box] *= _threefold(1 - np.float32(shadow.depth) * dark)


def _blend(below: Floats, above: Floats, alpha: Floats) -> None:
    """Lay ``above`` over ``below``, in place; ``above`` is used up."""
    above -= below
    above *= _threefold(alpha)
    below += above


def _threefold(plane: Floats) -> Floats:
    """Repeat a plane for three channels: several times faster than to broadcast along them."""
    return np.asarray(cv2.merge((plane, plane, plane)), np.float32)


def _softened(mask: Mask, sigma: float) -> Floats:
    alpha: Floats = mask.astype(np.float32)
    if sigma > 0 and not mask.all():
        cv2.GaussianBlur(alpha, (0, 0), sigma, dst=alpha, borderType=cv2.BORDER_REPLICATE)
    return alpha


def _box(region: Region, to_region: Affine, shape: tuple[int, ...], margin: float) -> Box | None:
    """Smallest box of pixels that holds a region, with a margin; None outside the picture."""
    height, width = shape
    x, y, reach = region.circle
    if math.isinf(reach):
        return _whole(shape)
    column, row = inverse(to_region) @ (x, y, 1)
    reach = reach / _scale(to_region) + margin
    top, bottom = max(0, math.floor(row - reach)), min(height, math.ceil(row + reach) + 1)
    left, right = max(0, math.floor(column - reach)), min(width, math.ceil(column + reach) + 1)
    if top >= bottom or left >= right:
        return None
    return slice(top, bottom), slice(left, right)


def _within(box: Box, x: Floats, y: Floats) -> Mask:
    """Tell which points lie in a box of pixels."""
    rows, columns = box
    outside: Mask = (x < columns.start) | (x > columns.stop)
    outside |= (y < rows.start) | (y > rows.stop)
    return ~outside


def _scale(affine: Affine) -> float:
    """Smallest factor by which a map stretches lengths."""
    return float(np.linalg.svd(affine[:, :2], compute_uv=False)[-1])


def _whole(shape: tuple[int, ...]) -> Box:
    return slice(0, shape[0]), slice(0, shape[1])


def _corner(box: Box) -> Affine:
    """From pixels of a box to pixels of the picture."""
    return np.array([[1.0, 0.0, box[1].start], [0.0, 1.0, box[0].start]])


def _points(to: Affine, box: Box) -> tuple[Floats, Floats]:
    """Where the map takes the pixels of a box."""
    row = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None]
    column = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None, :]
    x, y = moved(to, column, row)
    shape = np.broadcast_shapes(row.shape, column.shape)
    return np.broadcast_to(x, shape).copy(), np.broadcast_to(y, shape).copy()


def _pixels_to_scene(height: int, width: int) -> Affine:
    unit = math.sqrt(height * width)
    return np.array(
        [[1 / unit, 0.0, -(width - 1) / 2 / unit], [0.0, 1 / unit, -(height - 1) / 2 / unit]]
    )
