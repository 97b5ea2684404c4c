"""Learning flow from pairs of frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssnbench import plugins
from ssnbench.contracts import Sample, UsageError
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.crops import Crops, Scaling
from ssnbench.learning.data import negative_epe
from ssnbench.learning.train import train
from ssnbench.learning.validate import Validation
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.trainable import TrainableSSN

AS_IT_IS = Scaling(1, 0)
PAIRS = Architecture(width=4, k=7, frames=2)


def moving(height: int = 24, width: int = 30) -> Sample:
    """Flow (column, row) at every pixel, unknown in the first column, not valid in the last."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    flow = np.stack((columns, rows), -1)
    flow[:, 0] = np.nan
    valid = np.ones((height, width), bool)
    valid[:, -1] = False
    image = np.repeat((columns * 8).astype(np.uint8)[..., None], 3, 2)
    return Sample("a", image, (), flow, valid, image[:, ::-1].copy())


def crops(scaling: Scaling = AS_IT_IS, size: int = 16) -> Crops:
    return Crops([moving()], size, scaling=scaling, learns="flow", frames=2)


def test_patches_of_flow_are_mirrored_with_the_image() -> None:
    batch = crops().batch(0, 40)
    assert batch.inputs.shape == (40, 6, 16, 16)
    assert batch.target.shape == (40, 2, 16, 16)
    assert batch.valid is not None
    across = batch.target[:, 0].nan_to_num(0)
    flipped = (across < 0).any(2).any(1)
    assert flipped.any()
    assert not flipped.all()
    # Lightness rises to the right in the image, and flow to the right grows along with it.
    brighter = batch.inputs[:, 0, 0, -1] > batch.inputs[:, 0, 0, 0]
    assert torch.equal(brighter, ~flipped)
    assert torch.equal(batch.inputs[:, 3, 0, -1] > batch.inputs[:, 3, 0, 0], flipped), (
        "second frame"
    )


def test_flow_grows_with_its_patch() -> None:
    plain, twice = crops(size=16).batch(0, 60), crops(Scaling(2, 0, 1, 3), 32).batch(0, 60)
    assert float(twice.target.nan_to_num(0).abs().max()) == pytest.approx(
        2 * float(plain.target.nan_to_num(0).abs().max()), rel=0.05
    )


def test_what_is_not_valid_does_not_count() -> None:
    batch = crops(size=24).batch(0, 20)
    assert batch.valid is not None
    seen = torch.where(batch.valid, batch.target[:, 0].abs(), 5).flatten()
    assert not batch.valid.all()
    assert seen.min() >= 1
    assert seen.max() <= 28


def test_says_what_is_missing() -> None:
    sample = moving()
    with pytest.raises(UsageError, match="no image of the training data has flow"):
        Crops([Sample("a", sample.image)], learns="flow")
    with pytest.raises(UsageError, match="a has no second frame, which the network needs"):
        Crops([replace(sample, second=None)], learns="flow", frames=2)
    with pytest.raises(UsageError, match="see pairs of frames, and there is no second one"):
        SSN(FeatureNetwork(PAIRS))(sample.image, 4)
    with pytest.raises(ValueError, match=r"expected Lab of 2 frame\(s\), 6 channels, got 3"):
        FeatureNetwork(PAIRS)(torch.rand(1, 3, 8, 8), Grid.of(8, 8, 4))


@pytest.mark.parametrize("made", [PAIRS, replace(PAIRS, sees="xylab", last_sees_input=True)])
def test_the_second_frame_matters_to_learned_features_alone(made: Architecture) -> None:
    network = FeatureNetwork(replace(made, last_init="default")).eval()
    lab = torch.rand(1, 6, 12, 14) * 80
    other = torch.cat((lab[:, :3], lab[:, 3:].flip(3)), 1)
    grid = Grid.of(12, 14, 4)
    one, two = network(lab, grid), network(other, grid)
    assert one.shape == (1, 7, 12, 14)
    assert torch.equal(one[:, :5], two[:, :5])
    assert not torch.allclose(one[:, 5:], two[:, 5:])


def test_the_score_is_the_error_at_the_count_asked_for() -> None:
    sample = moving(8, 8)
    assert sample.flow is not None
    columns = np.arange(8, dtype=np.int32) // 4
    labels = np.tile(columns, (8, 1))  # two superpixels, of three valid columns each
    rows, across = np.indices((8, 8))
    error = [
        np.hypot(x - (2 if x < 4 else 5), y - 3.5)
        for x, y in zip(across.flat, rows.flat, strict=True)
        if 1 <= x <= 6
    ]
    assert negative_epe(labels, sample, 2) == pytest.approx(-np.mean(error), rel=1e-5)
    assert negative_epe(labels, sample, 1) == pytest.approx(
        -np.mean(error) * 2 ** (1 / 3), rel=1e-5
    )


def test_it_learns_to_follow_motion(tmp_path: Path) -> None:
    """Two halves of one colour move apart; only the second frame tells where they meet."""
    rng = np.random.default_rng(0)
    noise = rng.integers(110, 140, (48, 64, 1), dtype=np.uint8).repeat(3, 2)
    flow = np.zeros((48, 64, 2), np.float32)
    flow[:, 29:, 0] = 9
    second = noise.copy()
    second[:, 29:] = 255 - noise[:, 29:]
    sample = Sample("a", noise, (), flow, None, second)
    network = TrainableSSN(replace(PAIRS, width=8), n_segments=9)
    config = TrainConfig(
        learns="flow",
        steps=60,
        batch=2,
        patch=40,
        rate=1e-2,
        decay=0,
        scaling=AS_IT_IS,
        precision="float32",
    )
    validation = Validation([sample], negative_epe, (12,))
    result = train(network, config, [sample], tmp_path, validation=validation)
    assert result.weights is not None
    learned = SSN.from_pretrained(result.weights)(noise, 12, second)
    plain = plugins.load("algorithms", "ssn")(variant="pix")(noise, 12)
    assert negative_epe(learned, sample, 12) > 0.7 * negative_epe(plain, sample, 12)
