"""What each figure of the paper shows, as data: methods, images, counts, protocol, drawing.

Jampani, Sun, Liu, Yang, Kautz: Superpixel Sampling Networks, ECCV 2018. The numbers are the
paper's where it prints them; its curves it only draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Drawing = Literal["curves", "stages", "details", "flows", "times"]
COUNT = "n_made"
"""Name of an axis that holds the number of superpixels made."""


@dataclass(frozen=True)
class Method:
    """A curve or a panel: the paper's name of a method, and ours as ``--algos`` takes it."""

    name: str
    algo: str


@dataclass(frozen=True)
class Scene:
    """Where images come from.

    Attributes
    ----------
    name : str
        The paper's name of the dataset.
    dataset, split : str
        Ours.
    builtin : str
        What stands in where the dataset is not there; it needs no data.
    image : str
        Key of the image that a picture shows; the first one where it is not there.
    """

    name: str
    dataset: str
    split: str
    builtin: str = "collage"
    image: str = ""


@dataclass(frozen=True)
class Panel:
    """One diagram: a metric over the count or over another metric, by one protocol."""

    x: str
    y: str
    protocol: str = "seal"


@dataclass(frozen=True)
class Printed:
    """A row of the paper's Table 1; ``algo`` is ours, empty where we have none."""

    name: str
    device: str
    milliseconds: float
    algo: str


@dataclass(frozen=True)
class Recipe:
    """How a figure or table is made.

    Attributes
    ----------
    name : str
        What the user types.
    title : str
        First sentence of the caption.
    drawing : str
        ``curves`` (the panels), ``stages`` (grid and superpixels), ``details`` (methods with an
        enlarged part), ``flows`` (flow by superpixels), ``times``.
    scenes : tuple of Scene
        Curves and times take the first; a picture has a line for each.
    methods : tuple of Method
        In the order of the figure.
    counts : tuple of int
        Superpixels asked for.
    panels : tuple of Panel
        Of ``curves``.
    absent : str
        What the paper shows and we do not have.
    claim : str
        What the paper says that the figure shows.
    """

    name: str
    title: str
    drawing: Drawing
    scenes: tuple[Scene, ...]
    methods: tuple[Method, ...]
    counts: tuple[int, ...]
    panels: tuple[Panel, ...] = ()
    absent: str = ""
    claim: str = ""

    @property
    def lacks(self) -> tuple[str, ...]:
        """Note on what the paper shows and we do not have."""
        return (f"no {self.absent}",) if self.absent else ()


_SLIC, _SNIC = Method("SLIC", "slic"), Method("SNIC", "snic")
_SEEDS, _LSC = Method("SEEDS", "seeds"), Method("LSC", "lsc")
_ERS, _ETPS = Method("ERS", "ers"), Method("ETPS", "etps")
_SCALP = Method("SCALP", "scalp")
_CLASSICAL = (_SLIC, _SNIC, _SEEDS, _LSC, _ERS, _ETPS, _SCALP)
_PIX = Method("SSN pix", "ssn(variant=pix)")
_LINEAR = Method("SSN linear", "ssn(variant=linear)")
_DEEP = Method("SSN deep", "ssn")
_DEEP_BSDS = Method("SSN deep, BSDS500", "ssn")

_BSDS = Scene("BSDS500", "bsds500", "test")
_CITYSCAPES = Scene(
    "Cityscapes", "cityscapes", "val", builtin="collage(height=512,n_images=4,width=1024)"
)
_VOC = Scene("PascalVOC 2012", "pascalvoc", "val")
_SINTEL = Scene("MPI Sintel", "sintel", "val")

_ASA, _BR = Panel(COUNT, "asa"), Panel(COUNT, "br")
_PRECISION = Panel("br", "bp", "berkeley")
_SPREAD = (100, 300, 600, 1000)
_DENSE = tuple(range(100, 1001, 100))

PRINTED = (
    Printed("SLIC", "CPU", 350, "slic"),
    Printed("SNIC", "CPU", 810, "snic"),
    Printed("SEEDS", "CPU", 160, "seeds"),
    Printed("LSC", "CPU", 1240, "lsc"),
    Printed("ERS", "CPU", 4600, "ers"),
    Printed("SEAL-ERS", "GPU-CPU", 4610, ""),
    Printed("GSLICR", "GPU", 10, "gslic"),
    Printed("SSN pix, v=10", "GPU", 58, "ssn(variant=pix)"),
    Printed("SSN deep, v=5, k=10", "GPU", 71, "ssn(n_iter=5,weights=ssn-k10.bsds500)"),
    Printed("SSN deep, v=10, k=10", "GPU", 90, "ssn(weights=ssn-k10.bsds500)"),
    Printed("SSN deep, v=5, k=20", "GPU", 80, "ssn(n_iter=5)"),
    Printed("SSN deep, v=10, k=20", "GPU", 101, "ssn"),
)
"""Table 1: 1000 superpixels, 512 x 1024 pixels; GPU is an NVIDIA Tesla V100."""

