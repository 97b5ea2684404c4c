"""What a version covers, found by syntax: code in turn, content of files, never their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssnbench import plugins
from ssnbench.plugins import versions
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.plugins.versions import code_version, file_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package like this one: an algorithm, kernels that import one another, and its frame."""
    for name, code in {
        "kernels/near.py": "from ssnbench.kernels import far\n",
        "kernels/far.py": "X = 1\n",
        "kernels/unused.py": "X = 1\n",
        "contracts.py": "X = 1\n",
        "mine.py": "from ssnbench.contracts import X\n"
        "def f():\n    from ssnbench.kernels.near import y\n",
    }.items():
        path = tmp_path / "ssnbench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.setattr(versions, "_PACKAGE", tmp_path / "ssnbench")
    return tmp_path / "ssnbench"


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("mine.py", True),
        ("kernels/near.py", True),
        ("kernels/far.py", True),
        ("kernels/unused.py", False),
        ("contracts.py", False),
    ],
)
def test_code_that_is_imported_in_turn_counts(package: Path, name: str, counts: bool) -> None:
    before = code_version(package / "mine.py")
    (package / name).write_text((package / name).read_text() + "Y = 2\n")
    assert (code_version(package / "mine.py") != before) is counts


@pytest.mark.parametrize(
    "line", ["import parts", "from parts import x", "from parts.inner import x"]
)
def test_a_file_beside_a_loose_plug_in_counts(tmp_path: Path, line: str) -> None:
    target = tmp_path / ("parts/inner.py" if "inner" in line else "parts.py")
    target.parent.mkdir(exist_ok=True)
    target.write_text("x = 1\n")
    (tmp_path / "mine.py").write_text(f"import numpy\n{line}\n")
    before = code_version(tmp_path / "mine.py")
    target.write_text("x = 2\n")
    assert code_version(tmp_path / "mine.py") != before


def test_modules_of_a_plug_in_in_a_package_count(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    for name, code in (("__init__", ""), ("help", "x = 1\n"), ("more", "x = 1\n")):
        (tmp_path / "theirs" / f"{name}.py").write_text(code)
    plugin = tmp_path / "theirs" / "method.py"
    plugin.write_text("from .help import x\nfrom theirs import more\n")
    seen = {code_version(plugin)}
    for name in ("help", "more"):
        (tmp_path / "theirs" / f"{name}.py").write_text("x = 2\n")
        seen.add(code_version(plugin))
    assert len(seen) == 3


def test_a_broken_file_has_a_version_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def (\n")
    assert len(code_version(tmp_path / "mine.py")) == 12


def test_files_go_by_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    one.write_bytes(b"abc")
    assert file_version(other) == "missing"
    other.write_bytes(b"abc")
    assert file_version(one) == file_version(other)
    other.write_bytes(b"abd")
    assert file_version(one) != file_version(other)


def test_large_compressed_files_are_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    content = bytearray(3 * 2**20)
    path.write_bytes(content)
    before = file_version(path)
    content[-10] = 1  # the checksum at the end
    path.write_bytes(content)
    assert file_version(path) != before


@pytest.mark.parametrize("name", plugins.names("algorithms"))
def test_versions_of_algorithms_cover_their_kernels(name: str) -> None:
    path = plugins.find("algorithms", name).path
    assert path is not None
    covered = {file.parent.name for file in versions._closure(path)}
    assert "kernels" in covered or "ssnbench.kernels" not in path.read_text()


def test_datasets_without_files_go_by_their_code() -> None:
    collage = dataset_ref("collage")
    assert collage.data_versions(["a", "b"]) == dict.fromkeys("ab", collage.code_version)
