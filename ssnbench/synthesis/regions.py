"""Regions of the plane that are formulas, and the affine maps that carry them about.

Scene coordinates have their origin in the middle of the picture, x to the right, y down, and
``sqrt(H * W)`` pixels to the unit, so that one scene can be drawn at any size. An affine map is a
float64 (2, 3) array as in OpenCV: ``A[:, :2] @ point + A[:, 2]``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import Mask

Affine: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.float32]
Vector: TypeAlias = NDArray[np.float64]

STILL: Affine = np.eye(2, 3)


class Region(Protocol):
    """A part of the plane, known at every point."""

    def inside(self, x: Floats, y: Floats) -> Mask:
        """Tell which of the points belong to it; x and y are float32 of one shape."""
        ...

    @property
    def circle(self) -> tuple[float, float, float]:
        """Centre and radius (x, y, r) of a circle around it; the radius may be infinite."""
        ...


@dataclass(frozen=True)
class Blob:
    """A closed smooth curve: an ellipse with a wavy outline, perhaps bent like a banana.

    Attributes
    ----------
    centre, axes : pairs of float
        Middle and half axes of the ellipse, in the units of the scene.
    angle : float
        Of the first axis, radians.
    bend : float
        How far the ends of the first axis are bent aside, in half axes.
    outline : float32 (N,)
        Radius relative to the ellipse at N equally spaced angles from -pi to pi.
    """

    centre: tuple[float, float]
    axes: tuple[float, float]
    angle: float
    bend: float
    outline: Floats

    def inside(self, x: Floats, y: Floats) -> Mask:
        """Tell which of the points the curve encloses."""
        u, v = _turned(x - np.float32(self.centre[0]), y - np.float32(self.centre[1]), self.angle)
        u /= np.float32(self.axes[0])
        v /= np.float32(self.axes[1])
        v += np.float32(self.bend) * u * u
        n = len(self.outline)
        step = np.arctan2(v, u)
        step *= np.float32(n / math.tau)
        index = step.astype(np.int32) + n // 2
        radius = self.outline[np.minimum(index, n - 1)]
        mask: Mask = u * u + v * v < radius * radius
        return mask

    @property
    def circle(self) -> tuple[float, float, float]:
        """Circle about the centre that holds the curve."""
        r = float(self.outline.max())
        reach = math.hypot(self.axes[0] * r, self.axes[1] * (r + abs(self.bend) * r * r))
        return (*self.centre, reach)


@dataclass(frozen=True)
class Side:
    """All that lies to one side of a wavy line, such as the ground below a horizon.

    Attributes
    ----------
    point : pair of float
        A point near the line.
    angle : float
        Of the line, radians; at 0 it runs along x, and the side is the one below it.
    waves : tuple of (amplitude, frequency in radians per unit, phase)
        Sines that are added to the straight line.
    """

    point: tuple[float, float]
    angle: float
    waves: tuple[tuple[float, float, float], ...] = ()

    def inside(self, x: Floats, y: Floats) -> Mask:
        """Tell which of the points lie on the side."""
        u, v = _turned(x - np.float32(self.point[0]), y - np.float32(self.point[1]), self.angle)
        for amplitude, frequency, phase in self.waves:
            v -= np.float32(amplitude) * np.sin(np.float32(frequency) * u + np.float32(phase))
        mask: Mask = v > 0
        return mask

    @property
    def circle(self) -> tuple[float, float, float]:
        """The whole plane."""
        return (*self.point, math.inf)


@dataclass(frozen=True)
class Everywhere:
    """The whole plane."""

    def inside(self, x: Floats, _y: Floats) -> Mask:
        """Tell that every point is inside."""
        return np.ones(x.shape, np.bool_)

    @property
    def circle(self) -> tuple[float, float, float]:
        """The whole plane."""
        return (0.0, 0.0, math.inf)


def chained(after: Affine, before: Affine) -> Affine:
    """Affine map that applies ``before``, then ``after``."""
    return np.hstack(
        [after[:, :2] @ before[:, :2], after[:, :2] @ before[:, 2:] + after[:, 2:]], dtype=float
    )


def about(
    point: tuple[float, float], angle: float, scale: float, shift: Sequence[float] | Vector
) -> Affine:
    """Affine map that turns (radians) and scales about ``point``, then shifts."""
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    x, y = point
    return np.array([[c, -s, x - c * x + s * y + shift[0]], [s, c, y - s * x - c * y + shift[1]]])


def inverse(affine: Affine) -> Affine:
    """Affine map that undoes another."""
    turned = np.linalg.inv(affine[:, :2])
    return np.hstack([turned, -turned @ affine[:, 2:]])


def moved(by: Affine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Map points, float32 of one shape."""
    (a, b, c), (d, e, f) = by.astype(np.float32)
    return a * x + b * y + c, d * x + e * y + f


def _turned(x: Floats, y: Floats, angle: float) -> tuple[Floats, Floats]:
    """Coordinates along and across a direction."""
    c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return c * x + s * y, c * y - s * x
