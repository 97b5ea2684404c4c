"""What an entry point or PLUGIN may name, what ``files()`` may return, files beside a plug-in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssnbench import plugins
from ssnbench.cli.main import main
from ssnbench.contracts import UsageError
from ssnbench.plugins.variant import parameters, parse

CLASS = '''"""Stripes, for the tests."""
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Stripes:
    """Stripes."""
    width: int = 1
    soft: float = 0.5
    BIBTEX = "@misc{stripes}"

    def __call__(self, image, n_segments):
        rows = np.arange(image.shape[0]) * n_segments // image.shape[0]
        return np.broadcast_to(rows[:, None], image.shape[:2])

PLUGIN = Stripes
broad = Stripes(3, soft=0.25)

class Family:
    Broad = Stripes
'''
FUNCTION = '''"""Stripes, for the tests."""
from __future__ import annotations
import numpy as np

BIBTEX = "@misc{stripes}"

def stripes(image, k, width: int = 1, *, soft: float = 0.5):
    rows = np.arange(image.shape[0]) * k // image.shape[0]
    return np.broadcast_to(rows[:, None], image.shape[:2])

PLUGIN = stripes
'''
DEFAULTS = {"width": 1, "soft": 0.5}


@pytest.mark.parametrize(
    ("point", "modules", "defaults"),
    [
        ("striped:Stripes", {"striped.py": CLASS}, DEFAULTS),
        ("striped", {"striped.py": CLASS}, DEFAULTS),
        ("striped:broad", {"striped.py": CLASS}, {"width": 3, "soft": 0.25}),
        ("striped:Family.Broad", {"striped.py": CLASS}, DEFAULTS),
        ("striped:stripes", {"striped.py": FUNCTION}, DEFAULTS),
        ("striped", {"striped.py": FUNCTION}, DEFAULTS),
        ("striped.inner:Stripes", {"striped/__init__.py": "", "striped/inner.py": CLASS}, DEFAULTS),
        (
            "striped:Mine",
            {
                "striped/__init__.py": "from striped.inner import Stripes as Mine\n",
                "striped/inner.py": CLASS,
            },
            DEFAULTS,
        ),
        (
            "striped:broad",
            {"striped/__init__.py": "from .inner import broad\n", "striped/inner.py": CLASS},
            {"width": 3, "soft": 0.25},
        ),
        ("striped:inner", {"striped/__init__.py": "", "striped/inner.py": CLASS}, DEFAULTS),
        ("striped:inner", {"striped/__init__.py": "", "striped/inner.py": FUNCTION}, DEFAULTS),
    ],
)
def test_entry_points_keep_parameters_and_references(
    point: str,
    modules: dict[str, str],
    defaults: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("striped", "striped.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    info = tmp_path / "striped-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: striped\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ssnbench.algorithms]\nstripes = {point}\n")
    for file, code in modules.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(code)
    entry = plugins.find("algorithms", "stripes")
    assert entry.signature == ", ".join(f"{name}={value}" for name, value in defaults.items())
    assert entry.fact("BIBTEX") == "@misc{stripes}"
    assert entry.summary == "Stripes, for the tests."
    known = parameters("algorithms", "stripes")
    assert {name: each.default for name, each in known.items()} == defaults
    assert [each.type for each in known.values()] == [int, float]
    variant = parse("algorithms", "stripes(width=5)")
    assert variant.build("algorithms").width == 5
    labels = variant.build("algorithms")(np.zeros((6, 4, 3), np.uint8), 3)
    np.testing.assert_array_equal(labels[:, 0], [0, 0, 1, 1, 2, 2])
    assert plugins.load("algorithms", "stripes") is plugins.load("algorithms", "stripes")


def test_a_function_in_a_file_is_run_like_any_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(FUNCTION)
    arguments = ["run", "--algos", "mine,mine(width=2)", "--plugin", str(tmp_path / "mine.py")]
    arguments += ["--dataset", "collage(n_images=1,height=30,width=40)", "--segments", "6"]
    out = tmp_path / "out"
    assert main([*arguments, "--jobs", "1", "--no-times", "--out", str(out)]) == 0
    assert "mine(width=2)" in capsys.readouterr().out
    assert "@misc{stripes}" in (out / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f(image):\n    pass\nPLUGIN = f\n", r"f is no algorithm: .*\(image, n_segments\)"),
        ("def f(image, n, width):\n    pass\nPLUGIN = f\n", "field width should have a default"),
        ("PLUGIN = 3\n", "should be a frozen dataclass, got 3"),
    ],
)
def test_what_is_none_of_these_is_refused(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(UsageError, match=message):
        plugins.add_file(tmp_path / "mine.py")


WITH_FILES = CLASS.replace(
    "    def __call__", "    def files(self):\n        BODY\n\n    def __call__"
)


@pytest.mark.parametrize(
    "body",
    [
        "return ['w.bin']",
        "return 'w.bin'",
        "from pathlib import Path; return Path('w.bin')",
        "yield 'w.bin'",
        "from pathlib import Path; return {Path('w.bin')}",
    ],
)
def test_files_in_any_form_are_part_of_the_version(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(WITH_FILES.replace("BODY", body))
    (tmp_path / "w.bin").write_bytes(b"1")
    plugins.add_file(tmp_path / "mine.py")
    variant = parse("algorithms", "mine")
    before = variant.version("algorithms")
    (tmp_path / "w.bin").write_bytes(b"2")
    assert variant.version("algorithms") != before


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return ['absent.bin']", r"mine needs absent\.bin: No such file or directory$"),
        ("return 'beside.bin'", r"lies beside the plug-in: Path\(__file__\)\.with_name\('beside"),
        ("return 3", r"files\(\) of mine fails: TypeError: 'int' object is not iterable"),
        ("raise RuntimeError('no\\nnet')", r"files\(\) of mine fails: RuntimeError: no net"),
    ],
)
def test_files_that_cannot_be_read_are_told_in_one_line(
    body: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text(WITH_FILES.replace("BODY", body))
    (tmp_path / "code" / "beside.bin").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    plugins.add_file(tmp_path / "code" / "mine.py")
    with pytest.raises(UsageError, match=message) as told:
        parse("algorithms", "mine").version("algorithms")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("parts", ["parts_a", "parts_b"])
def test_two_methods_with_a_file_of_one_name_are_told_apart(tmp_path: Path, parts: str) -> None:
    lines = {"parts_a": "from parts_a import K", "parts_b": "K = __import__('parts_b').K"}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{parts}.py").write_text(f"K = {folder!r}\n")
        (tmp_path / folder / f"of_{folder}.py").write_text(f"{lines[parts]}\n{CLASS}")
    plugins.add_file(tmp_path / "one" / "of_one.py")
    with pytest.raises(UsageError, match=rf"imports {parts}\.py beside it, but '{parts}' is .*one"):
        plugins.add_file(tmp_path / "two" / "of_two.py")


def test_a_file_beside_a_plug_in_that_is_called_like_a_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("K = 1\n")
    (tmp_path / "mine.py").write_text(f"from json import K\n{CLASS}")
    with pytest.raises(UsageError, match=r"imports json\.py beside it, but 'json' is already"):
        plugins.add_file(tmp_path / "mine.py")


def test_a_file_that_is_imported_by_its_name_counts(tmp_path: Path) -> None:
    (tmp_path / "parts_y.py").write_text("K = 1\n")
    line = "import importlib; K = importlib.import_module('parts_y').K"
    (tmp_path / "mine.py").write_text(f"{line}\n{CLASS}")
    entry = plugins.add_file(tmp_path / "mine.py")
    before = entry.version
    (tmp_path / "parts_y.py").write_text("K = 2\n")
    assert entry.version != before
