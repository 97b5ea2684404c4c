"""What the harness costs: start of the command line, overhead of a job, compiled code kept.

Overhead of a job is all but segmentation and metrics: handing out, reading the image and its
truths, writing rows. It is measured on small images, beside which it is large, as many jobs an
image as a real run has, and in an environment with many installed distributions. With one worker
seconds of the processor are counted, which other programs disturb less; with two, those that pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from benchmarks._shared import parser
from ssnbench.io.images import write_image
from ssnbench.io.label_maps import write_labels
from ssnbench.labels import checked, enforce_connectivity
from ssnbench.metrics import prepare, score
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.results.store import Store
from ssnbench.run import plan
from ssnbench.run.execute import execute
from ssnbench.run.plan import Plan

COUNTS = tuple(range(4, 28))  # as many jobs per image as eight methods at three counts
N_DISTRIBUTIONS = 300
SIZE = (32, 48)
REPEATS = 3
Clock: TypeAlias = Callable[[], float]


def seconds_of(*command: str, repeats: int = 5) -> float:
    """Fastest of several runs of a command."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return best


def start_up() -> None:
    bare = seconds_of(sys.executable, "-c", "pass")
    code = "from ssnbench.cli import main; main(['list', 'algos'])"
    listing = seconds_of(sys.executable, "-c", code)
    print(f"list algos: {listing:.2f} s, {listing / bare:.0f} x a bare interpreter ({bare:.3f} s)")


def compiled_code_is_kept() -> None:
    code = (
        "import time, numpy as np, ssnbench; t = time.perf_counter();"
        "l = np.indices((60, 80)).sum(0).astype(np.int32) // 20;"
        "ssnbench.evaluate(l, l, image=np.zeros((60, 80, 3), np.uint8));"
        "print(time.perf_counter() - t)"
    )
    first, second = (
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(2)
    )
    print(f"first score in a process: {first:.2f} s, in the next process: {second:.2f} s")


def useful_seconds(work: Plan, clock: Clock) -> float:
    """Time of segmentation, connectivity and metrics alone, everything else at hand."""
    dataset = work.dataset.open()
    samples = {image: dataset[image] for image in work.images}
    references = {
        image: prepare(sample.truths, "seal", shape=sample.image.shape[:2])
        for image, sample in samples.items()
    }
    start = clock()
    for job in work.jobs:
        sample = samples[job.key.image]
        raw = checked(job.label_source(sample, job.key.n_asked), sample.image.shape[:2])
        score(
            enforce_connectivity(raw, job.key.n_asked).labels,
            references[job.key.image],
            sample.image,
            job.metrics,
            sample.flow,
            sample.valid,
        )
    return clock() - start


def overhead(work: Plan, n_workers: int) -> None:
    """Print what a job costs; of the repeats the fastest, since other programs only slow it."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        execute(work.jobs[:40], store, 1, n_workers)
    clock = time.process_time if n_workers == 1 else time.perf_counter
    useful = min(useful_seconds(work, clock) for _ in range(REPEATS)) / n_workers
    whole = min(_seconds_of_run(work, n_workers, clock) for _ in range(REPEATS))
    n = len(work.jobs)
    print(
        f"{work.dataset.variant.name}, {n_workers} worker(s), {n} jobs: {1e3 * whole / n:.2f} ms a "
        f"job, of which {1e3 * (whole - useful) / n:.2f} ms harness; {n / whole:.0f} jobs a second"
    )


def _seconds_of_run(work: Plan, n_workers: int, clock: Clock) -> float:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        start = clock()
        execute(work.jobs, store, 1, n_workers)
        return clock() - start


def many_distributions(folder: Path) -> None:
    """Let this process and those that it starts see as many installed distributions as usual."""
    for number in range(N_DISTRIBUTIONS):
        info = folder / f"dummy_{number}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: dummy-{number}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text("[console_scripts]\ndummy = dummy:main\n")
    sys.path.append(str(folder))
    others = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), others)))


def small_images(folder: Path, n: int) -> str:
    """Write images with a truth each; return the dataset."""
    noise = np.random.default_rng(0)
    truth = np.indices(SIZE).sum(axis=0).astype(np.int32) // 20
    (folder / "labels").mkdir(parents=True)
    for number in range(n):
        write_image(folder / f"{number:03}.png", noise.integers(0, 256, (*SIZE, 3), np.uint8))
        write_labels(folder / "labels" / f"{number:03}.png", truth)
    return f"folder(path='{folder}')"


def main() -> None:
    command = parser("harness", __doc__)
    command.add_argument("--dataset", help="Measure on this one instead of small images.")
    command.add_argument("--data-root", type=Path)
    command.add_argument("--limit", type=int, default=40)
    arguments = command.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many_distributions(folder / "site")
        start_up()
        compiled_code_is_kept()
        dataset = arguments.dataset or small_images(folder / "images", arguments.limit)
        source = dataset_ref(dataset, root=arguments.data_root)
        grid = plan.choose_algorithms("grid")  # quick: what is left over is not lost in its noise
        work = plan.make(grid, source, COUNTS, limit=arguments.limit)
        for n_workers in (1, 2):
            overhead(work, n_workers)


if __name__ == "__main__":
    main()
