"""The contract of plug-ins: what is read of one, and what is said of one that breaks it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssnbench
from ssnbench import plugins
from ssnbench.contracts import ATTRIBUTES, Trainable, UsageError
from ssnbench.data.layout import Layout
from ssnbench.metrics import METRICS

ROOM = Path(ssnbench.__file__).parent
HEAD = "from dataclasses import dataclass\nfrom pathlib import Path\n"
ALGORITHM = """
@dataclass(frozen=True)
class Thing:
    width: int = 1
    LICENCE = "MIT"

    def __call__(self, image, n_segments):
        return image[..., 0]

PLUGIN = Thing
"""
DATASET = """
@dataclass(frozen=True)
class Thing:
    root: Path | None = None
    split: str = "all"
    SPLITS = ("all",)

    def keys(self):
        return []

    def __getitem__(self, key):
        raise KeyError(key)

PLUGIN = Thing
"""


def read_of_plugins() -> Iterator[str]:
    """Names in capitals that the package reads as attributes, or as facts of an entry."""
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("cls", "dataset"):
                yield node.attr
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                *("getattr", "hasattr", "fact"),
            ):
                yield from (str(a.value) for a in node.args if isinstance(a, ast.Constant))


def test_all_that_is_read_stands_in_the_contract() -> None:
    known = {each.name for kind in ATTRIBUTES.values() for each in kind}
    read = {name for name in read_of_plugins() if name.isupper()}
    assert {"LICENCE", "LAYOUT", "UNDEFINED", "N_IMAGES", "SPLITS"} <= read
    of_trainables = set(Trainable.__annotations__)
    assert read - {"PLUGIN"} <= known | of_trainables


@pytest.mark.parametrize("kind", ["algorithms", "datasets"])
def test_built_in_plug_ins_keep_it(kind: plugins.Kind) -> None:
    for name, entry in plugins.entries(kind).items():
        if not entry.missing:
            plugins.check(kind, plugins.load(kind, name), name)
            layout = getattr(plugins.load(kind, name), "LAYOUT", None)
            assert layout is None or isinstance(layout, Layout)


@pytest.mark.parametrize("name", METRICS)
def test_built_in_metrics_keep_it(name: str) -> None:
    plugins.check("metrics", METRICS[name], name)


@pytest.mark.parametrize(
    ("text", "old", "new", "says"),
    [
        (ALGORITHM, "frozen=True", "", r"thing \(.*thing.py\) breaks .* should be frozen"),
        (ALGORITHM, "PLUGIN = Thing", "PLUGIN = 3", "should be a frozen dataclass, got 3"),
        (ALGORITHM, "int = 1", "int", "its field width should have a default"),
        (ALGORITHM, "image, n_segments", "image", r"should take \(image, n_segments\)"),
        (ALGORITHM, "__call__", "call", r"should have __call__\(image, n_segments\)"),
        (ALGORITHM, '"MIT"', "5", "LICENCE should be str, got 5"),
        (ALGORITHM, "LICENCE", "files", "files should be Callable, got 'MIT'"),
        (DATASET, '("all",)', '["all"]', r"SPLITS should be tuple\[str, ...\], got \['all'\]"),
        (DATASET, 'str = "all"', 'str = "test"', "its split 'test' is none of its SPLITS"),
        (DATASET, "split", "part", "should have the fields root and split"),
        (DATASET, "__getitem__", "get", "should have a method __getitem__"),
        (DATASET, "SPLITS", "N_IMAGES = {'all': '3'}\n    SPLITS", r"Mapping\[str, int\], got"),
        (DATASET, "SPLITS", "LAYOUT = 'here'\n    SPLITS", "LAYOUT should be DataLayout"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, text: str, old: str, new: str, says: str
) -> None:
    assert old in text
    path = tmp_path / "thing.py"
    path.write_text(HEAD + text.replace(old, new))
    with pytest.raises(UsageError, match=says) as caught:
        plugins.add_file(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [ALGORITHM, DATASET])
def test_what_keeps_it_is_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "thing.py"
    path.write_text(HEAD + text)
    assert plugins.add_file(path).name == "thing"
