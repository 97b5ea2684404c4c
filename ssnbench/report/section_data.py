"""What the page's own charts and lists are drawn from: curves, and the scores of every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssnbench.analysis.equal_counts import fullest_count
from ssnbench.analysis.inter_annotator import Band
from ssnbench.analysis.sections import Section, better, long_name, short_name
from ssnbench.plots.styles import look

_DIGITS = 5  # of a score; the page prints four


def section_data(
    section: Section,
    summary: pd.DataFrame,
    level: pd.DataFrame | None,
    annotators: Mapping[str, Band],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Return the curves of a section with all that is needed to draw and name them.

    Parameters
    ----------
    section : Section
    summary, level : DataFrame
        What `stats.summarise` and `equal.at_equal_counts` made of it.
    annotators : mapping of str to Band
        How well the annotators agree, by metric.
    labels : sequence of str
        All methods of the report, so that one looks the same everywhere.

    Returns
    -------
    dict
        ``curves`` holds by metric and method the points (count made, mean, low, high), in rising
        order of the count; the rest names things.
    """
    return {
        "slug": section.slug,
        "title": section.title,
        "data": " ".join(part for part in (section.dataset, section.split) if part),
        "protocol": section.yardstick,
        "scores": f"scores/{section.slug}",
        "count": fullest_count(level) if level is not None else None,
        "metrics": [_metric(name) for name in section.metrics],
        "methods": [_method(label, labels) for label in section.labels],
        "curves": {name: _curves(summary, name) for name in section.metrics},
        "annotators": {name: vars(band) for name, band in annotators.items()},
    }


def _metric(name: str) -> dict[str, str]:
    return {
        "name": name,
        "short": short_name(name),
        "long": long_name(name),
        "better": better(name),
    }


def _method(label: str, labels: Sequence[str]) -> dict[str, Any]:
    """Name and look of a method; dashes in points, none for a full line."""
    style = look(label, labels)
    dashes = style["linestyle"]
    return {
        "label": label,
        "colour": style["color"],
        "dash": [2 * part for part in dashes[1]] if isinstance(dashes, tuple) else [],
    }


def _curves(summary: pd.DataFrame, metric: str) -> dict[str, list[list[float]]]:
    points = summary[(summary["metric"] == metric) & summary["pair_mean"].notna()]
    columns = ["n_made", "pair_mean", "low", "high"]
    return {
        str(label): rows.sort_values("n_made")[columns].round(_DIGITS).to_numpy().tolist()
        for label, rows in points.groupby("label")
    }


def scores_data(section: Section) -> dict[str, Any]:
    """Return the score of every image: the mean over its annotators.

    Returns
    -------
    dict
        ``labels``, ``asked``, ``images`` (the axes); ``metrics``: by name, the scores in that
        order of axes; only metrics that have a better end.
    """
    names = [name for name in section.metrics if better(name)]
    labels, rows = section.labels, section.rows
    asked = sorted(int(n) for n in rows["n_asked"].unique())
    images = sorted(str(image) for image in rows["image"].unique())
    means = section.scored.groupby(["label", "n_asked", "image"])[names].mean()
    full = means.reindex(pd.MultiIndex.from_product([labels, asked, images])).round(_DIGITS)
    shape = (len(labels), len(asked), len(images))
    return {
        "labels": labels,
        "asked": asked,
        "images": images,
        "metrics": {name: np.reshape(full[name].to_numpy(), shape) for name in names},
    }
