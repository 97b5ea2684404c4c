"""Label maps of thirteen methods on five real images, against the published tools' own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage.io import imread

from ssnbench.contracts import Image, Labels
from ssnbench.metrics import METRICS, prepare, score, summarise

pytestmark = pytest.mark.real

OURS = {
    "sp": "n_made",
    "components4": "n_components",
    "sp_size": "size_mean",
    "sp_size_variation": "size_std",
    "sp_size_min": "size_min",
    "sp_size_max": "size_max",
    "rec": "br",
    "pre": "bp",
    "reg": "reg_stutz",
    "br_r1": "br",
    "br_r2": "br",
}
ACCUMULATED = {"ev", "sse_rgb", "sse_xy"}
IMAGES = ("100007", "10081", "103006", "104055", "107045")


@pytest.fixture(scope="module")
def expected(oracle: Path) -> pd.DataFrame:
    return pd.read_csv(oracle / "metrics.csv.gz", dtype={"image": str, "truth": str})


def picture(oracle: Path, name: str) -> Image:
    image: Image = np.ascontiguousarray(imread(next((oracle / "images").glob(f"{name}.*"))))
    return image


def truths(oracle: Path, name: str) -> list[Labels]:
    with np.load(oracle / "truths.npz") as archive:
        keys = sorted((k for k in archive if k.startswith(f"{name}/")), key=lambda k: int(k[-1]))
        return [archive[key].astype(np.int32) for key in keys]


def all_scores(oracle: Path, name: str) -> dict[tuple[str, int, str, str], dict[str, float]]:
    """Score every map of an image: (method, count, annotator, protocol) -> scores."""
    annotators, image, found = truths(oracle, name), picture(oracle, name), {}
    references = [prepare(annotators, p) for p in ("seal", "seal(r=2)", "stutz")]
    with np.load(oracle / "labels.npz") as archive:
        for key in (k for k in archive if k.endswith(f"/{name}")):
            method, count, _ = key.split("/")
            for reference in references:
                rows = score(archive[key], reference, image, metrics=METRICS)
                place = method, int(count), reference.protocol.label
                for truth, row in enumerate(rows):
                    found[*place[:2], str(truth), place[2]] = row
                for how in ("mean", "min", "max"):
                    found[*place[:2], how, place[2]] = summarise(rows, how)
    return found


@pytest.mark.parametrize("name", IMAGES)
def test_every_number_of_the_oracle(oracle: Path, expected: pd.DataFrame, name: str) -> None:
    found = all_scores(oracle, name)
    rows = expected[expected.image == name]
    label = rows.protocol.replace("numpy64", "seal").where(rows.metric != "br_r2", "seal(r=2)")
    truth = rows.truth.replace("none", "0")
    metric = rows.metric.replace(OURS)
    keys = zip(rows.method, rows.n_asked, truth, label, strict=True)
    ours = np.array([found[key][m] for key, m in zip(keys, metric, strict=True)])
    apart = np.abs(ours - rows.value)
    single = rows.protocol == "stutz"
    limit = np.where(single, 3e-5 * rows.value.abs(), 1e-6 * np.maximum(rows.value.abs(), 1))
    limit = np.where(single & rows.metric.isin(ACCUMULATED), 3e-3 * rows.value.abs(), limit)
    limit = np.where(rows.metric == "mde", 0.08, limit)
    assert len(rows) > 3000
    wrong = rows.assign(ours=ours)[apart > limit]
    assert wrong.empty, wrong.head(20).to_string()


def test_a_matching_of_scipy_finds_as_many_pairs(oracle: Path) -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_bipartite_matching
    from scipy.spatial import KDTree

    from ssnbench.metrics.comparison import compare

    with np.load(oracle / "labels.npz") as archive:
        labels = archive["slic/600/10081"]
    for truth in truths(oracle, "10081"):
        comparison = compare(labels, truth, protocol="berkeley")
        mine = KDTree(np.argwhere(comparison.segmentation.boundary))
        theirs = KDTree(np.argwhere(comparison.truth.boundary))
        distance = comparison.protocol.radius(comparison.segmentation.shape)
        pairs = theirs.sparse_distance_matrix(mine, distance, output_type="ndarray")
        graph = coo_array((np.ones(len(pairs)), (pairs["i"], pairs["j"])), (theirs.n, mine.n))
        best = maximum_bipartite_matching(graph.tocsr(), perm_type="column")
        assert comparison.hits.truth == np.count_nonzero(best >= 0)
