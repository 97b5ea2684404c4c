"""Metrics of others: a single file and another distribution, from the command line to the page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench import plugins
from ssnbench.cli import main
from ssnbench.contracts import UsageError
from ssnbench.metrics import METRICS, prepare, protocol, score, with_metrics, with_role
from ssnbench.plugins import catalog

SOURCE = '''"""Share of the image that the largest superpixel covers."""
from ssnbench.metrics import Comparison, Metric


def largest(comparison: Comparison) -> float:
    """Share of the largest superpixel. In (0, 1]."""
    return comparison.segmentation.sizes.max() / comparison.segmentation.n_pixels


PLUGIN = Metric(
    "largest", "Share of the largest (LS)", "lower", "labels", largest, roles=("ranked",)
)
'''
RUN = [
    *("run", "--algos", "grid,slic,watershed", "--segments", "12,24,40", "--no-times"),
    *("--dataset", "collage(n_images=3,height=60,width=80)", "--jobs", "2", "--keep-labels"),
]


@pytest.fixture
def largest(tmp_path: Path) -> Path:
    path = tmp_path / "my_metric.py"
    path.write_text(SOURCE)
    return path


def largest_shares(folder: Path) -> pd.DataFrame:
    """Rows of the results that the metric of these tests has scored."""
    table = pd.read_csv(folder / "results.csv")
    return table[table["largest"].notna()]


def check_ranked_and_drawn(folder: Path) -> None:
    ranks = pd.concat(map(pd.read_csv, folder.glob("tables/*-ranks.csv")))
    assert set(ranks.loc[ranks["metric"] == "largest", "label"]) == {"grid", "slic", "watershed"}
    assert list(folder.glob("figures/*-largest.png"))
    page = "".join(path.read_text() for path in folder.glob("index_files/data/*.js"))
    assert "Share of the largest" in page


@pytest.mark.slow
def test_a_single_file_is_scored_by_workers_ranked_and_drawn(
    tmp_path: Path, largest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, more = str(tmp_path / "out"), ["--plugin", str(largest), "--metrics", "+largest"]
    assert main([*RUN, "--out", out]) == 0
    assert main([*RUN, "--out", out, *more]) == 0
    assert "27/27" in capsys.readouterr().out  # a finished run lacks these scores
    assert len(largest_shares(Path(out))) == 3 * 3 * 3 * 2
    check_ranked_and_drawn(Path(out))
    assert main([*RUN, "--out", out, *more]) == 0
    assert "27/27" not in capsys.readouterr().out


@pytest.mark.slow
def test_kept_label_maps_are_scored_again_and_shown_without_the_plug_in(
    tmp_path: Path, largest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, more = str(tmp_path / "out"), ["--plugin", str(largest), "--metrics", "largest"]
    assert main([*RUN, "--out", out]) == 0
    assert main(["evaluate", out, *more, "--jobs", "1"]) == 0
    rows = largest_shares(Path(out))
    assert len(rows) == 3 * 3 * 3 * 2
    assert rows["asa"].notna().all()  # what was known of the maps stays
    check_ranked_and_drawn(Path(out))
    monkeypatch.setattr(catalog, "_registered", {})
    assert main(["report", out]) == 0
    ranks = pd.concat(map(pd.read_csv, Path(out).glob("tables/*-ranks.csv")))
    assert "largest" not in set(ranks["metric"])  # nothing tells which end is better
    scores = pd.concat(map(pd.read_csv, Path(out).glob("tables/*-scores.csv")))
    assert "largest" in scores.to_csv()


@pytest.mark.slow
def test_another_distribution(tmp_path: Path) -> None:
    """Its module and its metadata lie on the path, as pip leaves them there."""
    site, out = tmp_path / "site", tmp_path / "out"
    info = site / "shares-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "shares.py").write_text(SOURCE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shares\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ssnbench.metrics]\nlargest = shares:PLUGIN\n")
    checkout = str(Path(plugins.__file__).parents[2])
    env = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{checkout}", "COLUMNS": "200"}

    def ssnbench(*arguments: str) -> str:
        command = [sys.executable, "-m", "ssnbench", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout

    (line,) = (line for line in ssnbench("list", "metrics").splitlines() if "largest" in line[:9])
    assert line.split()[-2:] == ["labels", "shares"]
    ssnbench(*RUN, "--metrics", "+largest", "--out", str(out))
    assert len(largest_shares(out)) == 3 * 3 * 3 * 2
    check_ranked_and_drawn(out)


def test_a_plug_in_joins_the_table(largest: Path) -> None:
    before = list(METRICS)
    plugins.add_file(largest)
    assert [*before, "largest"] == list(METRICS)
    assert METRICS["largest"].better == "lower"
    assert "largest" in with_role("ranked")


def test_what_is_scored_is_told_beside_the_protocols_name(largest: Path) -> None:
    plugins.add_file(largest)
    seal = protocol("seal")
    file = plugins.find("metrics", "largest").version
    assert with_metrics(seal, "") == with_metrics(seal, "+asa") == seal
    assert with_metrics(seal, "+largest,+icv").selection == f"+icv+largest@{file}"
    assert with_metrics(seal, "+icv").metrics == (*seal.metrics[:8], "icv", *seal.metrics[8:])
    assert with_metrics(seal, "br,asa").selection == "asa+br"
    assert with_metrics(seal, "br,asa").metrics == ("asa", "br")
    berkeley = with_metrics(protocol("berkeley(r=2)"), "br")
    assert (berkeley.label, berkeley.version) == ("berkeley(r=2)", 1)
    assert berkeley.selection == "br+truth_matched+truth_pixels"  # a dataset's needs the counts
    largest.write_text(SOURCE + "# edited\n")
    assert with_metrics(seal, "+largest").selection != f"+largest@{file}"


def all_metrics_with(path: Path) -> list[str]:
    plugins.add_file(path)
    return list(METRICS)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"largest", "Share', '"asa", "Share', "two metrics are called 'asa': built-in and"),
        ('"largest", "Share', '"label", "Share', "cannot be called 'label'"),
        ('"lower"', '"down"', "better should be one of"),
        ('"labels"', '"nothing"', "needs should be one of"),
        ('("ranked",)', '("best",)', "roles should be of"),
    ],
)
def test_a_row_that_cannot_be(largest: Path, old: str, new: str, says: str) -> None:
    largest.write_text(SOURCE.replace(old, new))
    with pytest.raises(UsageError, match=says):
        all_metrics_with(largest)


def test_one_that_fails_is_named(largest: Path) -> None:
    largest.write_text(SOURCE.replace("comparison.segmentation.sizes.max()", "1 // 0"))
    plugins.add_file(largest)
    with pytest.raises(RuntimeError, match="the metric largest failed: ZeroDivisionError"):
        score(np.zeros((2, 2), int), prepare([]), metrics=["largest"])


def test_unknown_metrics_are_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "--metrics", "+aza", "--out", str(tmp_path)]) == 2
    assert "no metric is called 'aza'; did you mean asa" in capsys.readouterr().err
