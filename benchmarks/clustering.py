"""Speed and memory of differentiable SLIC, beside the usual port's way of doing it.

Prints Markdown tables: median (fastest) milliseconds over repeats, after a warm-up.
"""

from __future__ import annotations

import platform
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from benchmarks._shared import parser
from ssnbench.ssn import Grid, slic
from ssnbench.ssn.kernels.grid import cells
from ssnbench.ssn.layer import Implementation

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
            start = time.perf_counter()
            port(features, N_SEGMENTS, N_ITER)
            _wait(device)
            print(f"| usual port | {channels} | {1000 * (time.perf_counter() - start):.0f} |")


def growth(device: str, repeats: int) -> None:
    table(
        "Kernels, C = 20: linear in pixels and v, flat in K", "H x W", "K", "v", "ms", "ns/(px v)"
    )
    sizes = [(256, 512), (512, 1024), (1024, 2048)]
    cases = [(s, 1000, 10) for s in sizes]
    cases += [(SIZE, k, 10) for k in (10, 100, 5000, 20000)] + [(SIZE, 1000, v) for v in (1, 5, 20)]
    for size, k, v in cases:
        features = noise(device, 1, 20, *size)
        half, best = milliseconds(
            lambda f=features, k=k, v=v: slic(f, k, v),  # type: ignore[misc]
            repeats,
            device,
        )
        each = 1e6 * half / (size[0] * size[1] * v)
        print(f"| {size[0]} x {size[1]} | {k} | {v} | {half:.1f} ({best:.1f}) | {each:.1f} |")


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
    command.add_argument("--no-port", action="store_true", help="skip the usual port (a minute)")
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    name = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor()
    print(f"{name or platform.machine()}, {options.threads} threads, torch {torch.__version__}")
    ways(options.device, options.repeats, not options.no_port)
    growth(options.device, options.repeats)
    training(options.device, options.repeats)
    memory(options.device)


if __name__ == "__main__":
    main()
