"""What the Triton kernels take on three generations of GPUs, and the least time they can need.

Needs no GPU: Triton compiles for A100, H100 and B200 all the same. The second table counts bytes
and products on paper. Where there is a GPU, forward and backward are timed on it, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks._shared import parser
from ssnbench.ssn import Grid
from ssnbench.ssn.kernels import cuda

if not cuda.AVAILABLE:
    sys.exit("this benchmark needs Triton: pip install 'ssnbench[triton]'")

from ssnbench.ssn.kernels.cuda_compile import GENERATIONS, Launch, recorded


class Gpu(NamedTuple):
    """A GPU by its data sheet.

    Attributes
    ----------
    name : str
        Its name.
    bandwidth : float
        Bytes a second from its memory.
    tensor : float
        TF32 operations a second of its tensor cores, without sparsity.
    """

    name: str
    bandwidth: float
    tensor: float


GPUS = {
    80: Gpu("A100 80 GB", 2.04e12, 156e12),
    90: Gpu("H100 SXM", 3.35e12, 495e12),
    100: Gpu("B200", 8.0e12, 1.1e15),
}

PRODUCTS = 3
"""TF32 products for one of nearly float32."""


class Case(NamedTuple):
    """A call of the clustering: features (batch, channels, height, width), K, v."""

    name: str
    batch: int
    channels: int
    height: int
    width: int
    n_segments: int
    n_iter: int
    hard: bool = False
    trains: bool = False

    @property
    def grid(self) -> Grid:
        """Grid of the superpixels."""
        return Grid.of(self.height, self.width, self.n_segments)

    @property
    def cells(self) -> int:
        """Cells of all images of the batch."""
        return self.batch * self.grid.n_cells

    def features(self, device: str) -> Tensor:
        """Features of the right shape; noise, where there is a device to hold it."""
        return torch.randn(self.batch, self.channels, self.height, self.width, device=device)


CASES = (
    Case("image, C = 20", 1, 20, 512, 1024, 1000, 10),
    Case("image, C = 10", 1, 10, 512, 1024, 1000, 10),
    Case("image, C = 5", 1, 5, 512, 1024, 1000, 10),
    Case("image, C = 5, hard", 1, 5, 512, 1024, 1000, 10, hard=True),
    Case("image, C = 20, K = 20 000", 1, 20, 512, 1024, 20_000, 10),
    Case("image, C = 20, K = 10", 1, 20, 512, 1024, 10, 10),
    Case("training, C = 20", 8, 20, 201, 201, 100, 5, trains=True),
    Case("training, C = 10", 8, 10, 201, 201, 100, 5, trains=True),
)


def forward(case: Case, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return cuda.forward(features, case.grid, case.n_iter, hard=case.hard, keep=case.trains)


def backward(case: Case, features: Tensor, made: tuple[Tensor, ...]) -> Tensor:
    return cuda.backward(features, case.grid, made[3], made[0], made[1].double())


def launches(case: Case, arch: int) -> tuple[list[Launch], list[Launch]]:
    """What forward and backward launch; the latter only in training."""
    features = case.features("meta")
    with recorded(arch) as ahead:
        made = forward(case, features)
    with recorded(arch) as back:
        if case.trains:
            backward(case, features, made)
    return ahead, back


def header(*columns: str) -> None:
    print(f"| {' | '.join(columns)} |\n| --- |{' ---: |' * (len(columns) - 1)}")


def variant(launch: Launch) -> str:
    """Name of a kernel and what it was compiled for, but for its sizes."""
    flags = [name.lower() for name in ("HARD", "WRITE", "LAST") if launch.constants.get(name)]
    return ", ".join([f"`{launch.name}`", *flags])


def resources(cases: list[Case], archs: list[int]) -> None:
    """Print registers, spills, shared memory and occupancy of every kernel that occurs."""
    print("\nRegisters of a thread / KiB of shared memory of a program / warps of 64 at a time:\n")
    header("kernel", "C", "pixels", "warps", *(GPUS[arch].name for arch in archs), "spilled bytes")
    rows: dict[tuple[str, int, int, int], dict[int, Launch]] = {}
    for arch in archs:
        for case in cases:
            for launch in (each for way in launches(case, arch) for each in way):
                size = launch.constants["C"], launch.constants.get("BLOCK_P", 0), launch.warps
                rows.setdefault((variant(launch), *size), {})[arch] = launch
    for (name, channels, pixels, warps), row in sorted(rows.items()):
        cells = [
            f"{x.registers} / {x.shared / 1024:.0f} / {x.warps_at_a_time(GENERATIONS[arch])}"
            for arch, x in row.items()
        ]
        size_told = f"{channels} | {pixels or ''} | {warps}"
        spilled = max(x.spilled for x in row.values())
        print(f"| {name} | {size_told} | {' | '.join(cells)} | {spilled} |")


def work(case: Case, launch: Launch, chunks: int) -> tuple[float, float]:
    """Bytes that a launch moves at least, and operations of its products on the tensor cores."""
    n, c, cells = case.batch * case.height * case.width, case.channels, case.cells
    features, centres = 4 * n * c, 8 * cells * (c + 1)
    partial = 4 * 9 * cells * (c + 1) * chunks
    last, write = launch.constants.get("LAST"), launch.constants.get("WRITE")
    moved = {
        "average": features + centres,
        "associate": features + centres + partial + (40 * n if write else 0),
        "gather": partial + 2 * centres,
        "associate_backward": (2 if last else 3) * features + 3 * centres + partial
        + (36 * n if last else 0),
        "gather_backward": partial + 5 * centres,
        "add_mean_gradient": 2 * features + centres,
    }  # fmt: skip
    n_products = {"associate": 2, "associate_backward": 5}.get(launch.name, 0)
    return moved[launch.name], n_products and n_products * product(case, launch)


def product(case: Case, launch: Launch) -> float:
    """Operations of one product of all pixels with nine centres, padding included."""
    block_p, block_c = launch.constants["BLOCK_P"], launch.constants["BLOCK_C"]
    tall, wide = case.grid.cell_shape
    pixels = case.cells * -(-tall * wide // block_p) * block_p
    return float(PRODUCTS * 2 * 16 * block_c * pixels)


def roofline(cases: list[Case], archs: list[int]) -> None:
    """Print bytes, operations and the least time of forward and backward."""
    print("\nOn paper, microseconds: bytes at full bandwidth + products at full rate:\n")
    columns = ("launches", "MB an iteration", "MB", "GFLOP")
    header("case", *columns, *(GPUS[arch].name for arch in archs))
    for case in cases:
        for way, listed in zip(("forward", "backward"), launches(case, archs[0]), strict=True):
            if listed:
                print(f"| {case.name}, {way} | {' | '.join(paper(case, listed, archs))} |")


def paper(case: Case, listed: list[Launch], archs: list[int]) -> list[str]:
    """Row of a roofline."""
    chunks = max(x.programs for x in listed if "associate" in x.name) // case.cells
    each = [work(case, launch, chunks) for launch in listed]
    moved, done = (sum(column) for column in zip(*each, strict=True))
    # Of the iterations a usual one: the loss' own, which comes first going back, moves less.
    first = 1 if listed[0].name == "average" else 2
    iteration = each[first][0] + each[first + 1][0]
    times = [
        f"{1e6 * moved / GPUS[arch].bandwidth:.0f} + {1e6 * done / GPUS[arch].tensor:.0f}"
        for arch in archs
    ]
    numbers = f"{iteration / 1e6:.1f}", f"{moved / 1e6:.0f}", f"{done / 1e9:.1f}"
    return [str(len(listed)), *numbers, *times]


def host(case: Case, arch: int, repeats: int = 5) -> None:
    """Print what a launch costs the processor, but for the driver's own call."""
    features, best = case.features("meta"), float("inf")
    for _ in range(repeats):
        with recorded(arch) as listed:
            start = time.process_time()
            forward(case, features)
            best = min(best, (time.process_time() - start) / len(listed))
    each = f"{1e6 * best:.0f} microseconds"
    print(f"\nA launch costs the processor {each} of Python here, besides the driver's own.")


