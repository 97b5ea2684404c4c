"""The METRICS table: it drives columns, axes, ranking and the reference page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ssnbench.metrics import boundary, colour, flow, overlap, regularity, shape
from ssnbench.metrics.comparison import Comparison

Better = Literal["higher", "lower", ""]
Join = Literal["mean", "sum", "max"]
Needs = Literal["labels", "image", "truth", "flow"]


@dataclass(frozen=True)
class Metric:
    """One score of a label map.

    Attributes
    ----------
    name : str
        Column of the results.
    label : str
        Axis label.
    better : {"higher", "lower", ""}
        Direction; empty for what only describes.
    join : {"mean", "sum", "max"}
        How the values of several annotators become the image's.
    needs : {"labels", "image", "truth", "flow"}
        What it takes beside the label map.
    unit : str
        Unit; empty for shares and counts.
    function : Comparison -> float
        The public function; its docstring is the definition.
    """

    name: str
    label: str
    better: Better
    join: Join
    needs: Needs
    unit: str
    function: Callable[[Comparison], float]


_ALL = (
    Metric("n_segments", "Superpixels", "", "mean", "labels", "", shape.n_segments),
    Metric("n_components", "Connected components", "", "mean", "labels", "", shape.n_components),
    Metric(
        *("asa", "Achievable segmentation accuracy (ASA)", "higher", "mean", "truth", ""),
        overlap.asa,
    ),
    Metric("br", "Boundary recall (BR)", "higher", "mean", "truth", "", boundary.br),
    Metric("bp", "Boundary precision (BP)", "higher", "mean", "truth", "", boundary.bp),
    Metric("f", "Boundary F-measure (F)", "higher", "mean", "truth", "", boundary.f),
    Metric(
        *("truth_matched", "Truth boundary pixels matched", "", "sum", "truth", "pixels"),
        boundary.truth_matched,
    ),
    Metric(
        *("truth_pixels", "Truth boundary pixels", "", "sum", "truth", "pixels"),
        boundary.truth_pixels,
    ),
    Metric(
        *("labels_matched", "Label boundary pixels matched", "", "max", "truth", "pixels"),
        boundary.labels_matched,
    ),
    Metric(
        *("labels_pixels", "Label boundary pixels", "", "max", "truth", "pixels"),
        boundary.labels_pixels,
    ),
    Metric("ue", "Undersegmentation error (UE)", "lower", "mean", "truth", "", overlap.ue),
    Metric(
        *("ue_np", "Undersegmentation error, Neubert and Protzel", "lower", "mean", "truth", ""),
        overlap.ue_np,
    ),
    Metric(
        *("ue_levin", "Undersegmentation error, Levinshtein", "lower", "mean", "truth", ""),
        overlap.ue_levin,
    ),
    Metric("oe", "Oversegmentation error (OE)", "lower", "mean", "truth", "", overlap.oe),
    Metric(
        *("mde", "Mean distance to edge (MDE)", "lower", "mean", "truth", "pixels"),
        boundary.mde,
    ),
    Metric("ev", "Explained variation (EV)", "higher", "mean", "image", "", colour.ev),
    Metric(
        *("icv", "Intra-cluster variation (ICV)", "lower", "mean", "image", "grey levels"),
        colour.icv,
    ),
    Metric(
        *("sse_rgb", "Squared colour error", "lower", "mean", "image", "squared grey levels"),
        colour.sse_rgb,
    ),
    Metric(
        *("sse_xy", "Squared distance to the centre", "lower", "mean", "labels", "squared pixels"),
        shape.sse_xy,
    ),
    Metric("co", "Compactness (CO)", "higher", "mean", "labels", "", shape.co),
    Metric("cd", "Contour density (CD)", "lower", "mean", "labels", "", boundary.cd),
    Metric("reg", "Regularity (REG)", "higher", "mean", "labels", "", shape.reg),
    Metric(
        *("reg_stutz", "Regularity as the tool prints it", "higher", "mean", "labels", ""),
        shape.reg_stutz,
    ),
    Metric("gr", "Global regularity (GR)", "higher", "mean", "labels", "", regularity.gr),
    Metric("size_mean", "Mean size", "", "mean", "labels", "pixels", shape.size_mean),
    Metric("size_std", "Deviation of sizes", "lower", "mean", "labels", "pixels", shape.size_std),
    Metric("size_min", "Smallest superpixel", "", "mean", "labels", "pixels", shape.size_min),
    Metric("size_max", "Largest superpixel", "", "mean", "labels", "pixels", shape.size_max),
    Metric("epe", "End-point error (EPE)", "lower", "mean", "flow", "pixels", flow.epe),
    Metric("epe_1", "Flow outliers above 1 px", "lower", "mean", "flow", "", flow.epe_1),
    Metric("epe_3", "Flow outliers above 3 px", "lower", "mean", "flow", "", flow.epe_3),
    Metric("epe_5", "Flow outliers above 5 px", "lower", "mean", "flow", "", flow.epe_5),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
