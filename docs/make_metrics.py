"""Write docs/metrics.md from the docstrings of the metrics: ``python docs/make_metrics.py``.

The docstrings are the definition; a test fails when the page is not what they say.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout that is not installed

from ssnbench.metrics import METRICS, PROTOCOLS, Metric, Protocol, boundary, overlap
from ssnbench.metrics.curve import AREAS

PAGE = Path(__file__).resolve().parent / "metrics.md"

INTRODUCTION = """\
# Metrics

Made from the docstrings in `ssnbench/metrics` by `python docs/make_metrics.py`; edit those.

N is the number of pixels, S_j are the K superpixels, G_i the segments of one annotator. A number is
worth nothing without its protocol: the same label map scores a boundary recall of 0.67 or 0.92
depending on whose script is used. Results therefore carry the key of their protocol, such as
`seal/1` or `seal(r=2)/1`.

A score is taken against one annotator at a time and averaged over annotators, unless a metric says
otherwise. Every score is a finite number: what happens without a boundary, without a pixel that
counts, or on an image of one colour is part of each definition."""

FOUND = {
    "window": "a boundary pixel is found when the other side has one in the square window",
    "truth-side": "as window, but precision is TP / (TP + FP) with the truth's TP",
    "one-to-one": "pairs of a maximum matching; any annotator's match makes a pixel right",
}


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, "## Protocols", *map(_protocol, PROTOCOLS.values())]
    parts += ["## What is ignored", _module(overlap), _module(boundary), "## Overview", _overview()]
    parts += ["## Each metric", *map(_metric, METRICS.values())]
    parts += ["## Over the number of superpixels made", *map(_area, AREAS)]
    return "\n\n".join(parts) + "\n"


def _protocol(protocol: Protocol) -> str:
    tolerance = f"{protocol.radius((321, 481)):.3g} px at 481 x 321"
    lines = (
        f"### `{protocol.name}`\n",
        f"{protocol.title[0].upper()}{protocol.title[1:]}.\n",
        f"- Boundary: {protocol.boundary}. Tolerance: {tolerance}; `{protocol.name}(r=2)` sets it.",
        f"- Counting: {FOUND[protocol.counting]}.",
        f"- `br` without a truth boundary, `bp` without a label boundary: {protocol.empty:g}.",
        f"- Scored by default: {', '.join(f'`{name}`' for name in protocol.metrics)}.",
        f"- To know: {protocol.quirks}",
        f"- Source: {protocol.source}.",
    )
    return "\n".join(lines)


def _overview() -> str:
    rows = ["| Name | Label | Better | Needs | Unit | Annotators |", "|---|---|---|---|---|---|"]
    for m in METRICS.values():
        cells = (f"[`{m.name}`](#{m.name})", m.label, m.better, m.needs, m.unit, m.join)
        rows.append(f"| {' | '.join(cell or '-' for cell in cells)} |")
    return "\n".join(rows)


def _metric(metric: Metric) -> str:
    better = f"{metric.better} is better" if metric.better else "describes"
    facts = f"*{metric.label}; {better}; {metric.unit or 'no unit'}; needs {metric.needs}.*"
    return f"### `{metric.name}`\n\n{facts}\n\n{_text(metric.function)}"


def _area(name: str) -> str:
    metric, function = AREAS[name]
    return f"### `{name}`\n\n*Of the curve of `{metric}`.*\n\n{_text(function)}"


def _module(module: Any) -> str:
    """Paragraphs of a module's docstring after its first line."""
    return (inspect.getdoc(module) or "").partition("\n")[2].strip()


def _text(function: Callable[..., float]) -> str:
    """Turn a numpydoc docstring into Markdown."""
    text = (inspect.getdoc(function) or "").replace("``", "`")
    text = text.replace("Notes\n-----\n", "**Notes.** ").replace(
        "References\n----------\n", "**References**\n\n"
    )
    return re.sub(r"^\.\. \[(\d+)\] ", r"\1. ", text, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