def timed(cases: list[Case], repeats: int) -> None:
    """Print the time of forward and backward on the GPU that is there, and of a graph's replay."""
    print(f"\n{torch.cuda.get_device_name()}, fastest of {repeats}, microseconds:\n")
    header("case", "forward", "forward, replayed", "backward")
    for case in cases:
        features = case.features("cuda")
        made = forward(case, features)
        numbers = [microseconds(partial(forward, case, features), repeats)]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            forward(case, features)
        numbers += [microseconds(graph.replay, repeats)]
        if case.trains:
            numbers += [microseconds(partial(backward, case, features, made), repeats)]
        print(f"| {case.name} | {' | '.join(f'{x:.0f}' for x in numbers)} |")


def microseconds(run: Callable[[], object], repeats: int) -> float:
    """Fastest of some runs by the GPU's own clock, after one to warm up."""
    run()
    best = float("inf")
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        run()
        end.record()
        end.synchronize()
        best = min(best, 1000 * start.elapsed_time(end))
    return best


def main() -> None:
    command = parser("gpu", __doc__)
    command.add_argument("--arch", type=int, choices=GPUS, action="append", help="only this one")
    command.add_argument("--case", choices=[case.name for case in CASES], help="only this one")
    command.add_argument("--repeats", type=int, default=50, help="where there is a GPU")
    options = command.parse_args()
    archs = options.arch or list(GPUS)
    cases = [case for case in CASES if options.case in (None, case.name)]
    resources(cases, archs)
    roofline(cases, archs)
    host(cases[0], archs[0])
    if torch.cuda.is_available():
        timed(cases, options.repeats)
    else:
        print("\nThere is no GPU here to time anything on.")


if __name__ == "__main__":
    main()
