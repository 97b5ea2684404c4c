from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.plugins import catalog
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.results.store import Store
from ssnbench.run import plan
from ssnbench.run.execute import execute

LOOSE = '''"""Stripes, for the tests."""
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Stripes:
    width: int = 0

    def __call__(self, image, n_segments):
        columns = np.arange(image.shape[1]) * n_segments // image.shape[1]
        return np.broadcast_to(columns, image.shape[:2])

PLUGIN = Stripes
'''


def wheel(folder: Path, name: str, modules: dict[str, str], entry_points: str) -> Path:
    """Write a real wheel by hand: no build tool, no network."""
    info = f"{name}-1.0.dist-info"
    files = modules | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    record = ""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            record += f"{file},sha256={digest.decode()},{len(text.encode())}\n"
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def install(folder: Path, name: str, modules: dict[str, str], entry_points: str) -> dict[str, str]:
    """Install a wheel into a folder of its own; return the environment that sees it."""
    site = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    path = wheel(folder, name, modules, entry_points)
    subprocess.run([*command, "--target", str(site), str(path)], check=True, capture_output=True)
    here = str(Path(plugins.__file__).parents[2])
    return os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{here}"}


def ssnbench(
    arguments: list[str], env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    code = "import sys; from ssnbench.cli import main; sys.exit(main())"
    here = str(Path(plugins.__file__).parents[2])
    env = env or os.environ | {"PYTHONPATH": here}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=env | {"COLUMNS": "200"},
        cwd=cwd,
        check=False,
    )


def test_built_in_names() -> None:
    assert {"slic", "ssn", "slic-opencv"} <= set(plugins.names("algorithms"))
    assert {"bsds500", "collage"} <= set(plugins.names("datasets"))


@pytest.mark.parametrize("kind", ["algorithms", "datasets"])
def test_every_built_in_can_be_listed_and_loaded(kind: plugins.Kind) -> None:
    for entry in plugins.entries(kind).values():
        assert entry.summary
        assert not entry.missing
        assert plugins.load(kind, entry.name)


def test_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no algorithm is called 'slick'; did you mean slic"):
        plugins.load("algorithms", "slick")
    with pytest.raises(UsageError, match="see: ssnbench list datasets"):
        plugins.load("datasets", "zzzzzzz")


def test_loose_file_is_registered_once(tmp_path: Path) -> None:
    path = tmp_path / "my_stripes.py"
    path.write_text(LOOSE)
    entry = plugins.add_file(path)
    assert plugins.add_file(path) is entry
    assert (entry.name, entry.kind, entry.signature) == ("my-stripes", "algorithms", "width=0")
    assert entry.summary == "Stripes, for the tests."
    stripes: Any = plugins.load("algorithms", "my-stripes")
    assert stripes().width == 0


def test_loose_file_may_not_take_a_name(tmp_path: Path) -> None:
    path = tmp_path / "slic.py"
    path.write_text(LOOSE)
    with pytest.raises(UsageError, match="two algorithms are called 'slic': built-in and"):
        plugins.add_file(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "last line should be PLUGIN"),
        ("import nowhere_to_be_found", "does not import: ModuleNotFoundError"),
        ("def (", "does not import: SyntaxError"),
    ],
)
def test_broken_loose_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        plugins.add_file(path)
    with pytest.raises(UsageError, match="no plug-in file"):
        plugins.add_file(tmp_path / "absent.py")


def test_what_was_read_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.entries("algorithms")
    monkeypatch.setattr(catalog, "_LATELY", 0)

    def read_again(*_: object) -> None:
        raise AssertionError("the catalogue was read again")

    plugins.entries("algorithms")
    monkeypatch.setattr(catalog, "_built_in", read_again)
    monkeypatch.setattr(catalog, "distributions", read_again)
    assert plugins.load("algorithms", "grid") is plugins.load("algorithms", "grid")


def test_a_distribution_that_is_installed_meanwhile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert "stripes" not in plugins.names("algorithms")
    info = tmp_path / "striped-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: striped\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ssnbench.algorithms]\nstripes = striped:Stripes\n")
    (tmp_path / "striped.py").write_text(LOOSE)
    assert plugins.find("algorithms", "stripes").source == "striped"
    stripes: Any = plugins.load("algorithms", "stripes")
    assert stripes(width=3).width == 3


