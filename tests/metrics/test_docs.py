"""The page of metrics is what the docstrings say, and these say what they must."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import pytest

from ssnbench.metrics import METRICS, PROTOCOLS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_metrics", DOCS / "make_metrics.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    stored = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert stored == maker.page(), "run: python docs/make_metrics.py"


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_documented(name: str) -> None:
    metric = METRICS[name]
    doc = inspect.getdoc(metric.function) or ""
    assert metric.function.__name__ == name
    assert metric.label
    if metric.better:  # a score has a range and a source; what describes needs neither
        assert re.search(r"[Ii]n [\[(]\d|0 or\s+more", doc), doc
        assert "References" in doc or name == "size_std"


def test_protocols_score_known_metrics() -> None:
    for protocol in PROTOCOLS.values():
        assert set(protocol.metrics) <= METRICS.keys()
        assert protocol.source
