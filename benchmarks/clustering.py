"""Speed and memory of differentiable SLIC, beside the usual port's way of doing it.

Prints Markdown tables: median (fastest) milliseconds over repeats, after a warm-up.
"""

from __future__ import annotations

import platform
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data
from torch import Tensor

from benchmarks._shared import parser
from ssnbench.ssn import Grid, segment, slic
from ssnbench.ssn.kernels.grid import cells
from ssnbench.ssn.layer import Implementation
from ssnbench.stages import collect

SIZE, N_SEGMENTS, N_ITER = (512, 1024), 1000, 10


def port(features: Tensor, n_segments: int, n_iter: int) -> Tensor:
    """Cluster as public PyTorch ports do: nine gathers per pixel, and a sparse n x m matrix."""
    pixels = features[0].flatten(1).T
    n = len(pixels)
    grid = Grid.of(features.shape[2], features.shape[3], n_segments)
    table = cells(grid, features.device)
    cell = table.place // table.pixels.shape[1]
    near, exists = table.neighbours[cell], table.exists[cell]
    row = torch.arange(n, device=features.device)[:, None].expand(n, 9)
    own = torch.sparse_coo_tensor(torch.stack((cell, row[:, 0])), torch.ones(n, device=row.device))
    centres: Tensor = torch.sparse.mm(own, pixels) / cell.bincount()[:, None]
    for _ in range(n_iter):
        columns = [(pixels - centres[near[:, k]]).square().sum(1) for k in range(9)]
        distance = torch.stack(columns, 1).masked_fill(~exists, torch.inf)
        weights = (-distance).softmax(1)
        entries = torch.stack((near.flatten(), row.flatten()))
        matrix = torch.sparse_coo_tensor(entries, weights.flatten(), (grid.n_cells, n)).coalesce()
        mass = torch.sparse.sum(matrix, 1).to_dense()
        centres = torch.sparse.mm(matrix, pixels) / mass[:, None]
    return centres