def test_a_file_that_is_added_to_a_folder_of_plug_ins_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "algorithms").mkdir()
    monkeypatch.setattr(catalog, "_ROOT", tmp_path)
    monkeypatch.setattr(catalog, "_FOLDERS", (str(tmp_path / "algorithms"),))
    assert "my-stripes" not in plugins.names("algorithms")
    (tmp_path / "algorithms" / "my_stripes.py").write_text(LOOSE)
    assert plugins.find("algorithms", "my-stripes").source == "built-in"


def test_a_job_does_not_ask_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once sixteen times a job, for each metric anew, it cost more than all the rest."""
    source = dataset_ref("collage(n_images=1,height=30,width=40)")
    todo = plan.make(plan.choose_algorithms("grid"), source, range(4, 20))
    with Store(tmp_path) as store:
        execute(todo.jobs[:1], store, 1)
        asked: list[str] = []
        known = catalog.entries

        def counted(kind: plugins.Kind) -> dict[str, plugins.Entry]:
            asked.append(kind)
            return known(kind)

        monkeypatch.setattr(catalog, "entries", counted)
        monkeypatch.setattr(plugins, "entries", counted)
        assert execute(todo.jobs, store, 1)["ok"] == 16
    assert len(asked) <= 1


def test_version_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    entry = plugins.Entry("p", "algorithms", "built-in", "p", "PLUGIN", path)
    path.write_text("a = 1")
    first = entry.version
    path.write_text("a = 2")
    assert entry.version != first


@pytest.mark.slow
def test_third_party_package_runs_through_workers(tmp_path: Path) -> None:
    modules = {"stripes_pkg/__init__.py": "", "stripes_pkg/stripes.py": LOOSE}
    points = "[ssnbench.algorithms]\nstripes = stripes_pkg.stripes:Stripes\n"
    env = install(tmp_path, "stripes_pkg", modules, points)
    loose = tmp_path / "loose_stripes.py"
    loose.write_text(LOOSE)
    out = tmp_path / "out"
    arguments = ["run", "--algos", "stripes,loose-stripes", "--plugin", str(loose)]
    arguments += ["--dataset", "collage(n_images=2,height=40,width=60)", "--segments", "4"]
    done = ssnbench([*arguments, "--jobs", "2", "--no-times", "--out", str(out)], env)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(out / "results.sqlite") as store:
        rows = store.execute("SELECT DISTINCT label, status, n_made FROM records").fetchall()
    store.close()
    assert sorted(rows) == [("loose-stripes", "ok", 4), ("stripes", "ok", 4)]


def test_third_party_package_that_cannot_run(tmp_path: Path) -> None:
    modules = {"needy.py": f"import nowhere_to_be_found\n{LOOSE}"}
    env = install(tmp_path, "needy", modules, "[ssnbench.algorithms]\nneedy = needy:Stripes\n")
    listed = ssnbench(["list", "algos"], env)
    assert "unavailable: needs nowhere_to_be_found" in listed.stdout
    tried = ssnbench(["run", "--algos", "needy", "--out", str(tmp_path / "out")], env)
    assert tried.returncode == 2
    assert "needy needs nowhere_to_be_found: pip install it first" in tried.stderr


def test_third_party_package_may_not_take_a_name(tmp_path: Path) -> None:
    points = "[ssnbench.algorithms]\nslic = impostor:Stripes\n"
    env = install(tmp_path, "impostor", {"impostor.py": LOOSE}, points)
    done = ssnbench(["list", "algos"], env)
    assert done.returncode == 2
    assert json.dumps("slic").strip('"') in done.stderr
    assert "built-in and impostor" in done.stderr


def test_a_plug_in_imports_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "parts_of_mine.py").write_text("def rows(image):\n    return image[..., 0] * 0\n")
    (tmp_path / "of_parts.py").write_text(
        "from dataclasses import dataclass\nfrom parts_of_mine import rows\n\n\n"
        "@dataclass(frozen=True)\nclass Parts:\n"
        "    def __call__(self, image, n_segments):\n        return rows(image)\n\n\n"
        "PLUGIN = Parts\n"
    )
    entry = plugins.add_file(tmp_path / "of_parts.py")
    assert plugins.load("algorithms", "of-parts")()(np.ones((2, 3, 3), np.uint8), 1).shape == (2, 3)
    before = entry.version
    (tmp_path / "parts_of_mine.py").write_text("def rows(image):\n    return image[..., 1] * 0\n")
    assert entry.version != before
