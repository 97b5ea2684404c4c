"""Speed of SSN as a whole: a training step by part, inference by stage, memory of a large image.

Prints Markdown tables: median (fastest) milliseconds over repeats, after a warm-up. Beside them
stands what plain PyTorch needs: float32, its own convolutions, clustering by tensor operations.
The ways of inference take turns, so that what else the machine does slows all of them.

``--agreement`` needs $SSNBENCH_DATA: bfloat16 against float32 on twenty validation images.
"""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import pairwise
from statistics import median
from unittest import mock
from unittest.mock import Mock

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from benchmarks._shared import data_and_oracle, parser
from ssnbench import evaluate, plugins
from ssnbench.contracts import Labels
from ssnbench.learning.setup import layout
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
            self.network.to(memory_format=layout(device))  # type: ignore[call-overload]
            self.lab = self.lab.contiguous(memory_format=layout(device))
        self.adam = torch.optim.Adam(self.network.parameters())

    def __call__(self) -> list[float]:
        """Milliseconds of each part."""
        told = [self._now()]
        with self._convolutions():
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

    def _convolutions(self) -> AbstractContextManager[object]:
        if self.way == "kernel":
            return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.half)
        never = {"suits": Mock(return_value=False), "joins": Mock(return_value=False)}
        return mock.patch.multiple("ssnbench.ssn.network", **never)

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


class Inference:
    """One call of the trained network's size on a made-up picture, by stage."""

    STAGES = ("colour", "network", "clustering", "joining")

    def __init__(self, device: str, precision: Precision, plain: bool) -> None:
        self.device, self.plain = device, plain
        self.ssn = SSN(FeatureNetwork(Architecture()), device=device, precision=precision)
        if plain:
            self.ssn.packed = None
        self.image = _picture(512, 1024)

    def __call__(self) -> list[float]:
        """Milliseconds of each stage."""
        with collect() as seconds, self._clustering():
            self.ssn(self.image, 1000)
            if self.device == "cuda":
                torch.cuda.synchronize()
        return [1000 * seconds[stage] for stage in self.STAGES]

    def _clustering(self) -> AbstractContextManager[object]:
        reference = partial(slic, implementation="reference")
        return mock.patch("ssnbench.ssn.model.slic", reference) if self.plain else nullcontext()


def inference(device: str, repeats: int) -> None:
    stages = Inference.STAGES
    table("Inference, 512 x 1024, K = 1000, v = 10, k = 20, ms", "way", *stages, "all")
    ways = {
        "float32": Inference(device, "float32", plain=False),
        "bfloat16": Inference(device, "bfloat16", plain=False),
        "plain PyTorch": Inference(device, "float32", plain=True),
    }
    runs: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            runs[name].append(way())
    for name, all_of_them in runs.items():
        row(name, all_of_them[1:])


def agreement(n_images: int = 20) -> None:
    """What the arithmetic changes in labels and scores."""
    data, _ = data_and_oracle()
    dataset = plugins.load("datasets", "bsds500")(data, "val")
    samples = [dataset[key] for key in dataset.keys()[:n_images]]
    full, half = (SSN.from_pretrained(precision=p) for p in ("float32", "bfloat16"))
    columns = "same pixels", "ASA float32", "ASA bfloat16", "BR float32", "BR bfloat16"
    table(f"bfloat16 against float32, {len(samples)} images of BSDS500 val", "K", *columns)
    for asked in (100, 300, 1000):
        same, scores = [], []
        for sample in samples:
            maps = [ssn(sample.image, asked) for ssn in (full, half)]
            same.append(agreeing(*maps))
            found = [evaluate(each, sample.truths, metrics="asa,br") for each in maps]
            scores.append([each[name] for name in ("asa", "br") for each in found])
        means = " | ".join(f"{mean:.5f}" for mean in np.mean(scores, 0))
        print(f"| {asked} | {np.mean(same):.4f} | {means} |", flush=True)


def agreeing(ours: Labels, theirs: Labels) -> float:
    """Share of pixels of the same superpixel, after the best matching of labels."""
    shared = np.zeros((ours.max() + 1, theirs.max() + 1))
    np.add.at(shared, (ours.ravel(), theirs.ravel()), 1)
    matched: float = shared[linear_sum_assignment(-shared)].sum() / ours.size
    return matched


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
    command.add_argument("--agreement", action="store_true", help="bfloat16 against float32")
    command.add_argument("--large", action="store_true", help="8192 x 8192 pixels, too (minutes)")
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {platform.processor() or platform.machine()}, "
        f"{options.device}, {options.threads} threads"
    )
    if options.agreement:
        agreement()
        return
    training(options.device, options.repeats)
    inference(options.device, options.repeats)
    if options.large:
        large(options.device)


if __name__ == "__main__":
    main()
