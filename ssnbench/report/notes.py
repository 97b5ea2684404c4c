"""Notes: what a reader of a section's numbers should know."""

from __future__ import annotations

from collections.abc import Iterator

from ssnbench.analysis.equal_counts import COVERAGE
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import not_defined, short_name


def notes(analysis: SectionAnalysis) -> list[str]:
    """What is missing, from whose mean, what is not compared, and how well annotators agree."""
    return [
        *not_defined(analysis.section, analysis.undefined),
        *_on_scores(analysis),
        *_on_comparisons(analysis),
        *_on_annotators(analysis),
    ]


def _on_scores(analysis: SectionAnalysis) -> Iterator[str]:
    basis, metrics = analysis.basis, analysis.section.metrics
    if not metrics and basis.n_scored:
        yield "No scores: jobs of this section ended well, but none gave a finite score."
    elif not metrics:
        yield "No scores: no job of this section ended well."
    if basis.n_images < basis.n_dataset:
        yield f"All of this is of {basis.n_images} of the dataset's {basis.n_dataset} images."
    if not basis.n_truths and metrics:
        yield "No segmentation truths: only metrics that need none are given."
    if not analysis.counts and metrics:
        yield "No comparison at equal counts: it takes at least two counts far enough apart."
    if basis.incomplete:
        incomplete = ", ".join(f"{label} ({n})" for label, n in basis.incomplete.items())
        yield (
            f"Some means rest on fewer than the {basis.n_images} images, at one count at least: "
            f"{incomplete}. See the column “Images” and the failures below."
        )
    yield from (f"{label}: {reason}." for label, reason in basis.warnings)
    if basis.n_images == 1:
        yield "One image only: no intervals, and no claim about others."


def _on_comparisons(analysis: SectionAnalysis) -> Iterator[str]:
    count = analysis.count
    if count is not None and not analysis.rankings:
        yield f"No ranks: at {count} superpixels made there are no two methods to compare."
    if analysis.refused:
        yield (
            f"Not compared at {count} superpixels made, which fewer than {COVERAGE:.0%} of the "
            f"images reach (nothing is extrapolated): {', '.join(analysis.refused)}."
        )
    if analysis.untimed:
        yield (
            "Not in the figures over time, not timed here, or only under load: "
            f"{', '.join(analysis.untimed)}."
        )


def _on_annotators(analysis: SectionAnalysis) -> Iterator[str]:
    """What the band in the curves is; nothing where there is none."""
    bands = analysis.bands
    if not bands:
        return
    n_images = max(band.n_images for band in bands.values())
    agreement = ", ".join(
        f"{short_name(name)} {band.mean:.4f} ({band.low:.4f} to {band.high:.4f})"
        for name, band in bands.items()
    )
    yield (
        f"Annotators scored against one another on {n_images} "
        f"image{'' if n_images == 1 else 's'}, the grey band: {agreement}; in brackets the means "
        "of each image's lowest and highest annotator."
    )
