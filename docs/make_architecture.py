"""Write ``docs/architecture.md``: the rooms of the house and what they import, read off the code.

Run it as ``python docs/make_architecture.py``; a test compares the page with what this makes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ssnbench"
PAGE = Path(__file__).with_name("architecture.md")

Arrows = Mapping[str, frozenset[str]]
"""The rooms that each room imports."""

PLUG_INS = ("algorithms", "datasets")

INTRODUCTION = """\
# Architecture

    dataset --sample--> algorithm --label map--> connectivity --label map--> metrics --record-->
    results --table--> analysis --> plots --> report

What travels along the arrows is typed in `ssnbench/contracts.py`: a `Sample` has an image and its
truths, an algorithm makes a label map of it, every label map passes the same connectivity step,
metrics make scores of it, which are kept as records in one SQLite file for each run folder. From
there on nothing is computed again: analysis reads the file, plots draw what analysis computed, the
report shows both.

Imports run downwards only; `tests/house/test_layers.py` holds it.
[CONTRIBUTING.md](../CONTRIBUTING.md) says which file to write for an algorithm, a dataset, a metric
or a figure.

This page is made from the imports by `python docs/make_architecture.py`.
"""


def room_of(module: str) -> str | None:
    """Room, or single file, that a module of the package belongs to; None for other packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "ssnbench" and len(parts) > 1 else None


def sources() -> Iterator[tuple[str, Path]]:
    """Every file of the house with the room that it stands in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        first = path.relative_to(PACKAGE).parts[0]
        if not first.startswith("__"):
            yield first.removesuffix(".py"), path
    for folder in PLUG_INS:
        yield from ((folder, path) for path in sorted((ROOT / folder).glob("*.py")))


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever it does, but for those that only types need."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "ssnbench":
                yield from (f"ssnbench.{alias.name}" for alias in node.names)
            else:
                yield node.module


def arrows() -> Arrows:
    """The rooms that each room imports, itself left out."""
    found: dict[str, set[str]] = {}
    for room, path in sources():
        targets = {room_of(module) for module in imported(path)} - {None, room}
        found.setdefault(room, set()).update(target for target in targets if target)
    return {room: frozenset(targets & found.keys()) for room, targets in found.items()}


def floors(rooms: Arrows) -> dict[str, int]:
    """Height of each room: one more than the highest room that it imports; 0 at the bottom."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(target) for target in rooms[room]), default=-1)
        return heights[room]

    for room in rooms:
        height(room)
    return heights


def needed(rooms: Arrows) -> Arrows:
    """The arrows without those that a longer way implies, so that the drawing can be read."""
    reach: dict[str, frozenset[str]] = {}

    def below(room: str) -> frozenset[str]:
        if room not in reach:
            reach[room] = rooms[room].union(*(below(target) for target in rooms[room]))
        return reach[room]

    return {
        room: frozenset(
            target
            for target in targets
            if not any(target in below(other) for other in targets - {target})
        )
        for room, targets in rooms.items()
    }


def drawing(rooms: Arrows) -> str:
    """The rooms as a Mermaid flowchart, the highest floor first."""
    heights = floors(rooms)
    lines = ["```mermaid", "flowchart TD"]
    for floor in sorted(set(heights.values()), reverse=True):
        names = sorted(room for room in rooms if heights[room] == floor)
        lines += [f"    subgraph floor{floor}[ ]", "        direction LR"]
        lines += [f"        {name}" for name in names] + ["    end"]
    for room, targets in sorted(needed(rooms).items()):
        lines += [f"    {room} --> {target}" for target in sorted(targets)]
    return "\n".join([*lines, "```"])


def purpose(room: str) -> str:
    """First sentence of a room's docstring, or of a single file's."""
    if room in PLUG_INS:
        return f"The {room} that ship: one file, one plug-in."
    path = PACKAGE / room / "__init__.py"
    path = path if path.is_file() else PACKAGE / f"{room}.py"
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.split("\n\n")[0].split())


def table(rooms: Arrows) -> str:
    """What each room is for and what it imports, from the top floor down."""
    heights = floors(rooms)
    lines = ["| room | what it is | imports |", "| --- | --- | --- |"]
    for room in sorted(rooms, key=lambda room: (-heights[room], room)):
        targets = ", ".join(f"`{target}`" for target in sorted(rooms[room])) or "nothing of ours"
        lines.append(f"| `{room}` | {purpose(room)} | {targets} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    rooms = arrows()
    parts = [
        INTRODUCTION,
        "## The rooms\n",
        "An arrow is an import; those that a longer way implies are left out of the drawing.\n",
        drawing(rooms) + "\n",
        table(rooms) + "\n",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
