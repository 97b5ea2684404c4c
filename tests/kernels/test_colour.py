import numpy as np
import pytest
from skimage.color import rgb2lab

from ssnbench.contracts import Image
from ssnbench.kernels.colour import rgb_to_lab


def test_agrees_with_scikit_image_over_the_whole_cube() -> None:
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(len(steps), -1, 3)
    np.testing.assert_allclose(rgb_to_lab(cube), rgb2lab(cube), atol=1e-3)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_known_colours(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    image = np.array(rgb, dtype=np.uint8).reshape(1, 1, 3)
    np.testing.assert_allclose(rgb_to_lab(image)[0, 0], lab, atol=0.01)


def test_lightness_rises_with_grey_and_grey_has_no_hue() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    lab = rgb_to_lab(grey)
    assert (np.diff(lab[:, 0, 0]) > 0).all()
    np.testing.assert_allclose(lab[..., 1:], 0, atol=0.01)


def test_a_view_that_is_not_contiguous_gives_the_same() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    view = image[::-2, 1::3]
    np.testing.assert_array_equal(rgb_to_lab(view), rgb_to_lab(view.copy()))
    assert rgb_to_lab(view).dtype == np.float32


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
)
def test_refuses_what_is_not_an_rgb_image(image: Image) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        rgb_to_lab(image)
