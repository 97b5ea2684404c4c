"""Commands as users type them: results are of what was asked for, whatever came before."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench import report
from ssnbench.analysis import sections
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.cli import main
from ssnbench.io.images import write_image
from ssnbench.io.label_maps import write_labels
from ssnbench.results.store import Store

STRIPES = '''"""Stripes, for the tests."""
from dataclasses import dataclass
import numpy as np
from parts import AXIS

@dataclass(frozen=True)
class Stripes:
    def __call__(self, image, n_segments):
        return np.indices(image.shape[:2])[AXIS] * n_segments // image.shape[AXIS]

PLUGIN = Stripes
'''
SIZE = (24, 32)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder whose name holds what once marked perturbed images: two pictures, a truth each."""
    folder = tmp_path / "~photos"
    (folder / "labels").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        write_image(folder / f"{name}.png", random.integers(0, 255, (*SIZE, 3), dtype=np.uint8))
        write_truth(folder, name, 0)
    return folder


def write_truth(folder: Path, name: str, axis: int) -> None:
    write_labels(folder / "labels" / f"{name}.png", halves(axis))


def halves(axis: int, step: int = 12) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.ascontiguousarray(np.indices(SIZE)[axis] // step, dtype=np.int32)


def scores(folder: Path) -> pd.DataFrame:
    with Store(folder, create=False) as store:
        return store.records()


def run(photos: Path, out: Path, *more: str) -> int:
    command = ["run", "--dataset", f"folder(path={photos})", "--segments", "6", "--jobs", "1"]
    return main([*command, "--no-times", "--out", str(out), *more])


def test_corrected_and_added_truths_are_scored(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(photos, out, "--algos", "grid") == 0
    before = scores(out).set_index("image")["asa"]
    write_truth(photos, "a", 1)
    (photos / "labels" / "2").mkdir()
    write_labels(photos / "labels" / "2" / "b.npy", halves(1))
    assert run(photos, out, "--algos", "grid") == 0
    after = scores(out)
    assert after["image"].tolist() == ["a", "b", "b"]
    assert after["asa"][0] != before["a"]
    assert after["asa"][1] == before["b"]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no report: that takes seconds."""
    monkeypatch.setattr(report, "draw", lambda folder, **_: folder / "index.html")


@pytest.mark.usefixtures("undrawn")
def test_truths_and_images_that_go_change_size_or_only_their_times(
    photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(photos, out, "--algos", "grid") == 0
    for path in photos.rglob("*.png"):
        os.utime(path, (1, 1))
    assert run(photos, out, "--algos", "grid") == 0
    with Store(out, create=False) as store:
        assert len(store.runs()) == 1  # nothing was computed
    larger = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    write_image(photos / "b.png", larger)
    (photos / "labels" / "b.png").unlink()
    assert run(photos, out, "--algos", "grid") == 0
    assert scores(out)["truth"].tolist() == [0, -1]
    assert "1 of 2 images have no truth (b.png)" in capfd.readouterr().err
    (photos / "b.png").unlink()
    assert run(photos, out, "--algos", "grid") == 0
    assert scores(out)["image"].tolist() == ["a"]
    assert "has no longer b: 1 images do not count" in capfd.readouterr().err
    write_image(photos / "b.png", larger)
    assert run(photos, out, "--algos", "grid") == 0
    assert scores(out)["image"].tolist() == ["a", "b"]
    with Store(out, create=False) as store:
        assert len(store.runs()) == 2  # what came back was known


PARTED = """
from dataclasses import dataclass
import numpy as np
from ssnbench.contracts import Sample

@dataclass(frozen=True)
class Parted:
    root: object = None
    split: str = "test"
    SPLITS = ("test", "val")

    def keys(self):
        return [self.split]

    def __getitem__(self, key):
        image = np.full((12, 16, 3), 9, np.uint8)
        return Sample(key, image, (np.indices((12, 16))[AXIS].astype(np.int32) // 6,))

PLUGIN = Parted
"""


BOTH_SPLITS = """
import sys
from ssnbench import report
from ssnbench.cli import main
report.draw = lambda folder, **_: folder / "index.html"  # that takes seconds
sys.exit(max(main([*sys.argv[1:], "--split", split]) for split in ("test", "val")))
"""


def test_a_dataset_that_is_edited_and_two_splits_in_one_folder(tmp_path: Path) -> None:
    plugin, out = tmp_path / "parted.py", tmp_path / "out"
    command = [sys.executable, "-c", BOTH_SPLITS, "run", "--algos", "grid", "--dataset", "parted"]
    command += ["--plugin", str(plugin), "--segments", "2", "--jobs", "1", "--no-times"]
    found = []
    for axis in (0, 1, 0):
        plugin.write_text(PARTED.replace("AXIS", str(axis)))
        subprocess.run([*command, "--out", str(out)], check=True)
        table = scores(out)
        assert table["split"].tolist() == ["test", "val"]
        found.append(table["asa"].tolist())
    assert found[0] == found[2] != found[1]
    with Store(out, create=False) as store:
        assert len(store.runs()) == 4
        assert store.n_images() == {("parted", "test"): 1, ("parted", "val"): 1}


COUNTED = """
from dataclasses import dataclass
from pathlib import Path
import warnings
import numpy as np

@dataclass(frozen=True)
class Counted:
    def __call__(self, image, n_segments):
        with Path(__file__).with_name("calls").open("a") as file:
            file.write("x")
        warnings.warn("as good as it gets", stacklevel=1)
        labels = np.indices(image.shape[:2])[1] * n_segments // image.shape[1]
        labels[0, 0] = n_segments
        return labels

PLUGIN = Counted
"""
SHARE = """
import numpy as np
from ssnbench.contracts import Metric

def largest(comparison):
    labels = comparison.segmentation.labels
    return np.bincount(labels.ravel()).max() / labels.size

PLUGIN = Metric("largest", "Largest share (LS)", "lower", "labels", largest)
"""


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("more", "column"), [(["--metrics", "+largest"], "largest"), (["--protocol", "stutz"], "reg")]
)
def test_other_scores_of_kept_maps_segment_nothing(
    photos: Path, tmp_path: Path, more: list[str], column: str
) -> None:
    for name, code in (("counted", COUNTED), ("largest", SHARE)):
        (tmp_path / f"{name}.py").write_text(code)
    given = ["--algos", "counted", "--keep-labels", "--plugin", str(tmp_path / "counted.py")]
    out = tmp_path / "out"
    assert run(photos, out, *given) == 0
    assert (tmp_path / "calls").read_text() == "xx"
    assert run(photos, out, *given, "--plugin", str(tmp_path / "largest.py"), *more) == 0
    assert (tmp_path / "calls").read_text() == "xx"
    table = scores(out)
    anew = table[table[column].notna()]
    assert anew["image"].tolist() == ["a", "b"]
    assert set(anew["reason"]) == {"as good as it gets"}  # what is known of a map stays with it
    assert set(anew["n_raw"]) == {7}
    assert set(anew["n_made"]) == {6}


@pytest.mark.usefixtures("undrawn")
def test_kept_maps_of_an_image_that_went_are_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(photos, out, "--algos", "grid", "--keep-labels") == 0
    (photos / "b.png").unlink()
    assert main(["evaluate", str(out), "--protocol", "stutz", "--jobs", "1"]) == 2
    assert "changed or went since their label maps were kept, such as b" in capsys.readouterr().err


def test_the_page_shows_the_truths_that_were_scored(photos: Path, tmp_path: Path) -> None:
    out, shown = tmp_path / "out", []
    for axis in (0, 1, 0):
        write_truth(photos, "a", axis)
        assert run(photos, out, "--algos", "grid", "--limit", "1") == 0
        index = (out / "index_files" / "data" / "browser.js").read_text()
        (name,) = re.findall(r'"picture":"([^"]*)"', index)
        data = (out / "index_files" / "data" / f"{name}.js").read_text()
        shown.append(re.findall(r'"truths":(.*)', data))
    assert shown[0] == shown[2] != shown[1]


def test_a_path_with_a_tilde_is_no_perturbation(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(photos, out, "--algos", "grid", "--perturb", "fliplr") == 0
    assert set(scores(out)["perturbation"]) == {"", "fliplr"}
    plain = [each for each in sections.split(scores(out)) if not each.perturbation]
    assert [each.dataset for each in plain] == [f"folder(path='{photos}')"]
    assert f'id="{plain[0].slug}"' in (out / "index.html").read_text()


def test_an_edit_beside_the_plug_in_counts_until_it_is_taken_back(
    photos: Path, tmp_path: Path
) -> None:
    plugin, parts = tmp_path / "mine.py", tmp_path / "parts.py"
    plugin.write_text(STRIPES)
    command = [sys.executable, "-c", "import sys; from ssnbench.cli import main; sys.exit(main())"]
    command += ["run", "--dataset", f"folder(path={photos})", "--algos", "mine", "--limit", "1"]
    command += ["--plugin", str(plugin), "--segments", "6", "--no-times", "--jobs", "1"]
    found = []
    for axis in (0, 1, 0):
        parts.write_text(f"AXIS = {axis}  # {'x' * axis}\n")
        done = subprocess.run(
            [*command, "--out", str(tmp_path / "out")],
            env={"PYTHONPATH": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found.append(scores(tmp_path / "out")["asa"].item())
    assert found[0] == found[2] != found[1]
    with Store(tmp_path / "out", create=False) as store:
        assert len(store.runs()) == 2  # the third computed nothing


def test_label_maps_of_one_name_do_not_shadow_each_other(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for tool, step in (("A", 4), ("B", 8)):
        for name in ("maps", "slic"):
            (tmp_path / tool / name).mkdir(parents=True)
            write_labels(tmp_path / tool / name / "a.npy", halves(0, step))
    common = ["--dataset", f"folder(path={photos})", "--jobs", "1", "--out", str(out)]
    for place in ("A/maps", "B/maps", "A/slic", "A/maps"):
        assert main(["evaluate", str(tmp_path / place), *common]) == 0
    assert run(photos, out, "--algos", "slic", "--limit", "1") == 0
    made = scores(out).query("image == 'a'").set_index("label")["n_made"]
    assert (made["maps"], made["B/maps"], made["A/slic"]) == (6, 3, 6)
    assert set(made.index) == {"maps", "B/maps", "A/slic", "slic"}
    write_labels(tmp_path / "A" / "maps" / "a.npy", halves(0, 6))
    assert main(["evaluate", str(tmp_path / "A/maps"), *common, "--enforce-connectivity"]) == 0
    table = scores(out).query("image == 'a'").set_index("label")
    assert table["n_made"]["maps"] == 4
    assert json.loads(table["params"]["maps"]) == {"enforce_connectivity": True}


def test_maps_of_another_split_name_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "parted.py"
    plugin.write_text(
        "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Parted:\n"
        '    root: object = None\n    split: str = "test"\n    SPLITS = ("test", "val")\n\n'
        '    def keys(self):\n        return ["t"] if self.split == "test" else ["v"]\n\n'
        "    def __getitem__(self, key):\n        raise KeyError(key)\n\n"
        "PLUGIN = Parted\n"
    )
    (tmp_path / "maps").mkdir()
    write_labels(tmp_path / "maps" / "v.npy", halves(0))
    command = ["evaluate", str(tmp_path / "maps"), "--dataset", "parted", "--plugin", str(plugin)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "an image of parted test" in told
    assert "v and its like are of another split: --split val" in told
    assert not (tmp_path / "out").exists()


def test_kept_maps_of_changed_images_are_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(photos, out, "--algos", "grid", "--keep-labels") == 0
    assert main(["evaluate", str(out), "--protocol", "stutz", "--jobs", "1"]) == 0
    write_truth(photos, "b", 1)
    assert main(["evaluate", str(out), "--protocol", "berkeley", "--jobs", "1"]) == 2
    assert "1 images or truths of" in capsys.readouterr().err


def test_times_of_a_real_run_are_found_beside_its_quality(tmp_path: Path) -> None:
    command = ["run", "--dataset", "collage(height=40,width=60,n_images=2)", "--algos", "grid,slic"]
    command += ["--segments", "6,12,24", "--jobs", "1", "--even-if-busy", "--out", str(tmp_path)]
    assert main(command) == 0
    with Store(tmp_path, create=False) as store:
        (section,) = sections.split(store.records())
        seconds = SectionAnalysis(section, timings=store.timings()).seconds
    assert sorted(seconds["label"]) == ["grid", "slic"]
    assert (seconds["seconds"] > 0).all()
    assert list((tmp_path / "figures").glob("*-over-time-*.pdf"))


def test_a_method_that_ends_the_process_costs_its_own_rows(photos: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "leaves.py"
    plugin.write_text(STRIPES.replace("from parts import AXIS", "AXIS = 0").replace(
        "        return", '        raise SystemExit("usage: tool IMAGE")\n        return'
    ))  # fmt: skip
    out = tmp_path / "out"
    assert run(photos, out, "--algos", "leaves,grid", "--plugin", str(plugin)) == 1
    table = scores(out).groupby("label")["status"].first()
    assert table.to_dict() == {"grid": "ok", "leaves": "failed"}
