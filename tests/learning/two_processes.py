"""What test_distributed.py runs under torchrun: several trainings, one after another.

It writes ``RANK.json`` into the folder that is its argument: what each process saw.
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from ssnbench import plugins
from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.crops import Crops
from ssnbench.learning.result import TrainProgress
from ssnbench.learning.train import train
from ssnbench.learning.validate import Validation
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.trainable import TrainableSSN

CONFIG = TrainConfig(
    steps=5,
    batch=4,
    patch=24,
    precision="float32",
    validate_every=3,
    save_every=2,
)
DEEP = TrainableSSN(Architecture(width=4, k=7), n_segments=9, n_iter=2)
LINEAR = replace(DEEP, architecture=Architecture(variant="linear", k=7))


def samples() -> list[Sample]:
    dataset = plugins.load("datasets", "collage")(n_images=3, height=48, width=64)
    return [dataset[key] for key in dataset.keys()]  # noqa: SIM118 - a dataset is no dict


def validation() -> Validation:
    def largest(labels: Labels, _sample: Sample, _count: int) -> float:
        return float(labels.max())

    return Validation(samples(), largest, counts=(6, 20), n_shown=2)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    importlib.import_module("torch._dynamo")  # before: it would hold on to the group
    dist.init_process_group("gloo")
    rank, steps, shown = dist.get_rank(), [], []

    def progress(now: TrainProgress) -> None:
        steps.append(now.step)

    def fit(name: str, network: TrainableSSN, batch: int = 4, **listeners: Any) -> Any:
        config, out = replace(CONFIG, batch=batch), folder / name
        result = train(network, config, samples(), out, validation=validation(), **listeners)
        return result.step, result.finished, result.best_step

    seen: dict[str, Any] = {
        "linear": fit("linear", LINEAR, progress=progress, validated=lambda *t: shown.append(t)),
        "steps": steps,
        "shown": [(step, [sample.key for sample, _ in result.shown]) for step, result in shown],
        "deep": fit("deep", DEEP),
    }
    cut = Crops.batch

    def spoiled(self: Crops, step: int, n: int) -> Any:
        batch = cut(self, step, n)
        if rank == 1 and step == 3:
            if harm == "signal":
                signal.raise_signal(signal.SIGTERM)
            else:
                batch.inputs[:] = torch.nan
        return batch

    Crops.batch = spoiled  # type: ignore[method-assign]
    harm = "signal"
    seen["stopped"] = fit("broken", DEEP)
    harm = "nan"
    try:
        fit("nan", DEEP)
    except UsageError as error:
        seen["nan"] = str(error)
    Crops.batch = cut  # type: ignore[method-assign]
    seen["resumed"] = fit("broken", DEEP)
    try:
        fit("odd", DEEP, batch=3)
    except UsageError as error:
        seen["odd"] = str(error)
    (folder / f"{rank}.json").write_text(json.dumps(seen))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
