"""The annotators, scored against one another, as a band in the curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench.analysis import inter_annotator, sections
from ssnbench.cli import main
from ssnbench.contracts import Labels, Sample
from ssnbench.metrics import prepare, score
from ssnbench.results.inter_annotator import FILE
from ssnbench.results.store import Store
from ssnbench.run.annotators import _of_image

IMAGE = np.zeros((4, 6, 3), np.uint8)


def halves(column: int) -> Labels:
    return np.ascontiguousarray(np.broadcast_to(np.arange(6) >= column, (4, 6)), np.int32)


def test_every_ordered_pair_is_scored_and_nobody_against_himself() -> None:
    truths = (halves(2), halves(3), np.zeros((4, 6), np.int32))
    rows = list(_of_image(Sample("a", IMAGE, truths), [("seal", 1)], ["br"]))
    pairs = {(row["annotator"], row["truth"]) for row in rows}
    assert pairs == {(a, b) for a in range(3) for b in range(3) if a != b}
    (row,) = (row for row in rows if (row["annotator"], row["truth"]) == (1, 0))
    assert row["asa"] == score(halves(3), prepare([halves(2)], "seal"))[0]["asa"] == 20 / 24
    assert "br" not in row
    assert "co" not in row  # needs no truth
    assert [row["n_made"] for row in rows] == [2, 2, 2, 2, 1, 1]


def test_one_annotator_has_nobody_to_agree_with() -> None:
    assert not list(_of_image(Sample("a", IMAGE, (halves(2),)), [("seal", 1)], []))


def test_the_band_by_hand() -> None:
    place = {"dataset": "d", "split": "s", "protocol": "seal", "protocol_version": 1}
    rows = [
        ("1", 0, 1, 0.8), ("1", 0, 2, 0.6), ("1", 1, 0, 0.9), ("1", 1, 2, 0.9), ("2", 0, 1, 0.4),
        ("other", 0, 1, 0.0),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["image", "annotator", "truth", "asa"]).assign(**place)
    records = pd.DataFrame({"image": ["1", "2"], "label": "m", "asa": 0.5})
    section = sections.Section("d", "s", "seal", "d", records, ("asa", "br"))
    found = inter_annotator.bands(table, section)
    assert set(found) == {"asa"}
    band = found["asa"]
    assert (band.low, band.high) == pytest.approx(((0.7 + 0.4) / 2, (0.9 + 0.4) / 2))
    assert band.mean == pytest.approx(((0.8 + 0.6 + 0.9 + 0.9) / 4 + 0.4) / 2)
    assert band.n_images == 2
    assert inter_annotator.bands(table.assign(protocol="stutz/1"), section) == {}


def test_the_command_draws_the_band(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path)]
    data = ["--dataset", "collage(n_images=1)", "--segments", "20,40", "--no-times"]
    assert main(["run", "--algos", "grid", *data, "--jobs", "1", *out]) == 0
    assert "Annotators scored" not in (tmp_path / "index.html").read_text()
    assert main(["annotators", str(tmp_path)]) == 0
    assert (
        "Annotators scored against one another on 1 image," in (tmp_path / "index.html").read_text()
    )
    with Store(tmp_path, create=False) as store:
        n_truths = store.records()["truth"].nunique()
    assert len(pd.read_csv(tmp_path / FILE)) == n_truths * (n_truths - 1)


def test_a_folder_without_results_is_wrong_use(tmp_path: Path) -> None:
    assert main(["annotators", str(tmp_path)]) == 2
