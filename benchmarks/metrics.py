"""Speed and memory of the metrics on one thread.

Prints processor milliseconds per label map (best of many, warm), growth with annotators and pixels,
the gain from a second thread, the time of the first call, and memory per pixel beside the inputs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and numba are imported
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from benchmarks._shared import parser
from ssnbench.contracts import Image, Labels
from ssnbench.metrics import METRICS, PROTOCOLS, prepare, score

SIZE, LARGE, HUGE = (321, 481), (1024, 2048), (4096, 4096)
RESET = Path("/proc/self/clear_refs")
GOALS = {"seal": 1.5, "stutz": 3.0, "berkeley": 100.0}


def main() -> None:
    parser("metrics", __doc__).parse_args()
    start = time.perf_counter()
    labels, truths, image = scene(SIZE)
    for protocol in PROTOCOLS:
        score(labels, prepare(truths, protocol), image, METRICS)
    print(f"first calls, compilation or cache and all: {time.perf_counter() - start:.1f} s\n")
    print("protocol    481x321   goal   5 truths   2048x1024   growth   prepare   second thread")
    for protocol, goal in GOALS.items():
        print(line(protocol, goal))
    if not RESET.exists():
        print("\nmemory: Linux only")
        return
    print("\nmemory beside the inputs, 4096 x 4096, 5000 superpixels (bytes a pixel)")
    labels, truths, image = scene(HUGE, n_labels=5000, annotators=1)
    for protocol in PROTOCOLS:
        print(f"{protocol:10} {memory(labels, truths, image, protocol):6.1f}")


def scene(
    shape: tuple[int, int], n_labels: int = 600, annotators: int = 5
) -> tuple[Labels, list[Labels], Image]:
    """Make superpixels, truths with ragged outlines, and a noisy picture."""
    rng = np.random.default_rng(0)
    labels = cells(shape, n_labels, rng)
    truths = [cells(shape, 8 + 5 * i, rng) for i in range(annotators)]
    shade = (31 * truths[0] % 200).astype(np.uint8)[..., None]
    return labels, truths, shade + rng.integers(0, 50, (*shape, 3), np.uint8)


def cells(shape: tuple[int, int], n: int, rng: np.random.Generator) -> Labels:
    """Voronoi cells of scattered points; pixels jitter a little, so that outlines are ragged."""
    points = rng.uniform(0, 1, (n, 2)) * shape
    place = np.moveaxis(np.mgrid[: shape[0], : shape[1]], 0, -1).astype(np.float32)
    place += rng.normal(0, 0.5, place.shape).astype(np.float32)
    nearest = KDTree(points).query(place.reshape(-1, 2))[1]
    return np.unique(nearest, return_inverse=True)[1].reshape(shape).astype(np.int32)


def line(protocol: str, goal: float) -> str:
    labels, truths, image = scene(SIZE)
    one, five = prepare(truths[:1], protocol), prepare(truths, protocol)
    single = best(lambda: score(labels, one, image))
    several = best(lambda: score(labels, five, image))
    ready = best(lambda: prepare(truths[:1], protocol))
    gain = throughput(lambda: score(labels, one, image))
    big_labels, big_truths, big_image = scene(LARGE, annotators=1)
    reference = prepare(big_truths, protocol)
    big = best(lambda: score(big_labels, reference, big_image), repeats=10)
    return (
        f"{protocol:10} {single:6.2f} ms {goal:5.1f} ms {several / single:7.1f} x {big:9.1f} ms"
        f" {big / single:7.1f} x {ready:6.2f} ms {gain:11.2f} x"
    )


def best(call: Callable[[], object], repeats: int = 40) -> float:
    """Processor milliseconds of the fastest of many calls: others on the machine matter little."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.thread_time()
        call()
        seconds.append(time.thread_time() - start)
    return 1e3 * min(seconds)


def throughput(call: Callable[[], object], calls: int = 200) -> float:
    """How much faster two threads get through many calls: 2 at best."""
    seconds = []
    for workers in (1, 2):
        with ThreadPoolExecutor(workers) as pool:
            start = time.perf_counter()
            for done in [pool.submit(call) for _ in range(calls)]:
                done.result()
            seconds.append(time.perf_counter() - start)
    return seconds[0] / seconds[1]


def memory(labels: Labels, truths: Sequence[Labels], image: Image, protocol: str) -> float:
    """Peak bytes a pixel while scoring, by the kernel's own count (Linux)."""
    reference = prepare(truths, protocol)
    score(labels[:100, :100].copy(), prepare([truths[0][:100, :100]], protocol))
    RESET.write_text("5")  # forget the peak so far
    before = peak()
    score(labels, reference, image)
    return 1024 * (peak() - before) / labels.size


def peak() -> int:
    """Largest resident size so far in KiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
