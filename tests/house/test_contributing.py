"""CONTRIBUTING tells the truth: its example runs, its files are there, its counts hold."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from ssnbench.cli import main
from ssnbench.contracts import ATTRIBUTES
from ssnbench.plots.figures import FIGURES
from ssnbench.run.engines import ENGINES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    sorted(set(re.findall(r"`((?:ssnbench|docs|tests|algorithms|datasets)/[\w/.]+)`", TEXT))),
)
def test_what_it_names_is_there(path: str) -> None:
    examples = {"algorithms/NAME.py", "datasets/NAME.py"}
    assert path in examples or (ROOT / path).exists()


def test_what_it_says_plug_ins_may_have_is_in_the_contract() -> None:
    declared = {each.name for rows in ATTRIBUTES.values() for each in rows}
    assert {"files", "device", "BIBTEX", "TRAINABLE", "files_of"} <= declared


def test_its_metric_is_scored_and_ranked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    plugin = tmp_path / "largest.py"
    plugin.write_text(source)
    data = ("--dataset", "collage(height=60,width=80,n_images=3)", "--jobs", "1", "--no-times")
    command = ["run", "--algos", "grid,slic", "--segments", "12,24,40", *data]
    command += ["--plugin", str(plugin), "--metrics", "+largest", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    capsys.readouterr()
    assert pd.read_csv(tmp_path / "out" / "results.csv")["largest"].between(0, 1).all()
    (ranks,) = (tmp_path / "out" / "tables").glob("*-ranks.csv")
    assert "largest" in set(pd.read_csv(ranks)["metric"])


def test_engines_and_figures_are_rows_of_one_table_each() -> None:
    """Nowhere else in the package is one named: a row is all that another needs."""
    package = [
        (path.relative_to(ROOT / "ssnbench").as_posix(), path.read_text(encoding="utf-8"))
        for path in (ROOT / "ssnbench").rglob("*.py")
    ]
    for name in ("dask", "ray"):
        assert name in ENGINES
        users = {path for path, text in package if f'"{name}"' in text}
        assert users == {"run/engines.py"}
    for figure in FIGURES.values():
        users = {path for path, text in package if re.search(rf"\b{figure.__name__}\b", text)}
        own = figure.__module__.removeprefix("ssnbench.").replace(".", "/") + ".py"
        beside = {path for path in users if path.startswith(("report/", "cli/", "analysis/"))}
        assert own in users
        assert beside == set(), f"{figure.__name__} is named in {beside}"
