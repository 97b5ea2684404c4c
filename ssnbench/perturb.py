"""Perturbed images: how much a method's superpixels depend on what should not matter.

A perturbation changes the picture that a method sees; its label map is brought back to the frame
of the original (flips and shifts are undone) and is judged there, by the original's truths and
colours. So the size of the image, the truths and the meaning of every score stay what they were.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from ssnbench.contracts import Image, Labels, UsageError

_WORD = re.compile(r"\s*([\w-]+)\s*(?:\(([^()]*)\))?\s*(?:,|$)")


@dataclass(frozen=True)
class Kind:
    """A way to perturb an image.

    Attributes
    ----------
    what : str
        What its strength measures, as an axis says it; nothing for a kind without strength.
    change : callable (image, strength, generator) -> image
        Pure: the same arguments give the same picture.
    neutral : float
        Strength at which the image stays as it is (JPEG: nearly so), where curves begin.
    strengths : tuple of float
        Those that are taken where the user names none.
    low, high : float
        Range of the strength, both ends included.
    undo : callable (labels, strength) -> labels, optional
        Brings a label map back to the original's frame, where the perturbation moves pixels.
    """

    what: str
    change: Callable[[Image, float, Generator], Image]
    neutral: float = 0
    strengths: tuple[float, ...] = ()
    low: float = 0
    high: float = 0
    undo: Callable[[Labels, float], Labels] = lambda labels, _: labels


@dataclass(frozen=True)
class Perturbation:
    """A kind of perturbation and its strength; None for a kind that has no strength."""

    kind: str
    strength: float | None = None

    @property
    def label(self) -> str:
        """The perturbation as the user would write it."""
        return self.kind if self.strength is None else f"{self.kind}({self.strength:g})"

    def __call__(self, image: Image, key: str) -> Image:
        """Perturb an image.

        Parameters
        ----------
        image : uint8 (H, W, 3)
        key : str
            Name of the image. What is random is drawn for it and the kind, not for the strength:
            along a curve the same noise grows.

        Returns
        -------
        uint8 (H', W', 3)
            A new array, as large as the image but for shifts, whose canvas is larger.
        """
        seed = hashlib.sha256(f"{self.kind}/{key}".encode()).digest()
        generator = default_rng(int.from_bytes(seed[:8], "big"))
        return np.ascontiguousarray(KINDS[self.kind].change(image, self.strength or 0, generator))

    def undo(self, labels: Labels) -> Labels:
        """Bring a label map of the perturbed image back to the frame of the original."""
        return np.ascontiguousarray(KINDS[self.kind].undo(labels, self.strength or 0))


def parse(text: str) -> tuple[Perturbation, ...]:
    """Read perturbations such as ``noise,jpeg(30),shift``, each once, in the order given.

    A kind without a strength stands for all its usual ones.

    Raises
    ------
    UsageError
        For an unknown kind, or a strength that is no number or out of range.
    """
    perturbations = list(_read(text))
    if not perturbations:
        raise UsageError(f"--perturb names no perturbation; there are {', '.join(KINDS)}")
    return tuple(dict.fromkeys(perturbations))


def _read(text: str) -> Iterator[Perturbation]:
    place = 0
    while text[place:].strip():
        match = _WORD.match(text, place)
        if match is None:
            raise UsageError(f"cannot read --perturb {text!r}; write kind or kind(strength), ...")
        place = match.end()
        yield from _named(*match.groups())


def _named(name: str, strength: str | None) -> Iterator[Perturbation]:
    kind = KINDS.get(name)
    if kind is None:
        raise UsageError(f"no perturbation {name!r}; there are {', '.join(KINDS)}")
    if strength is None:
        yield from (Perturbation(name, each) for each in kind.strengths or (None,))
        return
    try:
        value = float(strength)
    except ValueError:
        value = float("nan")
    if not kind.strengths:
        raise UsageError(f"{name} takes no strength, got {strength!r}")
    if not kind.low <= value <= kind.high:
        raise UsageError(
            f"{name} takes {kind.what}, {kind.low:g} to {kind.high:g}, got {strength!r}"
        )
    yield Perturbation(name, value)


def _noise(image: Image, sigma: float, generator: Generator) -> Image:
    noisy = image + 255 * sigma * generator.standard_normal(image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _blur(image: Image, sigma: float, _: Generator) -> Image:
    return image.copy() if sigma == 0 else np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))


def _jpeg(image: Image, quality: float, _: Generator) -> Image:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, round(quality)])[1]
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _gamma(image: Image, exponent: float, _: Generator) -> Image:
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return np.asarray(table[image])


def _scale(image: Image, factor: float, _: Generator) -> Image:
    """Make the image smaller and as large as it was: detail is lost, pixels stay in place."""
    height, width = image.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _shift(image: Image, pixels: float, _: Generator) -> Image:
    """Move the image down and right; the canvas grows by a mirrored margin, so nothing is lost."""
    margin = round(pixels)
    return np.pad(image, ((margin, 0), (margin, 0), (0, 0)), mode="symmetric")


def _unshift(labels: Labels, pixels: float) -> Labels:
    return labels[round(pixels) :, round(pixels) :]


KINDS: dict[str, Kind] = {
    "noise": Kind(
        "Gaussian noise (deviation / 255)",
        _noise, 0, (0.02, 0.05, 0.1, 0.2), 0, 1,
    ),
    "blur": Kind("Gaussian blur (deviation in pixels)", _blur, 0, (1, 2, 4), 0, 50),
    "jpeg": Kind("JPEG quality", _jpeg, 100, (75, 50, 25, 10), 1, 100),
    "gamma": Kind("gamma (exponent of the intensity)", _gamma, 1, (0.5, 0.75, 1.5, 2), 0.1, 10),
    "scale": Kind("scale (reduced, and enlarged again)", _scale, 1, (0.75, 0.5, 0.25), 0.01, 1),
    "shift": Kind("shift (pixels)", _shift, 0, (1, 2, 4, 8), 0, 100, _unshift),
    "fliplr": Kind("", lambda image, *_: image[:, ::-1], undo=lambda labels, _: labels[:, ::-1]),
    "flipud": Kind("", lambda image, *_: image[::-1], undo=lambda labels, _: labels[::-1]),
}  # fmt: skip
"""All kinds by name, in the order in which reports show them."""
