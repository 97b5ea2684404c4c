"""Metrics: every published protocol, equal to its reference, from one pass over the label map.

``prepare`` the truths of an image once, ``score`` many label maps against them, ``summarise`` over
annotators. The METRICS table says what there is, PROTOCOLS under which definitions.
"""

from ssnbench.contracts import Metric, Pool
from ssnbench.metrics.comparison import Comparison, compare
from ssnbench.metrics.protocols import PROTOCOLS, Protocol, protocol
from ssnbench.metrics.reference import Reference, prepare
from ssnbench.metrics.registry import (
    METRICS,
    covers,
    find_metric,
    metric_files,
    with_metrics,
    with_role,
)
from ssnbench.metrics.scoring import pooled, score, summarise, under_all_protocols

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "Comparison",
    "Metric",
    "Pool",
    "Protocol",
    "Reference",
    "compare",
    "covers",
    "find_metric",
    "metric_files",
    "pooled",
    "prepare",
    "protocol",
    "score",
    "summarise",
    "under_all_protocols",
    "with_metrics",
    "with_role",
]
