"""Speed of SSN as a whole: a training step by part, inference by stage, memory of a large image.

Prints Markdown tables: median (fastest) milliseconds over repeats, after a warm-up. Beside a step
stands what plain PyTorch needs for it: float32, clustering by tensor operations.
"""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import numpy as np
import torch

from benchmarks._shared import parser
from ssnbench.ssn import SSN, Architecture, FeatureNetwork, Grid, slic, ssn_loss
from ssnbench.ssn.layer import Implementation
from ssnbench.ssn.precision import Precision
from ssnbench.stages import collect

BATCH, PATCH, N_SEGMENTS, N_ITER, N_LABELS = 8, 201, 100, 5, 50
STEP = ("network", "clustering", "loss", "backward", "adam")


class Step:
    """One training step of the paper's setting on made-up patches."""

    def __init__(self, device: str, half: bool, way: Implementation) -> None:
        self.device, self.half, self.way = device, half, way
        self.network = FeatureNetwork(Architecture()).to(device)
        self.grid = Grid.of(PATCH, PATCH, N_SEGMENTS)
        noise = torch.Generator().manual_seed(0)
        self.lab = 100 * torch.rand((BATCH, 3, PATCH, PATCH), generator=noise).to(device)
        blocks = torch.randint(0, N_LABELS, (BATCH, 1, 9, 9), generator=noise).float()
        segments = torch.nn.functional.interpolate(blocks, (PATCH, PATCH))[:, 0]
        self.segments = segments.to(device, torch.int64)
        if way == "kernel":
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.lab = self.lab.contiguous(memory_format=torch.channels_last)
        self.adam = torch.optim.Adam(self.network.parameters())

    def __call__(self) -> list[float]:
        """Milliseconds of each part."""
        told = [self._now()]
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.half):
            features = self.network(self.lab, self.grid)
        told.append(self._now())
        made = slic(features, N_SEGMENTS, N_ITER, implementation=self.way)
        told.append(self._now())
        loss = ssn_loss(made, self.segments, features[:1, :2].detach(), n_labels=N_LABELS)
        told.append(self._now())
        self.adam.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        told.append(self._now())
        self.adam.step()
        told.append(self._now())
        return [1000 * (b - a) for a, b in pairwise(told)]

    def _now(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def training(device: str, repeats: int) -> None:
    table("Training step, batch 8, 201 x 201, K = 100, k = 20, v = 5, ms", "way", *STEP, "all")
    ways: dict[str, tuple[bool, Implementation]] = {
        "bfloat16": (True, "kernel"),
        "float32": (False, "kernel"),
        "plain PyTorch": (False, "reference"),
    }
    for name, (half, way) in ways.items():
        step = Step(device, half, way)
        row(name, _repeated(step, repeats if way == "kernel" else 2))


def inference(device: str, repeats: int) -> None:
    stages = ("colour", "network", "clustering", "joining")
    table("Inference, 512 x 1024, K = 1000, v = 10, k = 20, ms", "precision", *stages, "all")
    image = _picture(512, 1024)
    choices: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in choices:
        ssn = SSN(FeatureNetwork(Architecture()), device=device, precision=precision)

        def call(ssn: SSN = ssn) -> list[float]:
            with collect() as seconds:
                ssn(image, 1000)
                if device == "cuda":
                    torch.cuda.synchronize()
            return [1000 * seconds[stage] for stage in stages]

        row(precision, _repeated(call, repeats))


def large(device: str) -> None:
    """Time and memory of an image in strips; the peak is the process's, so this runs last."""
    ssn = SSN(FeatureNetwork(Architecture()), device=device)
    image = _picture(8192, 8192)
    start = time.perf_counter()
    ssn(image, 100_000)
    seconds = time.perf_counter() - start
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n8192 x 8192, K = 100 000, k = 20: {seconds:.0f} s, peak {peak:.1f} GiB")


def _repeated(run: Callable[[], list[float]], repeats: int) -> list[list[float]]:
    run()
    return [run() for _ in range(repeats)]


def _picture(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    blocks = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)


def table(title: str, *columns: str) -> None:
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")


def row(name: str, runs: list[list[float]]) -> None:
    columns = [*zip(*runs, strict=True), [sum(run) for run in runs]]
    print(f"| {name} | {' | '.join(f'{median(c):.0f} ({min(c):.0f})' for c in columns)} |")


def main() -> None:
    command = parser("learning", __doc__)
    command.add_argument("--threads", type=int, default=torch.get_num_threads())
    command.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    command.add_argument("--repeats", type=int, default=7)
    command.add_argument("--large", action="store_true", help="8192 x 8192 pixels, too (minutes)")
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {platform.processor() or platform.machine()}, "
        f"{options.device}, {options.threads} threads"
    )
    training(options.device, options.repeats)
    inference(options.device, options.repeats)
    if options.large:
        large(options.device)


if __name__ == "__main__":
    main()
