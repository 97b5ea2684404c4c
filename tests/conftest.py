"""What several tests share: a toy image with its truth, and the way to the real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ssnbench.contracts import Image, Labels
from ssnbench.plugins import catalog


@pytest.fixture(autouse=True)
def _no_registered_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the plug-in files of other tests."""
    monkeypatch.setattr(catalog, "_registered", {})


@pytest.fixture(scope="session")
def toy_truth() -> Labels:
    """Four regions: a disc and a bar on a ground that is split in two."""
    row, column = np.mgrid[:60, :80]
    truth: Labels = (column >= 40).astype(np.int32)
    truth[(row - 20) ** 2 + (column - 25) ** 2 < 150] = 2
    truth[40:48, 10:70] = 3
    return truth


@pytest.fixture(scope="session")
def toy_image(toy_truth: Labels) -> Image:
    """The toy truth, coloured, shaded and a little noisy."""
    palette = np.array([[60, 90, 160], [200, 180, 90], [180, 60, 60], [80, 150, 80]])
    shade = np.linspace(-12, 12, toy_truth.shape[1])[None, :, None]
    noise = np.random.default_rng(0).normal(0, 4, (*toy_truth.shape, 3))
    return np.clip(palette[toy_truth] + shade + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Root of the real data, or skip."""
    root = os.environ.get("SSNBENCH_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("no real data: $SSNBENCH_DATA does not name a folder")
    return Path(root)


@pytest.fixture(scope="session")
def oracle(real_data: Path) -> Path:
    """Folder of the reference numbers, or skip."""
    folder = real_data.parent / "oracle"
    if not folder.is_dir():
        pytest.skip("no reference numbers beside the real data")
    return folder
