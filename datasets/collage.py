"""Collage: pictures composed in memory, with exact truths; needs no data.

Every picture is a scene of curved shapes, cut out of photographs and textures that scikit-image
carries in its wheel, laid over each other with soft borders, shading and shadows, and degraded
as a camera would. The first annotator draws the objects, the second their parts, too. In a second
frame every shape has moved by an affine motion of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import skimage

from ssnbench.contracts import Image, Sample, UsageError
from ssnbench.io.images import read_image
from ssnbench.synthesis.annotate import annotate
from ssnbench.synthesis.drawing import Layer, Paint, Part, Shadow, draw, motion
from ssnbench.synthesis.regions import (
    Blob,
    Everywhere,
    Floats,
    Region,
    Side,
    about,
)

_PHOTOS = (
    "astronaut.png",
    "brick.png",
    "chelsea.png",
    "coffee.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
_SPLITS = ("train", "val", "test")
_SMALLEST = 5e-4  # an annotator draws nothing smaller than this share of the picture
_NOISE = 3.0  # standard deviation, 8-bit levels
_JPEG_QUALITY = 75


@dataclass(frozen=True)
class Collage:
    """Composed pictures: any number, any size, the same for the same parameters.

    Parameters
    ----------
    root : Path or None
        Not used: the pictures are made, not read.
    split : {"train", "val", "test"}
        The splits show different scenes, from different thirds of the photographs.
    n_images : int
        How many pictures there are, 1 or more.
    height, width : int
        Size in pixels, 1 or more.
    seed : int
        0 or more; another seed gives other pictures.
    """

    root: Path | None = None
    split: str = "test"
    n_images: int = 10
    height: int = 321
    width: int = 481
    seed: int = 0

    SPLITS: ClassVar[tuple[str, ...]] = _SPLITS
    LICENCE: ClassVar[str] = "that of scikit-image's sample images (public domain or CC0 mostly)"
    CITATION: ClassVar[str] = "made by ssnbench from the sample images of scikit-image"
    SIZE: ClassVar[str] = "as many images as asked for, made in memory"

    def __post_init__(self) -> None:
        if self.split not in self.SPLITS:
            raise UsageError(f"collage has no split {self.split!r}: {', '.join(self.SPLITS)}")
        for name in ("n_images", "height", "width"):
            if getattr(self, name) < 1:
                raise UsageError(f"collage.{name} should be 1 or more, got {getattr(self, name)}")
        if self.seed < 0:
            raise UsageError(f"collage.seed should be 0 or more, got {self.seed}")

    def keys(self) -> list[str]:
        """List the pictures, sorted; none is made."""
        return sorted(f"collage-{number:04}" for number in range(self.n_images))

    def __getitem__(self, key: str) -> Sample:
        """Make one picture with its truths, its second frame and the flow between them."""
        if key not in self.keys():
            raise UsageError(f"collage has no picture {key!r}: {self.keys()[0]} and so on")
        number = int(key.rpartition("-")[2])
        random = np.random.default_rng((self.seed, _SPLITS.index(self.split), number))
        layers = list(_Composer(random, self.split).layers())
        first, second = (draw(layers, self.height, self.width, second=s) for s in (False, True))
        flow, valid = motion(layers, first.layer)
        return Sample(
            key,
            _photographed(first.picture, random),
            annotate(first, _SMALLEST * self.height * self.width),
            flow,
            valid,
            _photographed(second.picture, random),
        )


class _Composer:
    """Draws the lots of one scene."""

    def __init__(self, random: np.random.Generator, split: str) -> None:
        self.random = random
        self.photos = _photos(split)

    def layers(self) -> Iterator[Layer]:
        """The scene from back to front: sky, grounds, objects from large to small."""
        drift = self.random.normal(0, 0.008, 2)
        sky = self._paint(self._colour())
        yield Layer(Everywhere(), sky, self._bands(sky), about((0, 0), 0.0, 1.0, drift))
        below = sky.colour
        for level in np.sort(self.random.uniform(-0.3, 0.5, self.random.integers(1, 3))):
            paint = self._paint(self._colour(near=below))
            ground = self._side((0.0, float(level)), self.random.normal(0, 0.15))
            step = about((0, 0), 0.0, 1.0, drift + self.random.normal(0, 0.004, 2))
            yield Layer(ground, paint, self._bands(paint), step, self._shading())
            below = paint.colour
        sizes = np.exp(self.random.normal(-2.1, 0.55, self.random.integers(4, 10)))
        for size in np.sort(sizes)[::-1]:
            yield self._object(float(np.clip(size, 0.04, 0.35)), below)

    def _object(self, size: float, below: Floats) -> Layer:
        centre = (self.random.uniform(-0.6, 0.6), self.random.uniform(-0.4, 0.4))
        near = below if self.random.random() < 0.6 else None
        paint = self._paint(self._colour(near))
        return Layer(
            self._blob(centre, size),
            paint,
            tuple(self._parts(centre, size, paint.colour)),
            about(
                centre,
                self.random.normal(0, 0.05),
                1 + self.random.normal(0, 0.03),
                self.random.normal(0, 0.02, 2),
            ),
            self._shading(),
            blur=self.random.uniform(0.6, 2.0),
            shadow=self._shadow(size) if self.random.random() < 0.4 else None,
        )

    def _parts(self, centre: tuple[float, float], size: float, colour: Floats) -> Iterator[Part]:
        for _ in range(self.random.integers(0, 4)):
            spot = (centre[0] + self._off(size), centre[1] + self._off(size))
            region: Region = self._side(spot, self.random.uniform(0, math.tau))
            if self.random.random() < 0.6:
                region = self._blob(spot, size * self.random.uniform(0.3, 0.6))
            yield Part(region, self._paint(self._colour(near=colour, spread=18)))

    def _bands(self, paint: Paint) -> tuple[Part, ...]:
        """Perhaps a second tone of a surface that runs through the whole picture."""
        if self.random.random() < 0.5:
            return ()
        spot = (self.random.uniform(-0.4, 0.4), self.random.uniform(-0.3, 0.5))
        band = self._side(spot, self.random.normal(0, 0.4))
        return (Part(band, self._paint(self._colour(near=paint.colour, spread=12))),)

    def _blob(self, centre: tuple[float, float], size: float) -> Blob:
        angle = np.linspace(-math.pi, math.pi, 512, endpoint=False)
        wave = np.ones_like(angle)
        for k in range(2, 9):
            a, b = self.random.normal(0, 0.28 / k**1.3, 2)
            wave += a * np.cos(k * angle) + b * np.sin(k * angle)
        stretch = math.exp(self.random.normal(0, 0.35))
        return Blob(
            centre,
            (size * stretch, size / stretch),
            self.random.uniform(0, math.tau),
            self.random.normal(0, 0.3),
            np.clip(wave, 0.25, 2.5).astype(np.float32),
        )

    def _side(self, point: tuple[float, float], angle: float) -> Side:
        waves = [
            (self.random.normal(0, 0.05 / k), 4.0 * k, self.random.uniform(0, math.tau))
            for k in range(1, 6)
        ]
        return Side(point, angle, tuple(waves))

    def _paint(self, colour: Floats) -> Paint:
        photo, mean = self.photos[self.random.integers(len(self.photos))]
        height, width = photo.shape[:2]
        zoom = self.random.uniform(250, 600)  # pixels of the photograph to the unit
        middle = (self.random.uniform(0, width), self.random.uniform(0, height))
        placing = about((0, 0), self.random.uniform(0, math.tau), zoom, middle)
        return Paint(photo, mean, placing, colour, self.random.uniform(0.4, 1.0))

    def _colour(self, near: Floats | None = None, spread: float = 14.0) -> Floats:
        """A colour of its own, mostly muted, or one that is close to another."""
        if near is not None:
            mean = near + self.random.normal(0, spread) + self.random.normal(0, spread / 2, 3)
        else:
            mean = self.random.uniform(40, 210) + self.random.normal(0, 28, 3)
        return np.clip(mean, 20, 235).astype(np.float32)

    def _shading(self) -> tuple[float, float]:
        x, y = self.random.normal(0, 0.25, 2)
        return float(x), float(y)

    def _shadow(self, size: float) -> Shadow:
        x, y = self.random.uniform(0.1, 0.35, 2) * size
        return Shadow((float(x), float(y)), 0.15 * size, self.random.uniform(0.2, 0.45))

    def _off(self, size: float) -> float:
        return float(self.random.normal(0, 0.4) * size)


@cache
def _photos(split: str) -> tuple[tuple[Image, Floats], ...]:
    """The split's third of every photograph, with its mean colour."""
    folder = Path(skimage.__file__).parent / "data"
    third = _SPLITS.index(split)
    found = []
    for name in _PHOTOS:
        photo = np.array_split(read_image(folder / name), 3, axis=1)[third]
        found.append((np.ascontiguousarray(photo), photo.mean((0, 1), dtype=np.float32)))
    return tuple(found)


def _photographed(picture: Floats, random: np.random.Generator) -> Image:
    """Add the noise of a sensor and the loss of a mild JPEG."""
    noise = random.standard_normal(picture.shape, np.float32) * np.float32(_NOISE)
    exact = np.clip(picture + noise, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", exact[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


PLUGIN = Collage
