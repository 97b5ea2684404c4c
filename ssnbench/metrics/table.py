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
Role = Literal["summary", "headline", "ranked", "traded", "followed", "protocol-dependent"]
"""Where a metric is used beyond its column and curve: in the summary on the terminal; on a card
that names its best methods; in ranks and pairs; set against time and regularity; followed over
perturbations; shown side by side under several protocols, which define it differently."""


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
    needs : {"labels", "image", "truth", "flow"}
        What it takes beside the label map.
    function : Comparison -> float
        The public function; its docstring is the definition.
    unit : str
        Unit; empty for shares and counts.
    join : {"mean", "sum", "max"}
        How the values of several annotators become the image's.
    roles : set of str
        Where it is used beyond its column and curve, see `Role`.
    """

    name: str
    label: str
    better: Better
    needs: Needs
    function: Callable[[Comparison], float]
    unit: str = ""
    join: Join = "mean"
    roles: frozenset[Role] = frozenset()


_ALL = (
    Metric("n_made", "Superpixels", "", "labels", shape.n_made),
    Metric("n_components", "Connected components", "", "labels", shape.n_components),
    Metric(
        "asa",
        "Achievable segmentation accuracy (ASA)",
        "higher",
        "truth",
        overlap.asa,
        roles=frozenset({"summary", "headline", "ranked", "traded", "followed"}),
    ),
    Metric(
        "br",
        "Boundary recall (BR)",
        "higher",
        "truth",
        boundary.br,
        roles=frozenset(
            {"summary", "headline", "ranked", "traded", "followed", "protocol-dependent"}
        ),
    ),
    Metric(
        "bp",
        "Boundary precision (BP)",
        "higher",
        "truth",
        boundary.bp,
        roles=frozenset({"summary", "headline", "protocol-dependent"}),
    ),
    Metric(
        "f",
        "Boundary F-measure (F)",
        "higher",
        "truth",
        boundary.f,
        roles=frozenset({"headline", "ranked", "protocol-dependent"}),
    ),
    Metric(
        "truth_matched", "Truth pixels matched", "", "truth", boundary.truth_matched, "px", "sum"
    ),
    Metric(
        "truth_pixels", "Truth boundary pixels", "", "truth", boundary.truth_pixels, "px", "sum"
    ),
    Metric(
        "labels_matched", "Label pixels matched", "", "truth", boundary.labels_matched, "px", "max"
    ),
    Metric(
        "labels_pixels", "Label boundary pixels", "", "truth", boundary.labels_pixels, "px", "max"
    ),
    Metric(
        "ue",
        "Undersegmentation error (UE)",
        "lower",
        "truth",
        overlap.ue,
        roles=frozenset({"headline"}),
    ),
    Metric(
        "ue_np",
        "Undersegmentation error of Neubert and Protzel (UE-NP)",
        "lower",
        "truth",
        overlap.ue_np,
    ),
    Metric(
        "ue_levin",
        "Undersegmentation error of Levinshtein et al. (UE-L)",
        "lower",
        "truth",
        overlap.ue_levin,
    ),
    Metric("oe", "Oversegmentation error (OE)", "lower", "truth", overlap.oe),
    Metric("mde", "Mean distance to edge (MDE)", "lower", "truth", boundary.mde, "px"),
    Metric(
        "ev",
        "Explained variation (EV)",
        "higher",
        "image",
        colour.ev,
        roles=frozenset({"summary", "headline", "ranked", "followed"}),
    ),
    Metric("icv", "Intra-cluster variation (ICV)", "lower", "image", colour.icv, "grey levels"),
    Metric("sse_rgb", "Squared colour error", "lower", "image", colour.sse_rgb, "grey levels²"),
    Metric("sse_xy", "Squared distance to the centre", "lower", "labels", shape.sse_xy, "px²"),
    Metric(
        "co",
        "Compactness (CO)",
        "higher",
        "labels",
        shape.co,
        roles=frozenset({"summary", "headline"}),
    ),
    Metric("cd", "Contour density (CD)", "lower", "labels", boundary.cd),
    Metric("reg", "Regularity (REG)", "higher", "labels", shape.reg),
    Metric("reg_stutz", "Regularity as the tool prints it", "higher", "labels", shape.reg_stutz),
    Metric("gr", "Global regularity (GR)", "higher", "labels", regularity.gr),
    Metric("size_mean", "Mean size", "", "labels", shape.size_mean, "px"),
    Metric("size_std", "Deviation of sizes", "lower", "labels", shape.size_std, "px"),
    Metric("size_min", "Smallest superpixel", "", "labels", shape.size_min, "px"),
    Metric("size_max", "Largest superpixel", "", "labels", shape.size_max, "px"),
    Metric(
        "epe",
        "End-point error (EPE)",
        "lower",
        "flow",
        flow.epe,
        "px",
        roles=frozenset({"summary", "headline", "ranked"}),
    ),
    Metric(
        "epe_near",
        "EPE near motion boundaries",
        "lower",
        "flow",
        flow.epe_near,
        "px",
        roles=frozenset({"headline"}),
    ),
    Metric("epe_affine", "EPE of affine motions", "lower", "flow", flow.epe_affine, "px"),
    Metric("epe_1", "Flow outliers above 1 px", "lower", "flow", flow.epe_1),
    Metric("epe_3", "Flow outliers above 3 px", "lower", "flow", flow.epe_3),
    Metric("epe_5", "Flow outliers above 5 px", "lower", "flow", flow.epe_5),
)


METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def with_role(role: Role) -> list[str]:
    """Names of the metrics that have a role, in the order of METRICS."""
    return [name for name, metric in METRICS.items() if role in metric.roles]
