from __future__ import annotations

import json
from pathlib import Path

import pytest

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.plugins.variant import Variant, parse, parse_list, split

TOY = '''"""A plug-in with a parameter of every kind."""
from __future__ import annotations
from dataclasses import dataclass
from typing import Literal

@dataclass(frozen=True)
class Toy:
    weight: float = 10.0
    steps: int = 3
    kind: str = "soft"
    mode: Literal["fast", "exact"] = "fast"
    border: bool = False
    size: int | None = None
    span: tuple[int, ...] = (1, 2)

    def __call__(self, image, n_segments): ...

PLUGIN = Toy
'''


@pytest.fixture(autouse=True)
def toy(tmp_path: Path) -> None:
    path = tmp_path / "toy.py"
    path.write_text(TOY)
    plugins.add_file(path)


def read(text: str) -> Variant:
    return parse("algorithms", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weight=20", {"weight": 20.0}),
        ("weight=2e-1, steps = 7", {"weight": 0.2, "steps": 7}),
        ("kind=hard", {"kind": "hard"}),
        ("kind='a b'", {"kind": "a b"}),
        ("mode=exact", {"mode": "exact"}),
        ("border=true", {"border": True}),
        ("size=5", {"size": 5}),
        ("size=None", {}),
        ("span=(3,4)", {"span": (3, 4)}),
        ("weight=10", {}),  # the default: not a variant of its own
    ],
)
def test_values_take_the_type_of_their_field(text: str, expected: dict[str, object]) -> None:
    variant = read(f"toy({text})")
    assert dict(variant.params) == expected
    built = variant.build("algorithms")
    assert {name: getattr(built, name) for name in expected} == expected
    assert read(variant.label) == variant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toy(wieght=1)", "no parameter of toy is called 'wieght'; did you mean weight"),
        ("toy(steps=1.5)", "toy.steps should be int, got '1.5'"),
        ("toy(weight=much)", "toy.weight should be float, got 'much'"),
        ("toy(border=1)", "toy.border should be bool, got '1'"),
        ("toy(mode=slow)", "toy.mode should be"),
        ("toy(weight)", "write parameter=value"),
        ("toy(weight=1", "write name or name"),
        ("tyo", "did you mean toy"),
    ],
)
def test_wrong_use_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(text)


def test_label_and_canonical() -> None:
    variant = read("toy(steps=7,kind=hard)")
    assert variant.label == "toy(kind=hard,steps=7)"
    stored = json.loads(variant.canonical("algorithms"))
    assert stored["steps"] == 7
    assert stored["weight"] == 10.0


def test_list_splits_outside_brackets_and_drops_repeats() -> None:
    assert list(split("a(b=1,c=(2,3)), d ,,e")) == ["a(b=1,c=(2,3))", "d", "e"]
    variants = parse_list("algorithms", "toy,toy(steps=7),toy(steps=3)")
    assert [variant.label for variant in variants] == ["toy", "toy(steps=7)"]


def test_files_that_a_plug_in_names_are_part_of_its_version(tmp_path: Path) -> None:
    weights = tmp_path / "w.bin"
    code = TOY.replace(
        "    span", f"    def files(self): return [Path({str(weights)!r})] * self.steps\n    span"
    ).replace("from __future__ import annotations", "from pathlib import Path")
    path = tmp_path / "learned.py"
    path.write_text(code)
    plugins.add_file(path)
    with pytest.raises(UsageError, match=r"learned needs .*w\.bin: No such file"):
        read("learned").version("algorithms")
    weights.write_bytes(b"one")
    first = read("learned").version("algorithms")
    assert first == read("learned(weight=2)").version("algorithms")
    weights.write_bytes(b"two")
    assert read("learned").version("algorithms") != first
    plain = plugins.find("algorithms", "learned").version
    assert read("learned(steps=0)").version("algorithms") == plain


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("folder(path='Berlin, 2024')", "Berlin, 2024"),
        ('folder(path="a (1), b", labels=maps)', "a (1), b"),
        ("folder(path=O'Brien,labels='it''s')", "O'Brien"),
        ("folder(path='photos')", "photos"),
        ("folder(path=~/photos 2024/ä)", "~/photos 2024/ä"),
        ("folder(path='say \"x\"')", 'say "x"'),
        (r"folder(path='C:\\new')", r"C:\new"),
        ("folder(path=[a], labels=x)", "[a]"),
    ],
)
def test_values_in_quotes_may_hold_commas(text: str, path: str) -> None:
    variant = parse("datasets", text)
    assert dict(variant.params)["path"] == path
    assert parse("datasets", variant.label) == variant  # as the program writes it


def test_a_comma_without_quotes_is_explained() -> None:
    with pytest.raises(UsageError, match="comma in quotes"):
        parse("datasets", "folder(path=Berlin, 2024)")


@pytest.mark.parametrize("path", ['say "hi"', "it's here", "'", 'x"', "photos (1)", "a=b"])
def test_a_quote_at_one_end_of_a_value_is_part_of_it(path: str) -> None:
    assert parse("datasets", f"folder(path={path})").params == (("path", path),)
    assert parse("datasets", f"folder(path={path!r})").params == (("path", path),)
