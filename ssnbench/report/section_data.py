"""What the page's own charts and lists are drawn from: curves, and the scores of every image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import better, long_name, short_name
from ssnbench.plots.styles import MethodStyle, Styles

_DIGITS = 5  # of a score; the page prints four


def section_data(analysis: SectionAnalysis, styles: Styles) -> dict[str, Any]:
    """Return the curves of a section with all that is needed to draw and name them.

    Returns
    -------
    dict
        ``curves`` holds by metric and method the points (count made, mean, low, high, count asked
        for), in rising order of the count; ``readings`` what the legend reads, the numbers of the
        table of equal counts and more between them; the rest names things.
    """
    section = analysis.section
    return {
        "slug": section.slug,
        "title": section.title,
        "data": " ".join(part for part in (section.dataset, section.split) if part),
        "protocol": section.protocol,
        "scores": f"scores/{section.slug}",
        "count": analysis.count,
        "metrics": [_metric(name) for name in section.metrics],
        "methods": [_method(label, styles[label]) for label in section.labels],
        "curves": {name: _curves(analysis.curve(name)) for name in section.metrics},
        "readings": _readings(analysis.readings),
        "annotators": {name: vars(band) for name, band in analysis.bands.items()},
    }


def _metric(name: str) -> dict[str, str]:
    return {
        "name": name,
        "short": short_name(name),
        "long": long_name(name),
        "better": better(name),
    }


def _method(label: str, style: MethodStyle) -> dict[str, Any]:
    """Name and look of a method; dashes in points, none for a full line."""
    dashes = style.dashes
    return {
        "label": label,
        "colour": style.colour,
        "dash": [2 * part for part in dashes[1]] if isinstance(dashes, tuple) else [],
    }


def _readings(rows: pd.DataFrame) -> dict[str, Any]:
    """Counts, and by metric and method the means there; missing where too few images reach one."""
    values: dict[str, dict[str, list[float]]] = {}
    for (metric, label), means in rows.groupby(["metric", "label"])["image_mean"]:
        values.setdefault(str(metric), {})[str(label)] = means.round(_DIGITS).to_list()
    return {"counts": sorted(rows["n_made"].unique().tolist()), "values": values}


def _curves(points: pd.DataFrame) -> dict[str, list[list[float]]]:
    columns = ["n_made", "image_mean", "low", "high", "n_asked"]
    return {
        str(label): rows.sort_values("n_made")[columns].round(_DIGITS).to_numpy().tolist()
        for label, rows in points.groupby("label")
    }


def scores_data(analysis: SectionAnalysis) -> dict[str, Any]:
    """Return the score of every image: the mean over its annotators.

    Returns
    -------
    dict
        ``labels``, ``asked``, ``images`` (the axes); ``metrics``: by name, the scores in that
        order of axes; only metrics that have a better end.
    """
    section = analysis.section
    names = [name for name in section.metrics if better(name)]
    labels, asked = section.labels, list(analysis.basis.asked)
    images = sorted(str(image) for image in section.rows["image"].unique())
    cells = pd.MultiIndex.from_product([labels, asked, images])
    full = analysis.image_means[names].reindex(cells).round(_DIGITS)
    shape = (len(labels), len(asked), len(images))
    return {
        "labels": labels,
        "asked": asked,
        "images": images,
        "metrics": {name: np.reshape(full[name].to_numpy(), shape) for name in names},
    }