_ALL = (
    Recipe(
        "fig2",
        "From the initial grid to learned superpixels: of a pixel in the green cell, only the "
        "superpixels that start in the red box are considered",
        "stages",
        (Scene("BSDS500", "bsds500", "test", image="103029"),),
        (_PIX, _DEEP),
        (100,),
    ),
    Recipe(
        "fig4",
        "Ablation over the features (pix, linear, deep), their number k (20 unless told) and the "
        "iterations v (10 unless told)",
        "curves",
        (_BSDS,),
        (
            _PIX,
            _LINEAR,
            Method("deep, k=10, v=5", "ssn(n_iter=5,weights=ssn-k10.bsds500)"),
            Method("deep, k=10", "ssn(weights=ssn-k10.bsds500)"),
            Method("deep, v=5", "ssn(n_iter=5)"),
            _DEEP,
        ),
        _SPREAD,
        (_ASA, _BR),
        claim="linear above pix, deep far above both; more k and more v add a little",
    ),
    Recipe(
        "fig5",
        "Comparison with other methods on BSDS500",
        "curves",
        (_BSDS,),
        (*_CLASSICAL, _PIX, _LINEAR, _DEEP),
        _SPREAD,
        (_ASA, _PRECISION),
        claim="SSN deep first in ASA and in precision-recall; SSN pix is like SLIC",
    ),
    Recipe(
        "fig6",
        "Comparison with other methods on Cityscapes",
        "curves",
        (_CITYSCAPES,),
        (
            *_CLASSICAL,
            _PIX,
            Method("SSN deep", "ssn(weights=cityscapes)"),
            _DEEP_BSDS,
        ),
        _SPREAD,
        (_ASA, _PRECISION),
        absent="SEAL",
        claim="SSN deep on a par with SEAL in ASA, better in precision-recall",
    ),
    Recipe(
        "fig7",
        "Methods side by side, each with an enlarged detail and the number of superpixels made",
        "details",
        (
            Scene("BSDS500", "bsds500", "test", image="69000"),
            _CITYSCAPES,
            Scene("PascalVOC 2012", "pascalvoc", "val", image="2007_005547"),
        ),
        (_SLIC, _SNIC, _LSC, _ERS, _DEEP),
        (200,),
        absent="SEAL",
        claim="SSN deep follows outlines smoothly, and is denser near them",
    ),
    Recipe(
        "fig8a",
        "Accuracy on PascalVOC 2012",
        "curves",
        (_VOC,),
        (*_CLASSICAL, _PIX, Method("SSN deep", "ssn(weights=pascalvoc)"), _DEEP_BSDS),
        _DENSE,
        (_ASA,),
        claim="SSN deep first; trained on BSDS500 it is only a little below",
    ),
    Recipe(
        "fig8b",
        "End-point error of the mean flow of each superpixel on MPI Sintel",
        "curves",
        (_SINTEL,),
        (*_CLASSICAL, _PIX, Method("SSN deep, flow", "ssn(weights=collage-flow)"), _DEEP_BSDS),
        _DENSE,
        (Panel(COUNT, "epe"),),
        absent="SSN trained on Sintel (ours learnt flow on built-in collages)",
        claim="SSN deep has the lowest error",
    ),
    Recipe(
        "fig9",
        "Flow told by the mean of each superpixel, beside the truth",
        "flows",
        (Scene("MPI Sintel", "sintel", "val", image="temple_3_0022"),),
        (
            *(_SLIC, _SNIC, _SEEDS, _PIX, _DEEP_BSDS),
            Method("SSN deep, flow", "ssn(weights=collage-flow)"),
        ),
        (300,),
        absent="SSN trained on Sintel (ours learnt flow on built-in collages)",
        claim="the superpixels of SSN deep are aligned best with changes of the flow",
    ),
    Recipe(
        "table1",
        "Run times for 1000 superpixels of an image of 512 x 1024 pixels",
        "times",
        (
            Scene(
                "Cityscapes", "cityscapes", "val", "collage(height=512,n_images=1,width=1024)"
            ),
        ),
        tuple(Method(row.name, row.algo) for row in PRINTED if row.algo),
        (1000,),
        absent="SEAL-ERS",
        claim="SSN is faster than most methods, and much of its time is the clustering",
    ),
)  # fmt: skip

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}

_TEN = ("SSN deep", "SLIC", "SSN pix", "LSC", "SEEDS", "SNIC", "ERS", "ETPS", "SCALP", "SSN linear")

STYLE_NUMBERS: dict[str, int] = {name: place for place, name in enumerate(_TEN)} | {
    "SSN deep, BSDS500": 10,
    "SSN deep, flow": 20,
    "deep, k=10": 11,
    "deep, v=5": 13,
    "deep, k=10, v=5": 14,
}
"""Number of each method's colour, marker and dashes, the same in all figures.

The last digit is the colour; the later ones share none with a method of the same figure, but for
networks trained on other data, which share that of SSN deep."""
