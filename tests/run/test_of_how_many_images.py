"""A mean says of how many images it is: maps that are not there, images not asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench import report
from ssnbench.cli import main
from ssnbench.io.images import write_image
from ssnbench.io.label_maps import write_labels
from ssnbench.results.store import Store

SIZE = (24, 32)
ALL_WELL = "Every job ended well, and none is missing."


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures, the last of them without a truth."""
    folder = tmp_path / "photos"
    (folder / "labels").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in "abc":
        write_image(folder / f"{name}.png", random.integers(0, 255, (*SIZE, 3), dtype=np.uint8))
        if name != "c":
            write_labels(folder / "labels" / f"{name}.png", squares(12))
    return folder


def squares(step: int) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    row, column = np.indices(SIZE) // step
    return np.ascontiguousarray(row * 100 + column, dtype=np.int32)


def command(photos: Path, out: Path, *more: str) -> list[str]:
    given = ["--dataset", f"folder(path={photos})", "--jobs", "1", "--out", str(out)]
    return [*more[:2], *given, *more[2:]]


def printed(text: str, label: str) -> list[dict[str, str]]:
    """Rows of a method in the tables of the terminal."""
    lines = [line.split() for line in text.splitlines()]
    head = next(line for line in lines if line[:2] == ["algorithm", "asked"])
    return [
        dict(zip(head, line, strict=True))
        for line in lines
        if line[:1] == [label] and len(line) == len(head)
    ]


def rows(out: Path) -> pd.DataFrame:
    with Store(out, create=False) as store:
        return store.records()


def test_maps_of_some_images(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maps, out = tmp_path / "maps", tmp_path / "out"
    maps.mkdir()
    write_labels(maps / "a.npy", squares(8))
    assert main(command(photos, out, "evaluate", str(maps))) == 0
    (row,) = printed(capsys.readouterr().out, "maps")
    assert (row["images"], row["pairs"]) == ("1/3", "1")
    table = rows(out)
    assert table["status"].tolist() == ["ok", "missing", "missing"]
    assert set(table["reason"][1:]) == {f"no label map in {maps}"}
    page = (out / "index.html").read_text()
    assert ALL_WELL not in page
    assert "2 jobs failed or are missing" in page
    for name in "bc":
        write_labels(maps / f"{name}.npy", squares(8))
    assert main(command(photos, out, "evaluate", str(maps))) == 0
    (row,) = printed(capsys.readouterr().out, "maps")
    assert (row["images"], row["pairs"]) == ("3", "2")  # without a truth there is no pair
    assert ALL_WELL in (out / "index.html").read_text()


def test_every_count_by_itself(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "draw", lambda folder, **_: folder / "index.html")
    maps, out = tmp_path / "maps", tmp_path / "out"
    for n, step, images in ((12, 8, "abc"), (48, 4, "b")):
        (maps / str(n)).mkdir(parents=True)
        for image in images:
            write_labels(maps / str(n) / f"{image}.npy", squares(step))
    assert main(command(photos, out, "evaluate", str(maps))) == 0
    told = capsys.readouterr()
    assert [row["images"] for row in printed(told.out, "maps")] == ["3", "1/3"]
    assert "at 48 superpixels for 1 of 3 images (none for a, c)" in told.err
    missing = rows(out).query("status == 'missing'")
    assert set(missing["n_asked"]) == {48}
    assert missing["image"].tolist() == ["a", "c"]
    (maps / "12" / "a.npy").unlink()
    assert main(command(photos, out, "evaluate", str(maps), "--limit", "2")) == 0
    assert "at 12 superpixels for 1 of 2 images (none for a)" in capsys.readouterr().err
    assert main(command(photos, out, "evaluate", str(maps), "--limit", "1")) == 2
    assert "no label map of the first 1 images" in capsys.readouterr().err


def test_the_first_images_only(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run = command(photos, out, "run", "--no-times", "--algos", "grid", "--segments", "6")
    assert main([*run, "--limit", "2"]) == 0
    (row,) = printed(capsys.readouterr().out, "grid")
    assert (row["images"], row["pairs"]) == ("2/3", "2")
    page = (out / "index.html").read_text()
    assert ALL_WELL not in page
    assert "Asked for were 2 of the 3 images" in page
    assert main(run) == 0
    (row,) = printed(capsys.readouterr().out, "grid")
    assert (row["images"], row["pairs"]) == ("3", "2")
    assert ALL_WELL in (out / "index.html").read_text()


def test_images_without_any_truth_are_no_pairs(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "draw", lambda folder, **_: folder / "index.html")
    for name in "ab":
        (photos / "labels" / f"{name}.png").unlink()
    run = command(photos, tmp_path / "out", "run", "--no-times", "--algos", "grid")
    assert main([*run, "--segments", "6"]) == 0
    told = capsys.readouterr()
    (row,) = printed(told.out, "grid")
    assert row["images"] == "3"
    assert "pairs" not in row
    assert "no image has a truth, though there is a folder of truths" in told.err
