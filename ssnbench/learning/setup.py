"""What a training begins with: patches, network and optimiser, and what it is known by."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ssnbench.contracts import Sample, Trainable
from ssnbench.learning.checkpoint import Learner, TrainState
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.crops import Crops
from ssnbench.learning.log import settings_of
from ssnbench.learning.validate import Validation


def crops_of(trainable: Trainable, config: TrainConfig, samples: Sequence[Sample]) -> Crops:
    """Patches of the training images."""
    return Crops(
        samples,
        config.patch,
        seed=config.seed,
        scaling=config.scaling,
        device=config.device,
        learns=config.learns,
        frames=trainable.frames,
        annotators=config.annotators,
        represent=trainable.represent,
    )


def learner_of(trainable: Trainable, config: TrainConfig) -> Learner:
    """Network, average and optimiser before the first step."""
    network = _beginning(trainable, config)
    network.to(config.device, memory_format=layout(config.device))  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False).eval()
    adam = torch.optim.Adam(network.parameters(), lr=config.rate)
    return Learner(network, average, adam, TrainState())


def _beginning(trainable: Trainable, config: TrainConfig) -> nn.Module:
    if config.start:
        return trainable.load(config.start).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return trainable.network().train()


def layout(device: str) -> torch.memory_format:
    """In what order a training keeps images and weights in memory.

    Channels last is the faster one for convolutions and for their derivatives by the images. But
    without AVX-512 the derivative by the weights, 64 channels at 201 x 201 pixels, then takes four
    times as long, and a step a quarter longer. (SSN in float32 has kernels of its own.)
    """
    slow = device == "cpu" and "AVX512" not in torch.backends.cpu.get_cpu_capability()
    return torch.contiguous_format if slow else torch.channels_last


def facts_of(
    trainable: Trainable,
    config: TrainConfig,
    samples: Sequence[Sample],
    validation: Validation | None,
) -> dict[str, Any]:
    """What must not change when a training goes on."""
    free = config.free()
    facts = {k: v for k, v in settings_of(trainable, config).items() if k not in free}
    facts |= {"trainable": type(trainable).__name__, "data": _fingerprint(samples)}
    facts["validation"] = validation and {
        "data": _fingerprint(validation.samples),
        "counts": list(validation.counts),
    }
    return facts


def _fingerprint(samples: Sequence[Sample]) -> str:
    """Short hash of which images there are, and how many truths each has."""
    listed = "\n".join(f"{s.key} {len(s.truths)} {s.image.shape}" for s in samples)
    return hashlib.sha256(listed.encode()).hexdigest()[:12]
