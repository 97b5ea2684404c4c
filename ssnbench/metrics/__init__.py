"""Metrics: every published yard-stick, equal to its reference, from one pass over the label map.

``prepare`` the truths of an image once, ``score`` many label maps against them, ``summarise`` over
annotators. The METRICS table says what there is, PROTOCOLS under which definitions.
"""

from ssnbench.metrics.comparison import Comparison, compare
from ssnbench.metrics.protocols import PROTOCOLS, Protocol, protocol
from ssnbench.metrics.reference import Reference, prepare
from ssnbench.metrics.scoring import score, summarise, yardsticks
from ssnbench.metrics.table import METRICS, Metric, with_role

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "Comparison",
    "Metric",
    "Protocol",
    "Reference",
    "compare",
    "prepare",
    "protocol",
    "score",
    "summarise",
    "with_role",
    "yardsticks",
]
