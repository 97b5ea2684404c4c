from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scipy.io import savemat

from ssnbench import report
from ssnbench.cli.main import commands, main
from ssnbench.contracts import Image, Labels
from ssnbench.io.label_maps import read_labels

SMALL = "collage(n_images=2,height=60,width=80)"


def run(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def table(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "results.sqlite")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no report: that takes seconds, and most tests look at what is stored."""
    monkeypatch.setattr(report, "draw", lambda folder, **_: folder / "index.html")


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    arguments = ["run", "--algos", "grid,slic", "--dataset", SMALL, "--segments", "6,12,24"]
    arguments += ["--even-if-busy"]  # else the next run may take the times anew
    assert main([*arguments, "--jobs", "1", "--keep-labels", "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        "time --device cuda --algos grid",
        "run --algos grid,ssn --set ssn.device=cuda",
        "run --algos gslic(device=cuda:3)",
        "segment x.png --set ssn.device=cuda",
        "train ssn --device cuda",
    ],
)
def test_a_gpu_that_is_not_there_is_told_before_anything_is_computed(
    arguments: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, out, err = run(*arguments.split(), capsys=capsys)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert re.search(r"no GPU .*use (--device )?cpu", line)
    assert list(tmp_path.iterdir()) == []


def test_run_leaves_a_report(small_run: Path) -> None:
    for name in ("index.html", "results.csv", "results.sqlite"):
        assert (small_run / name).stat().st_size > 0
    counted = "SELECT count(*), count(DISTINCT image), sum(asa IS NULL) FROM records"
    assert table(small_run, counted) == [(2 * 2 * 3 * 2, 2, 0)]
    assert table(small_run, "SELECT count(DISTINCT label) FROM timings") == [(2,)]


def test_running_again_does_nothing(small_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (small_run / "index.html").stat().st_mtime_ns
    arguments = ("run", "--algos", "grid,slic", "--dataset", SMALL, "--segments", "6,12,24")
    code, out, _ = run(*arguments, "--keep-labels", "--out", small_run, capsys=capsys)
    assert code == 0
    assert "report:" in out
    assert (small_run / "index.html").stat().st_mtime_ns == before
    assert table(small_run, "SELECT count(*) FROM runs") == [(1,)]


def test_report_draws_again(small_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small_run / "index.html").unlink()
    code, out, _ = run("report", small_run, capsys=capsys)
    assert code == 0
    assert (small_run / "index.html").exists()
    assert "slic" in out


def test_failed_jobs_exit_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Broken:\n"
        "    def __call__(self, image, n_segments):\n        raise RuntimeError('no idea')\n\n\n"
        "PLUGIN = Broken\n"
    )
    arguments = ("run", "--algos", "broken,grid", "--plugin", plugin, "--dataset", SMALL)
    code, out, _ = run(
        *arguments, "--segments", "6", "--no-times", "--out", tmp_path / "o", capsys=capsys
    )
    assert code == 1
    assert "RuntimeError: no idea" in out
    assert table(tmp_path / "o", "SELECT DISTINCT label FROM records WHERE status = 'ok'") == [
        ("grid",)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run --algos slick", "no algorithm is called 'slick'; did you mean slic"),
        ("run --algos ,", "no algorithm given"),
        ("run --dataset colage", "no dataset is called 'colage'; did you mean collage"),
        ("run --split tset", "no split of collage is called 'tset'; did you mean test"),
        ("run --protocol sael", "did you mean seal"),
        ("run --algos slic(compact=2)", "did you mean compactness"),
        ("run --mine nobody", "--mine nobody is none of the methods: felzenszwalb, grid"),
        ("run --times sometimes", "'sometimes' is not one of 'missing', 'again', 'no'"),
        ("run --segments 0", "--segments should be 1 or more, got 0"),
        ("run --segments many", "--segments should be a whole number such as 100, got 'many'"),
        ("run --limit 0", "0 is not in the range x>=1"),
        ("run --plugin nowhere.py", "no plug-in file"),
        ("run --frsh", "No such option"),
        ("report nowhere", "no results in nowhere"),
        ("evaluate nowhere", "say which images: --dataset NAME"),
        ("evaluate nowhere --dataset collage", "nowhere is no folder"),
        ("segment nowhere.png", "nowhere.png"),
        ("time --size big", "--size takes HEIGHTxWIDTH"),
        ("time --segments 9 --size 2x4", "--segments should be 1 to 8 for this image, got 9"),
        ("time --segments 12.5", "--segments should be a whole number such as 100, got '12.5'"),
        ("segment x.png --segments nan", "--segments should be a whole number such as 100"),
        ("segment x.png --segments -4", "--segments should be 1 or more, got -4"),
        ("list metric", "metrics"),
    ],
)
def test_wrong_use_exits_with_two_and_says_the_mend(
    arguments: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*arguments.split(), capsys=capsys)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())  # wrong use leaves nothing behind


def test_missing_data_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", "--dataset", "bsds500", "--data-root", tmp_path, "--out", tmp_path / "o")
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert str(tmp_path) in err
    assert "BSDS500" in err


def test_unwritable_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run("run", "--out", tmp_path / "file" / "below", capsys=capsys)
    assert code == 2
    assert "choose another --out" in err


@pytest.mark.usefixtures("undrawn")
def test_fresh_forgets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--dataset", SMALL, "--segments", "6", "--no-times", "--jobs", "1", "--out", tmp_path)
    run("run", "--algos", "grid", *common, capsys=capsys)
    run("run", "--algos", "slic", *common, "--fresh", capsys=capsys)
    assert table(tmp_path, "SELECT DISTINCT label FROM records") == [("slic",)]


@pytest.fixture
def photo(tmp_path: Path, toy_image: Image) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), toy_image[..., ::-1])
    return path


@pytest.mark.parametrize("name", ["out.png", "out.npy", "out.csv", "out.mat"])
def test_segment_writes_every_format(
    photo: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / name
    arguments = ("segment", photo, "--algo", "slic(compactness=20)", "--segments", "20")
    code, out, _ = run(*arguments, "-o", target, "--overlay", tmp_path / "o.jpg", capsys=capsys)
    assert code == 0
    labels = read_labels(target)
    assert labels.shape == (60, 80)
    assert f"{labels.max() + 1} superpixels" in out
    assert cv2.imread(str(tmp_path / "o.jpg")) is not None


TWO_FRAMES = """\"\"\"Labels the pixels that change.\"\"\"
from dataclasses import dataclass

@dataclass(frozen=True)
class Changed:
    def __call__(self, image, n_segments, second=None):
        return (image != (image if second is None else second)).any(2).astype(int)

PLUGIN = Changed
"""


def test_segment_hands_on_the_second_frame(
    photo: Path, tmp_path: Path, toy_image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin, other, target = tmp_path / "changed.py", tmp_path / "next.png", tmp_path / "out.npy"
    plugin.write_text(TWO_FRAMES)
    moved = toy_image[..., ::-1].copy()
    moved[:, 40:] += 1
    cv2.imwrite(str(other), moved)
    call = ("segment", photo, "--plugin", plugin, "--algo", "changed", "--segments", "2")
    assert run(*call, "--second", other, "-o", target, capsys=capsys)[0] == 0
    np.testing.assert_array_equal(
        read_labels(target), np.broadcast_to(np.arange(80) >= 40, (60, 80))
    )
    assert run(*call, "-o", target, capsys=capsys)[0] == 0
    assert read_labels(target).max() == 0
    cv2.imwrite(str(other), moved[1:])
    code, _, err = run(*call, "--second", other, "-o", target, capsys=capsys)
    assert code == 2
    assert "as large as the first, got 60 x 80 and 59 x 80" in err


def test_segment_more_than_pixels(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run("segment", photo, "--segments", "4801", capsys=capsys)
    assert code == 2
    assert "n_segments should be 1 to 4800" in err


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("suffix", [".npy", ".png", ".csv", ".mat"])
def test_evaluate_scores_maps_made_elsewhere(
    small_run: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = tmp_path / "theirs"
    write_maps(small_run, maps, suffix)
    arguments = ("evaluate", maps, "--dataset", SMALL, "--out", tmp_path / "o", "--jobs", "1")
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 0, err
    assert "certificates" in out
    query = "SELECT image, n_asked, truth, asa, br FROM records WHERE label = '{}' ORDER BY 1, 2, 3"
    assert table(tmp_path / "o", query.format("theirs")) == table(small_run, query.format("grid"))


def write_maps(run_folder: Path, maps: Path, suffix: str) -> None:
    """Write the grid's maps of a run as another program might: labels from 5, in steps of 2."""
    from ssnbench.results.store import Store

    with Store(run_folder, create=False) as store:
        for kept in store.kept():
            if kept.algorithm != "grid":
                continue
            folder = maps / str(kept.n_asked)
            folder.mkdir(parents=True, exist_ok=True)
            labels = 2 * store.label_map(kept.content) + 5
            write(folder / f"{kept.image}{suffix}", labels)


def write(path: Path, labels: Labels) -> None:
    if path.suffix == ".npy":
        np.save(path, labels.astype(np.int64))
    elif path.suffix == ".png":
        cv2.imwrite(str(path), labels.astype(np.uint16))
    elif path.suffix == ".csv":
        np.savetxt(path, labels, fmt="%d", delimiter=",")
    else:
        savemat(path, {"labels": labels.astype(float)})


def test_evaluate_says_when_nothing_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "somebody.npy", np.zeros((60, 80), int))
    code, _, err = run("evaluate", tmp_path, "--dataset", SMALL, capsys=capsys)
    assert code == 2
    assert "is named after an image" in err


