"""The connectivity step on raw SLIC maps, beside one labelling by scipy as baseline."""

from __future__ import annotations

import time
from collections.abc import Callable

from scipy import ndimage
from skimage.segmentation import slic

from benchmarks._shared import parser
from ssnbench.api import load_dataset
from ssnbench.kernels.components import components
from ssnbench.labels import count, enforce_connectivity


def milliseconds(call: Callable[[], object], repeats: int = 20) -> float:
    """Fastest of several calls, after one that is not counted."""
    call()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def main() -> None:
    """Print one line per size."""
    parser("connectivity", __doc__).parse_args()
    for height, width in ((321, 481), (512, 1024), (1024, 2048)):
        dataset = load_dataset(f"collage(height={height},width={width})")
        image = dataset[dataset.keys()[0]].image
        raw = slic(image, 1000, enforce_connectivity=False, start_label=0).astype("int32")
        ours = milliseconds(lambda raw=raw: enforce_connectivity(raw, 1000).labels)  # type: ignore[misc]
        scipy = milliseconds(lambda raw=raw: ndimage.label(raw))  # type: ignore[misc]
        print(
            f"{height} x {width}: {count(raw)} labels in {components(raw)[1]} components become "
            f"{enforce_connectivity(raw, 1000).n_made}: {ours:.2f} ms, "
            f"{ours / scipy:.1f} x one binary labelling"
        )


if __name__ == "__main__":
    main()
