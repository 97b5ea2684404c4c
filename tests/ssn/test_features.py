from __future__ import annotations

import numpy as np
import pytest
import torch

from ssnbench.contracts import Image
from ssnbench.kernels.colour import rgb_to_lab
from ssnbench.ssn import features

CPU = torch.device("cpu")


def test_lab_in_pytorch_is_that_of_the_core() -> None:
    """What a GPU computes, tried on the CPU."""
    levels = np.linspace(0, 255, 18).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(18, -1, 3)
    made = features._lab(torch.from_numpy(cube)[None])[0].numpy()
    np.testing.assert_allclose(made, rgb_to_lab(cube), atol=2e-3)


def test_lab_of_a_batch(toy_image: Image) -> None:
    batch = np.stack((toy_image, toy_image[::-1]))
    made = features.rgb_to_lab(torch.from_numpy(batch), CPU)
    assert made.shape == (2, 3, *toy_image.shape[:2])
    assert made.is_contiguous(memory_format=torch.channels_last)
    for lab, image in zip(made, batch, strict=True):
        expected = rgb_to_lab(np.ascontiguousarray(image))
        np.testing.assert_array_equal(lab.permute(1, 2, 0).numpy(), expected)


def test_says_that_it_wants_uint8() -> None:
    with pytest.raises(ValueError, match="expected uint8 images, got"):
        features.rgb_to_lab(torch.zeros(1, 4, 4, 3), CPU)
