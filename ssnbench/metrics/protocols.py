"""Protocols: which boundary, which tolerance, which counting. A number carries its protocol."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import hypot
from typing import Literal

from ssnbench.contracts import UsageError
from ssnbench.kernels.boundaries import Boundary
from ssnbench.plugins import unknown

Counting = Literal["window", "truth-side", "one-to-one"]


@dataclass(frozen=True)
class Protocol:
    """One published way to score a label map.

    Attributes
    ----------
    name : str
        What the user types.
    version : int
        Raised whenever a change of the code moves a score.
    title : str
        One line for tables and captions.
    source : str
        Where it was published.
    quirks : str
        What to know before comparing with numbers from elsewhere.
    metrics : tuple of str
        Names in ``METRICS`` that are scored unless others are asked for.
    boundary : {"thin", "thick"}
        Thin: a pixel that differs from its right or its lower neighbour. Thick: from any of its
        four neighbours.
    counting : {"window", "truth-side", "one-to-one"}
        How boundary pixels are paired: each side looks into a square window around its own pixels;
        or hits are counted on the truth's side only, for precision too; or by a maximum one-to-one
        matching within a Euclidean distance.
    tolerance : function of the diagonal (pixels)
        Radius of the window, or the largest distance, in pixels.
    empty : float
        Value of recall where the truth has no boundary pixel, and of precision where the label map
        has none.
    r : float or None
        Tolerance in pixels that the user set; None: the protocol's own.
    selection : str
        What is scored instead of the protocol's own metrics, as
        :func:`ssnbench.metrics.with_metrics` writes it; empty: those.
    """

    name: str
    version: int
    title: str
    source: str
    quirks: str
    metrics: tuple[str, ...]
    boundary: Boundary
    counting: Counting
    tolerance: Callable[[float], float]
    empty: float
    r: float | None = None
    selection: str = ""

    @property
    def label(self) -> str:
        """What the user types to get exactly this protocol: ``seal`` or ``seal(r=2)``."""
        return self.name if self.r is None else f"{self.name}(r={self.r:g})"

    @property
    def key(self) -> str:
        """Name, parameters and version, as results are stored under: ``seal(r=2)/1``."""
        return f"{self.label}/{self.version}"

    def radius(self, shape: tuple[int, int]) -> float:
        """Tolerance in pixels for an image of this height and width."""
        return self.tolerance(hypot(*shape)) if self.r is None else self.r

    def with_tolerance(self, r: float) -> Protocol:
        """Return the same protocol with a tolerance of ``r`` pixels.

        Raises
        ------
        UsageError
            When ``r`` is negative, or no whole number although the protocol looks into a window.
        """
        windowed = self.counting != "one-to-one"
        if not 0 <= r < float("inf") or (windowed and r != int(r)):
            kind = "a whole number of pixels" if windowed else "pixels"
            raise UsageError(f"{self.name}: the tolerance r should be {kind}, 0 or more, got {r:g}")
        return replace(self, r=None if _is_constant(self, r) else float(r))


def protocol(text: str) -> Protocol:
    """Look up a protocol by what the user typed: ``seal``, ``stutz``, ``seal(r=2)``.

    Raises
    ------
    UsageError
        When there is none of this name (the nearest are offered) or its parameter is no tolerance.
    """
    match = re.fullmatch(r"\s*([\w.-]+)\s*(?:\(\s*(.*?)\s*\))?\s*", text)
    name, parameters = match.groups() if match else (text, None)
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS, hint="ssnbench list protocols")
    if not parameters:
        return PROTOCOLS[name]
    tolerance = re.fullmatch(r"r\s*=\s*(\d+(?:\.\d*)?)", parameters)
    if tolerance is None:
        raise UsageError(f"{text!r}: the only parameter is r, in pixels, as in {name}(r=2)")
    return PROTOCOLS[name].with_tolerance(float(tolerance[1]))


def _is_constant(chosen: Protocol, r: float) -> bool:
    """Whether ``r`` is the protocol's own tolerance for every image."""
    return all(chosen.tolerance(diagonal) == r for diagonal in (0.0, 1e3, 1e6))


def _one_pixel(diagonal: float) -> float:
    del diagonal
    return 1.0


def _stutz_window(diagonal: float) -> float:
    return float(int(0.0025 * diagonal + 0.5))


def _berkeley_distance(diagonal: float) -> float:
    return 0.0075 * diagonal


_FLOW = ("epe", "epe_near", "epe_affine", "epe_1", "epe_3", "epe_5")

_ALL = (
    Protocol(
        name="seal",
        version=1,
        title="ASA and BR of the SSN paper (SEAL's scripts), thin boundaries, window of radius 1",
        source="Tu et al., Learning Superpixels with Segmentation-Aware Affinity Loss, CVPR 2018; "
        "Jampani et al., Superpixel Sampling Networks, ECCV 2018",
        quirks="The scripts have ASA and BR only; precision is the textbook's here. The radius is "
        "1 on BSDS500 and PASCAL VOC, 3 on Cityscapes at half resolution; 2 is also seen.",
        metrics=("n_made", "asa", "br", "bp", "f", "ue", "ue_np", "ev", "co", "cd", *_FLOW),
        boundary="thin",
        counting="window",
        tolerance=_one_pixel,
        empty=1.0,
    ),
    Protocol(
        name="stutz",
        version=1,
        title="the benchmark of Stutz et al., thick boundaries, window of 0.0025 of the diagonal",
        source="Stutz, Hermans, Leibe, Superpixels: An Evaluation of the State-of-the-Art, "
        "CVIU 166, 2018",
        quirks="The tool splits every label map into its 4-connected components first, and its "
        "command line reads five annotators at most; here a map is scored as it comes, against "
        "all of them. It sums up in single precision: ev and sse_rgb differ by up to 3e-3.",
        metrics=(
            *("n_made", "asa", "br", "bp", "f", "ue", "ue_np", "ue_levin", "oe", "mde"),
            *("ev", "icv", "sse_rgb", "sse_xy", "co", "cd", "reg", "reg_stutz"),
            *("size_mean", "size_std", "size_min", "size_max"),
        ),
        boundary="thick",
        counting="truth-side",
        tolerance=_stutz_window,
        empty=0.0,
    ),
    Protocol(
        name="berkeley",
        version=1,
        title="one-to-one matching of thin boundaries within 0.0075 of the diagonal",
        source="Martin, Fowlkes, Malik, Learning to Detect Natural Image Boundaries Using Local "
        "Brightness, Color, and Texture Cues, PAMI 26(5), 2004; "
        "Arbelaez et al., PAMI 33(5), 2011",
        quirks="Over annotators, recall is summed, and a label pixel is right when any of them "
        "matches it. Truth boundaries are drawn from the segments. The number of pairs is the "
        "largest possible; distances are not minimised, which changes no count.",
        metrics=(
            *("n_made", "asa", "br", "bp", "f"),
            *("truth_matched", "truth_pixels", "labels_matched", "labels_pixels"),
        ),
        boundary="thin",
        counting="one-to-one",
        tolerance=_berkeley_distance,
        empty=0.0,
    ),
)

PROTOCOLS: dict[str, Protocol] = {p.name: p for p in _ALL}
