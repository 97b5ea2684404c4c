"""What the harness costs: start of the command line, overhead of a job, compiled code kept.

Overhead of a job is all but segmentation and metrics: planning, handing out, reading the image
and its truths, writing rows. It is measured on as many jobs as a real run hands out per image.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._shared import parser
from ssnbench.labels import checked, enforce_connectivity
from ssnbench.metrics import prepare, score
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.results.store import Store
from ssnbench.run import plan
from ssnbench.run.execute import execute
from ssnbench.run.plan import Plan

COUNTS = tuple(range(100, 1300, 50))  # as many jobs per image as eight methods at three counts


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


def useful_seconds(work: Plan) -> float:
    """Time of segmentation, connectivity and metrics alone, everything else at hand."""
    dataset = work.dataset.open()
    samples = {image: dataset[image] for image in work.images}
    references = {
        image: prepare(sample.truths, "seal", shape=sample.image.shape[:2])
        for image, sample in samples.items()
    }
    start = time.perf_counter()
    for job in work.jobs:
        sample = samples[job.key.image]
        raw = checked(job.label_source(sample, job.key.n_asked), sample.image.shape[:2])
        score(
            enforce_connectivity(raw, job.key.n_asked).labels,
            references[job.key.image],
            image=sample.image,
        )
    return time.perf_counter() - start


def overhead(dataset: str, root: Path | None, limit: int, n_workers: int) -> None:
    work = plan.make(
        plan.choose_algorithms("grid"),  # quick: what is left over is not lost in its noise
        dataset_ref(dataset, root=root),
        COUNTS,
        limit=limit,
    )
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "warm") as store:
        execute(work.jobs[:40], store, 1, n_workers)
    useful = useful_seconds(work) / n_workers
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        start = time.perf_counter()
        execute(work.jobs, store, 1, n_workers)
        wall = time.perf_counter() - start
    n = len(work.jobs)
    print(
        f"{dataset}, {n_workers} worker(s), {n} jobs: {1e3 * wall / n:.2f} ms a job, of which "
        f"{1e3 * (wall - useful) / n:.2f} ms harness; {wall / useful:.2f} x the useful work"
    )


def main() -> None:
    command = parser("harness", __doc__)
    command.add_argument("--dataset", default="collage")
    command.add_argument("--data-root", type=Path)
    command.add_argument("--limit", type=int, default=10)
    arguments = command.parse_args()
    start_up()
    compiled_code_is_kept()
    for n_workers in (1, 2):
        overhead(arguments.dataset, arguments.data_root, arguments.limit, n_workers)


if __name__ == "__main__":
    main()
