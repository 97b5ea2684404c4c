from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from ssnbench.contracts import Batch, Image, Labels, Sample, UsageError
from ssnbench.kernels.colour import rgb_to_lab
from ssnbench.learning.crops import Crops, Scaling

AS_IT_IS = Scaling(1, 0)


def ramp(height: int = 40, width: int = 60, key: str = "a") -> Sample:
    """Grey stripes, brighter to the right, whose truth is the column; a second annotator: none."""
    column = np.broadcast_to(np.arange(width), (height, width))
    image: Image = np.repeat((column * 4)[..., None], 3, 2).astype(np.uint8)
    truth: Labels = np.ascontiguousarray(column, dtype=np.int32)
    return Sample(key, image, (truth, np.full_like(truth, -1)))


def same(a: Batch, b: Batch) -> bool:
    return torch.equal(a.inputs, b.inputs) and torch.equal(a.target, b.target)


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    first, again = Crops([ramp()], 16, seed=3), Crops([ramp()], 16, seed=3)
    first.batch(0, 4)
    assert same(first.batch(7, 4), again.batch(7, 4))
    assert not same(first.batch(7, 4), first.batch(8, 4))
    assert not same(first.batch(7, 4), Crops([ramp()], 16, seed=4).batch(7, 4))


@pytest.mark.parametrize("scale", [0.5, 1, 1.7, 3])
def test_image_and_truth_stay_aligned(scale: float) -> None:
    sample = ramp()
    lightness = torch.from_numpy(rgb_to_lab(sample.image))[0, :, 0]
    batch = Crops([sample], 16, scaling=Scaling(scale, 0, 0.1, 9)).batch(0, 8)
    known = batch.target[:, 0] >= 0
    assert 0 < known.sum() < known.numel()
    error = (lightness[batch.target[:, 0].clamp(min=0)] - batch.inputs[:, 0])[known]
    assert error.abs().max() < 3  # half a stripe is up to 0.9, one beside it at scale 0.5 as much


def test_flips_half_of_the_patches() -> None:
    sample = ramp()
    batch = Crops([Sample("a", sample.image, sample.truths[:1])], 16, scaling=AS_IT_IS).batch(0, 64)
    rising = batch.target[:, 0, 0, -1] > batch.target[:, 0, 0, 0]
    assert 16 < rising.sum() < 48
    assert torch.equal(batch.inputs[:, 0, 0, -1] > batch.inputs[:, 0, 0, 0], rising)


def test_patches_come_from_everywhere() -> None:
    truth = np.arange(20 * 30, dtype=np.int32).reshape(20, 30)
    crops = Crops([Sample("a", np.zeros((20, 30, 3), np.uint8), (truth,))], 16, scaling=AS_IT_IS)
    seen = set(crops.batch(0, 1500).target.flatten().tolist())
    assert seen == set(range(truth.size))
    assert crops.n_labels == truth.size


def test_every_annotator_is_drawn_once_a_round() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    flat = [np.full((20, 20), i, np.int32) for i in range(5)]
    samples = [
        Sample("a", image, tuple(flat[:2])),
        Sample("b", image),
        Sample("c", image, (*flat[2:],)),
    ]
    crops = Crops(samples, 8)
    assert (crops.n_images, crops.n_pairs) == (2, 5)
    drawn = [int(s[0, 0, 0]) for step in range(5) for s in crops.batch(step, 2).target]
    assert Counter(drawn[:5]) == Counter(drawn[5:]) == Counter(range(5))


def test_an_image_smaller_than_the_patch_is_enlarged() -> None:
    batch = Crops([ramp(7, 9)], 32).batch(0, 4)
    assert batch.inputs.shape == (4, 3, 32, 32)
    assert batch.target.shape == (4, 1, 32, 32)
    assert batch.target.max() < 9


@pytest.mark.parametrize("highest", [0, 32767, 32768, 100_000])
def test_any_number_of_segments(highest: int) -> None:
    truth = np.array([[-1, highest], [-5, highest]], np.int32)
    crops = Crops([Sample("a", np.zeros((2, 2, 3), np.uint8), (truth,))], 2, scaling=AS_IT_IS)
    batch = crops.batch(0, 1)
    assert crops.n_labels == highest + 1
    assert set(batch.target.flatten().tolist()) == {-1, highest}


def test_scales_are_clipped() -> None:
    rng = np.random.default_rng(0)
    scales = np.array([Scaling().draw(rng) for _ in range(500)])
    assert scales.min() == 0.75
    assert 2 < scales.max() <= 3
    assert 0.25 < (scales == 0.75).mean() < 0.5  # 37 % of N(1, 0.75) lie below


def test_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="no image of the training data has a truth"):
        Crops([Sample("a", np.zeros((2, 2, 3), np.uint8))])
    with pytest.raises(UsageError, match="0 < smallest <= largest"):
        Scaling(smallest=0)


def test_other_annotators_of_the_same_patch() -> None:
    """Four annotators number the same pixels 0.., 100.., 200.., 300..; a second image has one."""
    place = np.arange(30 * 30, dtype=np.int32).reshape(30, 30) % 100
    many = Sample("a", np.zeros((30, 30, 3), np.uint8), tuple(place + 100 * i for i in range(4)))
    single = Sample("b", np.zeros((30, 30, 3), np.uint8), (place + 1000,))
    crops = Crops([many, single], 8, annotators=3)
    first = set()
    for patch in crops.batch(0, 60).target:
        annotators = patch // 100
        assert (annotators == annotators[:, :1, :1]).all()
        order = annotators[:, 0, 0].tolist()
        first.add(order[0])
        if order[0] < 10:
            assert order == [(order[0] + i) % 4 for i in range(3)]
            assert (patch % 100 == patch[0] % 100).all(), "the same place"
        else:
            assert order == [10] * 3
    assert first == {0, 1, 2, 3, 10}


def test_what_the_network_sees_is_the_method_s_to_say() -> None:
    grey = Crops(
        [ramp()], 16, represent=lambda image: image[..., :1].astype(np.float32) / np.float32(255)
    )
    batch = grey.batch(0, 4)
    assert batch.inputs.shape == (4, 1, 16, 16)
    assert 0.1 < float(batch.inputs.max()) <= 1
    assert batch.n_labels == 60
