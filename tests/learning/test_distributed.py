"""Training in two processes: torchrun, gloo, processors."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

import ssnbench
from ssnbench.learning.train import train
from ssnbench.ssn import weights

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()),
    reason="this PyTorch has no gloo: processes cannot talk to each other",
)
HERE = Path(__file__).parent
TINY = (
    *("train", "ssn", "--set", "width=4", "--k", "7", "--patch", "24", "--segments", "9"),
    *("--batch", "2", "--steps", "4", "--device", "cpu", "--val-limit", "0"),
    *("--dataset", "collage(n_images=2,height=48,width=64)"),
)


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, env=environment(), timeout=300
    )


def environment(**more: str) -> dict[str, str]:
    package = str(Path(ssnbench.__file__).parents[1])
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": package, **more}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left of the trainings of two_processes.py."""
    out = tmp_path_factory.mktemp("ddp")
    done = torchrun(str(HERE / "two_processes.py"), str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def seen(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def table(path: Path) -> list[list[float]]:
    rows = csv.reader(path.read_text().splitlines())
    return [[float(x) for x in row] for row in list(rows)[1:]]


def test_gradients_are_those_of_the_whole_batch(folder: Path, tmp_path: Path) -> None:
    """Without batch normalisation two processes do what one does."""
    sys.path.insert(0, str(HERE))
    try:
        import two_processes as two  # type: ignore[import-not-found, unused-ignore]
    finally:
        sys.path.remove(str(HERE))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(two.LINEAR, two.CONFIG, two.samples(), tmp_path, validation=two.validation())
    torch.set_num_threads(threads)
    for one, both in zip(
        table(tmp_path / "log.csv"), table(folder / "linear" / "log.csv"), strict=True
    ):
        assert both == pytest.approx(one, rel=2e-5)
    alone, _ = weights.load_network(tmp_path / "best.safetensors")
    joint, _ = weights.load_network(folder / "linear" / "best.safetensors")
    for name, values in alone.state_dict().items():
        torch.testing.assert_close(joint.state_dict()[name], values, rtol=1e-4, atol=1e-6)
    assert table(folder / "linear" / "validation.csv") == table(tmp_path / "validation.csv")


def test_the_first_process_alone_writes_and_tells(folder: Path, seen: list[dict[str, Any]]) -> None:
    assert [one["steps"] for one in seen] == [[1, 2, 3, 4, 5], []]
    pictures = ["collage-0000", "collage-0001"]  # the second was tried by the other process
    assert [one["shown"] for one in seen] == [[[3, pictures], [5, pictures]], []]
    assert seen[0]["linear"] == seen[1]["linear"]
    steps = [row[0] for row in table(folder / "deep" / "log.csv")]
    assert steps == [1, 2, 3, 4, 5]


def test_a_signal_to_one_stops_all_and_all_go_on(folder: Path, seen: list[dict[str, Any]]) -> None:
    assert [one["stopped"][:2] for one in seen] == [[4, False]] * 2
    assert [one["resumed"][:2] for one in seen] == [[5, True]] * 2
    names = {path.name for path in (folder / "deep").iterdir()}
    assert names == {path.name for path in (folder / "broken").iterdir()}
    for name in names - {"card.md", "sessions.csv"}:  # which say how often it was started
        assert (folder / "broken" / name).read_bytes() == (folder / "deep" / name).read_bytes()


def test_what_is_not_a_number_in_one_stops_all(seen: list[dict[str, Any]]) -> None:
    for one in seen:
        assert "not finite at step 4" in one["nan"]


def test_an_odd_batch_cannot_be_shared_out(folder: Path, seen: list[dict[str, Any]]) -> None:
    for one in seen:
        assert one["odd"] == "a batch of 3 cannot be shared out evenly over 2 processes"
    assert not (folder / "odd").exists()


def test_the_command_under_torchrun(tmp_path: Path) -> None:
    done = torchrun("-m", "ssnbench", *TINY, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("best network:") == 1
    assert len(table(tmp_path / "log.csv")) == 4


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed by Linux")
def test_no_thread_outlives_its_processes(tmp_path: Path) -> None:
    """One of gloo's that frees a tensor while Python ends would abort the process."""
    script = tmp_path / "threads.py"
    script.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom ssnbench.cli import main\n"
        "code = main(sys.argv[2:])\n"
        "tasks = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]\n"
        "Path(sys.argv[1], os.environ['RANK']).write_text(' '.join(tasks))\nsys.exit(code)\n"
    )
    done = torchrun(str(script), str(tmp_path), *TINY, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr[-3000:]
    for rank in "01":
        assert "gloo" not in (tmp_path / rank).read_text()


def test_when_one_process_dies_the_other_says_so(tmp_path: Path) -> None:
    """Started without torchrun, which would kill the other one before it can speak."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    dying = (
        "import os, sys\nfrom ssnbench.cli import main\nfrom ssnbench.learning.crops import Crops\n"
        "cut = Crops.batch\n\n\ndef batch(self, step, n):\n"
        "    if step == 2 and os.environ['RANK'] == '1':\n        os._exit(9)\n"
        "    return cut(self, step, n)\n\n\nCrops.batch = batch\nsys.exit(main())"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", dying, *TINY, "--out", str(tmp_path)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment(RANK=rank, WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port),
        )
        for rank in "01"
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [2, 9], said
    assert "another process of this training has ended" in said[0]
    assert "Traceback" not in said[0]