@pytest.mark.usefixtures("undrawn")
def test_evaluate_flat_folder_with_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.indices((60, 80)).sum(0) // 10 % 3 - 1  # stripes: -1, 0, 1, again and again
    np.save(tmp_path / "collage-0000.npy", labels)
    arguments = ("evaluate", tmp_path, "--dataset", SMALL, "--name", "stripes", "--jobs", "1")
    code, out, _ = run(*arguments, "--out", tmp_path / "o", capsys=capsys)
    assert code == 0
    row = next(line for line in out.splitlines() if "collage-0000" in line)
    assert re.search(r"3\s+14\s+no", row)
    assert f"{(labels < 0).sum()} px" in row


@pytest.mark.usefixtures("undrawn")
def test_kept_maps_are_scored_again_without_segmenting(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "again"
    code, _, err = run(
        *("evaluate", small_run, "--protocol", "seal(r=2)", "--jobs", "1", "--out", out),
        capsys=capsys,
    )
    assert code == 0, err
    query = "SELECT label, image, n_asked, truth, asa, br FROM records ORDER BY 1, 2, 3, 4"
    before, after = table(small_run, query), table(out, query)
    assert [row[:5] for row in before] == [row[:5] for row in after]
    assert all(b[5] <= a[5] for b, a in zip(before, after, strict=True))  # a wider window


@pytest.mark.parametrize(
    "option", ["--limit 1", "--enforce-connectivity", "--dataset collage", "--name mine"]
)
def test_evaluate_a_run_takes_no_options_that_it_would_ignore(
    small_run: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run("evaluate", small_run, *option.split(), capsys=capsys)
    assert code == 2
    assert "leave out" in err


def test_evaluate_a_run_that_kept_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ssnbench.results.store import Store

    Store(tmp_path).close()
    code, _, err = run("evaluate", tmp_path, capsys=capsys)
    assert code == 2
    assert "run with --keep-labels" in err


def test_time_prints_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("time", "--algos", "grid,slic", "--size", "40x60", "--segments", "20")
    code, out, _ = run(*arguments, "--out", tmp_path, capsys=capsys)
    assert code == 0
    assert "40 x 60, 1 thread(s)" in " ".join(out.split())
    stages = table(tmp_path, "SELECT DISTINCT stage FROM timings WHERE label = 'slic'")
    assert {"total", "connectivity", "segment"} <= {stage for (stage,) in stages}
    parts = "'colour', 'network', 'clustering', 'other'"
    (whole,), (sum_of_parts,) = (
        table(tmp_path, f"SELECT sum(fastest) FROM timings WHERE stage IN ({names})")[0]
        for names in ("'segment'", parts)
    )
    assert sum_of_parts <= whole * 1.5


@pytest.mark.parametrize("what", ["algos", "datasets", "metrics", "protocols"])
def test_list(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("list", what, capsys=capsys)
    expected = {"algos": "slic", "datasets": "bsds500", "metrics": "asa", "protocols": "seal"}
    assert code == 0
    assert expected[what] in out


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_helps_and_is_in_the_readme(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(name, "--help", capsys=capsys)
    assert code == 0
    assert "Usage: ssnbench" in out
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"ssnbench {name}" in readme
