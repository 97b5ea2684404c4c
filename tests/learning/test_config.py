from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ssnbench.contracts import Sample, UsageError
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.validate import Validation


def test_one_cycle_is_that_of_pytorch() -> None:
    config = TrainConfig(steps=50, rate=0.01)
    parameter = torch.nn.Parameter(torch.zeros(1))
    adam = torch.optim.Adam([parameter], lr=1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, 0.01, total_steps=50, pct_start=0.3, cycle_momentum=False
    )
    for step in range(50):
        assert config.rate_at(step) == pytest.approx(schedule.get_last_lr()[0], rel=1e-6)
        adam.step()
        if step < 49:
            schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_short_trainings_have_a_rate(steps: int) -> None:
    rates = [TrainConfig(steps=steps, rate=1).rate_at(step) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)


def test_constant_rate() -> None:
    config = TrainConfig(steps=9, rate=1e-4, schedule="constant")
    assert {config.rate_at(step) for step in range(9)} == {1e-4}


def test_what_may_change_on_the_way() -> None:
    def differs(a: TrainConfig, b: TrainConfig) -> bool:
        free = a.free()
        return any(v != vars(b)[k] for k, v in vars(a).items() if k not in free)

    assert not differs(TrainConfig(), TrainConfig(save_every=7, device="cuda"))
    assert differs(TrainConfig(), TrainConfig(steps=7))
    assert not differs(TrainConfig(schedule="constant"), TrainConfig(schedule="constant", steps=7))
    assert differs(TrainConfig(), TrainConfig(seed=1))


def test_precision_is_a_choice() -> None:
    assert TrainConfig(precision="bfloat16").uses_bfloat16()
    assert not TrainConfig(precision="float32").uses_bfloat16()
    assert TrainConfig().uses_bfloat16() in (True, False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps must be 1 or more, got 0"),
        ({"rate": float("nan")}, "rate must be positive"),
        ({"decay": 1}, "decay must be 0 or more and below 1"),
        ({"schedule": "step"}, "schedule must be one of one-cycle, constant, got 'step'"),
        ({"learns": "depth"}, "learns must be one of segments, flow, got 'depth'"),
        ({"precision": "half"}, "precision must be one of"),
    ],
)
def test_says_what_is_out_of_range(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TrainConfig(**changes)


def test_validations_take_a_twentieth_of_the_time() -> None:
    bsds = 481 * 321
    plain = TrainConfig()
    assert plain.validation_interval(20 * 3 * bsds) == 1000
    assert replace(plain, batch=4).validation_interval(100 * 4 * bsds) == 2000
    assert replace(plain, validate_every=7).validation_interval(100 * 4 * bsds) == 7
    with pytest.raises(UsageError, match="validate_every must be 0 or more, got -1"):
        TrainConfig(validate_every=-1)


def test_a_short_training_is_validated_on_fewer_images() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    samples = [Sample(str(number), image, ()) for number in range(20)]
    whole = Validation(samples, lambda *_: 0.0, counts=(6, 20))
    long, short = TrainConfig(patch=100), TrainConfig(patch=100, batch=1, steps=100)
    assert whole.n_pixels == 20 * 2 * 20_000
    assert whole.affordable(long) is whole
    fewer = whole.affordable(short)
    assert [sample.key for sample in fewer.samples] == ["0", "4", "8", "12", "16"]
    assert fewer.n_pixels <= short.affordable_pixels()
    assert len(whole.affordable(replace(short, steps=1)).samples) == 4
    assert whole.affordable(replace(short, schedule="constant")) is whole
