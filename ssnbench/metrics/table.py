"""The built-in metrics, one row each: the table drives columns, axes, ranking and docs."""

from __future__ import annotations

from ssnbench.contracts import Metric, Pool, Role
from ssnbench.metrics import boundary, colour, flow, overlap, regularity, shape

_ASA = "Achievable segmentation accuracy (ASA)"
_UE_NP = "Undersegmentation error of Neubert and Protzel (UE-NP)"
_UE_L = "Undersegmentation error of Levinshtein et al. (UE-L)"

_CARD: tuple[Role, ...] = ("headline",)
_SHOWN: tuple[Role, ...] = ("summary", "headline")
_RANKED: tuple[Role, ...] = (*_SHOWN, "ranked")
_OF_EV: tuple[Role, ...] = (*_RANKED, "followed")
_OF_ASA: tuple[Role, ...] = (*_RANKED, "followed", "traded")
_OF_BR: tuple[Role, ...] = (*_OF_ASA, "protocol-dependent")
_OF_BP: tuple[Role, ...] = (*_SHOWN, "protocol-dependent")
_OF_F: tuple[Role, ...] = ("headline", "ranked", "protocol-dependent")

_ON_TRUTH, _ON_LABELS = ("truth_matched", "truth_pixels"), ("labels_matched", "labels_pixels")
MATCHED = (*_ON_TRUTH, *_ON_LABELS)
"""Counts that there are only where boundary pixels are matched one to one."""

_BR = Pool(_ON_TRUTH, boundary.share)
_BP = Pool(_ON_LABELS, boundary.share)
_F = Pool(MATCHED, boundary.f_of_counts)

BUILT_IN: tuple[Metric, ...] = (
    Metric("n_made", "Superpixels", "", "labels", shape.n_made),
    Metric("n_components", "Connected components", "", "labels", shape.n_components),
    Metric("asa", _ASA, "higher", "truth", overlap.asa, roles=_OF_ASA),
    Metric("br", "Boundary recall (BR)", "higher", "truth", boundary.br, roles=_OF_BR, pool=_BR),
    Metric("bp", "Boundary precision (BP)", "higher", "truth", boundary.bp, roles=_OF_BP, pool=_BP),
    Metric("f", "Boundary F-measure (F)", "higher", "truth", boundary.f, roles=_OF_F, pool=_F),
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
    Metric("ue", "Undersegmentation error (UE)", "lower", "truth", overlap.ue, roles=_CARD),
    Metric("ue_np", _UE_NP, "lower", "truth", overlap.ue_np),
    Metric("ue_levin", _UE_L, "lower", "truth", overlap.ue_levin),
    Metric("oe", "Oversegmentation error (OE)", "lower", "truth", overlap.oe),
    Metric("mde", "Mean distance to edge (MDE)", "lower", "truth", boundary.mde, "px"),
    Metric("ev", "Explained variation (EV)", "higher", "image", colour.ev, roles=_OF_EV),
    Metric("icv", "Intra-cluster variation (ICV)", "lower", "image", colour.icv, "grey levels"),
    Metric("sse_rgb", "Squared colour error", "lower", "image", colour.sse_rgb, "grey levels²"),
    Metric("sse_xy", "Squared distance to the centre", "lower", "labels", shape.sse_xy, "px²"),
    Metric("co", "Compactness (CO)", "higher", "labels", shape.co, roles=_SHOWN),
    Metric("cd", "Contour density (CD)", "lower", "labels", boundary.cd),
    Metric("reg", "Regularity (REG)", "higher", "labels", shape.reg),
    Metric("reg_stutz", "Regularity as the tool prints it", "higher", "labels", shape.reg_stutz),
    Metric("gr", "Global regularity (GR)", "higher", "labels", regularity.gr),
    Metric("size_mean", "Mean size", "", "labels", shape.size_mean, "px"),
    Metric("size_std", "Deviation of sizes", "lower", "labels", shape.size_std, "px"),
    Metric("size_min", "Smallest superpixel", "", "labels", shape.size_min, "px"),
    Metric("size_max", "Largest superpixel", "", "labels", shape.size_max, "px"),
    Metric("epe", "End-point error (EPE)", "lower", "flow", flow.epe, "px", roles=_RANKED),
    Metric(
        "epe_near", "EPE near motion boundaries", "lower", "flow", flow.epe_near, "px", roles=_CARD
    ),
    Metric("epe_affine", "EPE of affine motions", "lower", "flow", flow.epe_affine, "px"),
    Metric("epe_1", "Flow outliers above 1 px", "lower", "flow", flow.epe_1),
    Metric("epe_3", "Flow outliers above 3 px", "lower", "flow", flow.epe_3),
    Metric("epe_5", "Flow outliers above 5 px", "lower", "flow", flow.epe_5),
)
