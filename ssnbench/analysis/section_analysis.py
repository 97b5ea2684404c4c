"""All that is computed of one section, each thing once, when it is asked for.

Figures, tables and the page read a `SectionAnalysis`; what it is made of stands in the other
modules of this room, as functions of plain tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from ssnbench.analysis import (
    basis,
    equal_counts,
    inter_annotator,
    paired,
    ranks,
    robustness,
    summary,
    tradeoffs,
    winners,
)
from ssnbench.analysis.basis import Basis
from ssnbench.analysis.equal_counts import ImageCurve
from ssnbench.analysis.inter_annotator import Band
from ssnbench.analysis.ranks import Ranking
from ssnbench.analysis.same_images import on_same_images
from ssnbench.analysis.sections import Section, better
from ssnbench.analysis.winners import Winner
from ssnbench.contracts import Role
from ssnbench.metrics import with_role


@dataclass(frozen=True, eq=False)
class SectionAnalysis:
    """What the rows of one dataset, split and protocol say.

    Attributes
    ----------
    section : Section
        The rows that may be compared with one another.
    timings : DataFrame
        Rows of ``Store.timings()``, of all sections.
    annotators : DataFrame
        What `inter_annotator.read` returned, of all sections.
    perturbed : tuple of Section
        The same images, perturbed.
    undefined : mapping of str to str
        Metrics that have no meaning on the dataset, with the reasons.
    n_images : int
        Images that the split has, whether they were asked for or not; 0 where nobody noted it.
    mine : str
        The method that the user calls theirs: it is compared with the others, instead of the best.
    """

    section: Section
    timings: pd.DataFrame = field(default_factory=pd.DataFrame)
    annotators: pd.DataFrame = field(default_factory=pd.DataFrame)
    perturbed: tuple[Section, ...] = ()
    undefined: Mapping[str, str] = field(default_factory=dict)
    n_images: int = 0
    mine: str = ""

    # ------------------------------------------------------------------ at the counts asked for

    @cached_property
    def basis(self) -> Basis:
        """How much the numbers rest on."""
        return basis.basis(self.section, self.summary, self.n_images)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Means and intervals by method and count asked; see `summary.summarise`."""
        return summary.summarise(self.section)

    @cached_property
    def compared_at_asked(self) -> pd.DataFrame:
        """Methods that have the same images at a count asked for; see `same_images`."""
        return on_same_images(self.section.scored, self.section.metrics, ["n_asked"])

    @cached_property
    def areas(self) -> pd.DataFrame:
        """Mean heights of the curves; see `summary.areas`."""
        return summary.areas(self.summary)

    @cached_property
    def image_means(self) -> pd.DataFrame:
        """Mean over the annotators of an image, by (label, n_asked, image); a column per metric."""
        keys = ["label", "n_asked", "image"]
        return summary.image_means(self.section.scored, self.section.metrics, keys)

    @cached_property
    def bands(self) -> Mapping[str, Band]:
        """Inter-annotator agreement by metric; empty where the annotators were not scored."""
        return inter_annotator.bands(self.annotators, self.section)

    def curve(self, metric: str) -> pd.DataFrame:
        """Return the rows of `summary` of one metric, those that have a mean."""
        rows = self.summary
        return rows[(rows["metric"] == metric) & rows["image_mean"].notna()]

    def metric_pair(self, across: str, up: str) -> pd.DataFrame:
        """Return two metrics side by side; see `summary.metric_pair`."""
        return summary.metric_pair(self.summary, across, up)

    # ------------------------------------------------------------------ at equal counts made

    @cached_property
    def counts(self) -> list[int]:
        """Round counts made at which methods are compared; none where one count was asked for."""
        scored = self.section.scored
        enough = len(scored) and self.section.metrics
        return equal_counts.round_counts(scored["n_asked"]) if enough else []

    @cached_property
    def image_curves(self) -> list[ImageCurve]:
        """The curves of all images over the count made."""
        return equal_counts.image_curves(self.section)

    @cached_property
    def readings(self) -> pd.DataFrame:
        """Every metric at `counts` and more between them, for who points at a curve."""
        counts = equal_counts.denser(self.counts)
        return equal_counts.at_equal_counts(self.image_curves if counts else [], counts)

    @cached_property
    def at_equal_counts(self) -> pd.DataFrame:
        """Every metric at `counts`; see `equal_counts.at_equal_counts`."""
        rows = self.readings
        return rows[rows["n_made"].isin(self.counts)].reset_index(drop=True)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """Methods that have the same images over all counts; see `same_images`."""
        return on_same_images(self.section.scored, self.section.metrics)

    @cached_property
    def count(self) -> int | None:
        """The middle one of the counts that most methods reach: there methods are compared."""
        return equal_counts.fullest_count(self.at_equal_counts)

    @cached_property
    def scores_at_count(self) -> pd.DataFrame:
        """Means over images at `count`, methods x metrics."""
        rows = self.at_equal_counts
        here = rows[rows["n_made"] == self.count]
        return here.pivot(index="label", columns="metric", values="image_mean")

    @cached_property
    def image_scores_by_count(self) -> dict[int, pd.DataFrame]:
        """What each image scores, at each of `counts`; see `equal_counts.image_scores`."""
        metrics = self.section.metrics
        return {
            count: equal_counts.image_scores(self.image_curves, count, metrics)
            for count in self.counts
        }

    @cached_property
    def image_scores(self) -> pd.DataFrame | None:
        """What each image scores at `count`."""
        return None if self.count is None else self.image_scores_by_count[self.count]

    @cached_property
    def comparisons(self) -> dict[tuple[int, str], pd.DataFrame]:
        """The best method, or the user's, against every other, by count and metric.

        What marks tables, is told on cards and stands in the table of pairs; see `paired.compare`.
        """
        return {
            (count, metric): paired.compare(scores, metric, count, self.mine)
            for count, scores in self.image_scores_by_count.items()
            for metric in self.section.metrics
        }

    @cached_property
    def not_told_apart(self) -> dict[tuple[int, str], set[str]]:
        """Methods not told apart from the best, or the user's, by count and metric."""
        return {place: paired.level(compared) for place, compared in self.comparisons.items()}

    @cached_property
    def winners(self) -> list[Winner]:
        """The best methods of every headline metric at `count`, among those `compared`."""
        if self.count is None:
            return []
        here = {metric: rows for (n, metric), rows in self.comparisons.items() if n == self.count}
        return winners.winners(self.scores_at_count.where(self.compared), here)

    @cached_property
    def rankings(self) -> list[Ranking]:
        """Ranks of the methods over images at `count`, by every metric that they are ranked by."""
        if self.image_scores is None or self.count is None:
            return []
        ranked = (ranks.rank(self.image_scores, m, self.count) for m in self.metrics_for("ranked"))
        return [ranking for ranking in ranked if ranking is not None]

    @cached_property
    def pairs(self) -> dict[str, pd.DataFrame]:
        """Every two methods on the same images at `count`, by metric of `rankings`."""
        if self.image_scores is None:
            return {}
        return {
            r.metric: paired.every_pair(
                self.image_scores, r.metric, self.comparisons[r.count, r.metric]
            )
            for r in self.rankings
        }

    # ------------------------------------------------------------------ what quality costs

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """Time of every method near `count`, with its scores; see `tradeoffs.quality_and_time`."""
        if self.count is None or self.timings.empty:
            return pd.DataFrame(columns=["device", "threads", "label", "seconds"])
        times = tradeoffs.times_by_count(self.section, self.timings, self.summary)
        return tradeoffs.quality_and_time(self.scores_at_count, times, self.count)

    @cached_property
    def quality_over_time(self) -> dict[tuple[str, int, str], pd.DataFrame]:
        """Rows of `seconds` with ``on_front``, by device, threads and metric; none is empty."""
        fronts = {
            (str(device), int(threads), metric): tradeoffs.with_front(rows, metric)
            for (device, threads), rows in self.seconds.groupby(["device", "threads"])
            for metric in self.metrics_for("traded")
        }
        return {key: rows for key, rows in fronts.items() if len(rows)}

    @cached_property
    def quality_over_regularity(self) -> dict[str, pd.DataFrame]:
        """Score and compactness of every method at `count`, by metric; none is empty."""
        algorithms = self.section.rows.drop_duplicates("label").set_index("label")["algorithm"]
        by_metric = {
            metric: tradeoffs.regularity(self.scores_at_count, algorithms, metric)
            for metric in self.metrics_for("traded")
        }
        return {metric: rows for metric, rows in by_metric.items() if len(rows)}

    @cached_property
    def at_equal_regularity(self) -> pd.DataFrame:
        """Every method beside what tunable algorithms reach at its regularity."""
        parts = [
            tradeoffs.at_equal_regularity(rows, [metric])
            for metric, rows in self.quality_over_regularity.items()
        ]
        return pd.concat(parts) if parts else pd.DataFrame()

    @cached_property
    def robustness(self) -> pd.DataFrame:
        """Scores at `count` over the strength of every perturbation; see `robustness.followed`."""
        if self.count is None or not self.perturbed:
            return pd.DataFrame()
        return robustness.followed(self.at_equal_counts, self.perturbed, self.count)

    # ------------------------------------------------------------------ what a reader should know

    @cached_property
    def refused(self) -> list[str]:
        """Methods that are not ranked, since too few of their images reach `count`."""
        return sorted({label for ranking in self.rankings for label in ranking.refused})

    @cached_property
    def untimed(self) -> list[str]:
        """Methods without a time, where others have one."""
        timed = set(self.seconds["label"])
        return [label for label in self.section.labels if label not in timed] if timed else []

    def metrics_for(self, role: Role) -> list[str]:
        """Metrics of the section that have a role and a better end, in the order of METRICS."""
        return [name for name in with_role(role) if name in self.section.metrics and better(name)]
