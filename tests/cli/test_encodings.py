"""Output that is not UTF-8, and names that are no text: nothing ends in a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from ssnbench.cli.main import main
from ssnbench.contracts import Image, Labels

PLACE = "Ünïcode ☕ Фото"


@pytest.fixture
def photos(tmp_path: Path, toy_image: Image, toy_truth: Labels) -> Path:
    """A folder and images with letters beyond Latin-1."""
    place = tmp_path / PLACE
    (place / "labels").mkdir(parents=True)
    PIL.Image.fromarray(toy_image).save(place / "café ☕.png")
    PIL.Image.fromarray(toy_truth.astype(np.uint8)).save(place / "labels" / "café ☕.png")
    return place


def printed(
    arguments: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Run the command with output of an encoding that is strict about it."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    code = main(arguments)
    assert out.errors == err.errors == "strict"  # as it was before
    out.flush()
    err.flush()
    written: Any = out.buffer, err.buffer
    return code, "".join(each.getvalue().decode(encoding, "replace") for each in written)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_run_on_any_terminal(
    photos: Path, tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "Ergebnis ☃"
    given = f"folder(path={photos})"
    arguments = [
        "run",
        "--dataset",
        given,
        "--algos",
        "grid",
        "--segments",
        "12",
        "--out",
        str(out),
    ]
    code, text = printed([*arguments, "--jobs", "1", "--no-times"], encoding, monkeypatch)
    assert code == 0
    assert "grid" in text
    assert PLACE in (out / "index.html").read_text("utf-8")
    assert PLACE in (out / "results.csv").read_text("utf-8")
    missing = f"folder(path={photos / 'нет'})"
    code, text = printed(["run", "--dataset", missing, "--out", str(out)], encoding, monkeypatch)
    assert code == 2
    assert "no folder at" in text


@pytest.mark.parametrize(
    "command", ["list algos", "list datasets", "list metrics", "list protocols", "run --help"]
)
def test_listings_on_any_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(command.split(), "ascii", monkeypatch)[0] == 0


def test_from_a_shell_whose_output_is_ascii(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ssnbench", "list", "datasets"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.filterwarnings("default:Glyph")
def test_letters_that_the_figures_cannot_draw_are_told_once(
    tmp_path: Path, toy_image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "写真").mkdir()
    PIL.Image.fromarray(toy_image).save(tmp_path / "写真" / "a.png")
    arguments = ["run", "--dataset", f"folder(path={tmp_path / '写真'})", "--algos", "grid"]
    arguments += ["--segments", "6,24", "--jobs", "1", "--no-times", "--out", str(tmp_path / "o")]
    assert main(arguments) == 0
    err = capsys.readouterr().err
    assert err.count("drawn as boxes") == 1
    assert "Glyph" not in err


NO_TEXT = b"caf\xe9".decode("utf-8", "surrogateescape")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_images_whose_names_are_no_text_are_left_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.link(photos / "café ☕.png", photos / f"{NO_TEXT}.png")
    arguments = ["run", "--dataset", f"folder(path={photos})", "--algos", "grid"]
    arguments += ["--segments", "12", "--jobs", "1", "--no-times", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "is no text in utf-8" in captured.err
    assert " 1     0." in captured.out  # one pair


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--dataset", f"folder(path={NO_TEXT})"],
        ["run", "--out", NO_TEXT],
        ["evaluate", NO_TEXT, "--dataset", "collage"],
        ["segment", f"{NO_TEXT}.png"],
    ],
)
def test_arguments_that_are_no_text_are_refused_at_once(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "rename it" in line