def milliseconds(run: Callable[[], object], repeats: int, device: str) -> tuple[float, float]:
    """Median and fastest of some runs, after one to warm up."""
    run()
    taken = []
    for _ in range(repeats):
        _wait(device)
        start = time.perf_counter()
        run()
        _wait(device)
        taken.append(1000 * (time.perf_counter() - start))
    return median(taken), min(taken)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def noise(device: str, batch: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn((batch, channels, height, width), generator=generator).to(device)


def table(title: str, *columns: str) -> None:
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")


def ways(device: str, repeats: int, with_port: bool) -> None:
    table("512 x 1024, K = 1000, v = 10", "way", "C", "ms")
    choices: tuple[Implementation, ...] = ("kernel", "reference")
    for channels in (5, 20):
        features = noise(device, 1, channels, *SIZE)
        for way in choices:
            half, best = milliseconds(
                lambda f=features, w=way: slic(f, N_SEGMENTS, N_ITER, implementation=w),  # type: ignore[misc]
                repeats if way == "kernel" else 3,
                device,
            )
            print(f"| {way} | {channels} | {half:.1f} ({best:.1f}) |")
        if with_port:
            taken = _port_milliseconds(features, N_SEGMENTS, N_ITER)
            print(f"| usual port | {channels} | {taken:.0f} |")


def growth(device: str, repeats: int, with_port: bool) -> None:
    """Time grows with pixels and iterations alone, hardly with the number of superpixels."""
    columns = ("C", "H x W", "K", "v", "ms", "ns/(px v)", "of K = 1000", "usual port")
    table("Kernels: linear in pixels and v, flat in K", *columns)
    cases = [(SIZE, k, N_ITER) for k in (N_SEGMENTS, 10, 100, 5000, 20000)]
    cases += [(size, N_SEGMENTS, N_ITER) for size in ((256, 512), (1024, 2048))]
    cases += [(SIZE, N_SEGMENTS, v) for v in (1, 5, 20)]
    for channels in (5, 20):
        usual = float("nan")
        for size, k, v in cases:
            features = noise(device, 1, channels, *size)
            half, best = milliseconds(
                lambda f=features, k=k, v=v: slic(f, k, v),  # type: ignore[misc]
                repeats,
                device,
            )
            each = 1e6 * half / (size[0] * size[1] * v)
            usual = half if (size, k, v) == cases[0] else usual
            same = size == SIZE and v == N_ITER
            flat = f"{half / usual:.2f}" if same else ""
            times = f"x {_port_milliseconds(features, k, v) / half:.0f}" if same & with_port else ""
            print(
                f"| {channels} | {size[0]} x {size[1]} | {k} | {v} | {half:.1f} ({best:.1f}) "
                f"| {each:.1f} | {flat} | {times} |"
            )


def _port_milliseconds(features: Tensor, k: int, v: int) -> float:
    start = time.perf_counter()
    port(features, k, v)
    _wait(features.device.type)
    return 1000 * (time.perf_counter() - start)


def whole_calls(device: str, repeats: int) -> None:
    """Everything from sRGB to joined labels, by stages: SSN without a network."""
    names = ("colour", "network", "clustering", "joining")
    shown = ("colour", "features", "clustering", "joining")
    table("SSN_pix, 512 x 1024, v = 10: the whole call, and its stages", "K", "ms", *shown)
    half: NDArray[np.uint8] = data.astronaut()  # type: ignore[no-untyped-call]
    image = np.concatenate((half, half[:, ::-1]), 1)
    for k in (100, N_SEGMENTS, 5000):
        runs: list[dict[str, float]] = []

        def call(k: int = k, runs: list[dict[str, float]] = runs) -> None:
            with collect() as seconds:
                segment(image, k, variant="pix", n_iter=N_ITER, device=device)
            runs.append(seconds)

        whole, best = milliseconds(call, repeats, device)
        parts = [f"{1000 * median(run[name] for run in runs[1:]):.1f}" for name in names]
        print(f"| {k} | {whole:.1f} ({best:.1f}) | {' | '.join(parts)} |")


def training(device: str, repeats: int) -> None:
    table("Forward and backward, batch 8, 201 x 201, K = 100, C = 20, v = 5", "way", "ms")
    features = noise(device, 8, 20, 201, 201).requires_grad_()
    weights = noise(device, 8, 9, 201, 201)

    def step(way: Implementation) -> None:
        features.grad = None
        made = slic(features, 100, 5, implementation=way)
        (made.associations * weights).sum().backward()  # type: ignore[no-untyped-call]

    choices: tuple[Implementation, ...] = ("kernel", "reference")
    for way in choices:
        half, best = milliseconds(
            lambda w=way: step(w),  # type: ignore[misc]
            repeats if way == "kernel" else 3,
            device,
        )
        print(f"| {way} | {half:.1f} ({best:.1f}) |")


def memory(device: str) -> None:
    table("Peak memory of a call, over features and Q together", "C", "times")
    for channels in (5, 20):
        features = noise(device, 1, channels, *SIZE)
        slic(features, N_SEGMENTS, N_ITER)
        least = 4 * SIZE[0] * SIZE[1] * (channels + 9)
        print(f"| {channels} | {_peak(features, device) / least:.2f} |")


def _peak(features: Tensor, device: str) -> int:
    """Bytes of the features, and of the most that was allocated beside them."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        slic(features, N_SEGMENTS, N_ITER)
        return features.nbytes + torch.cuda.max_memory_allocated() - before
    tracemalloc.start()  # the kernels' arrays are numpy's, which it knows
    slic(features, N_SEGMENTS, N_ITER)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return features.nbytes + peak


def main() -> None:
    command = parser("clustering", __doc__)
    command.add_argument("--threads", type=int, default=torch.get_num_threads())
    command.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    command.add_argument("--repeats", type=int, default=9)
    command.add_argument("--no-port", action="store_true", help="skip the usual port (minutes)")
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    name = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor()
    print(f"{name or platform.machine()}, {options.threads} threads, torch {torch.__version__}")
    ways(options.device, options.repeats, not options.no_port)
    growth(options.device, options.repeats, not options.no_port)
    whole_calls(options.device, options.repeats)
    training(options.device, options.repeats)
    memory(options.device)


if __name__ == "__main__":
    main()
