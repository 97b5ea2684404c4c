"""Milliseconds per image of our methods beside the libraries': one thread, 481 x 321, K = 600.

Prints Markdown tables: median (fastest) over repeats, after a warm-up that compiles; with
``--growth`` nanoseconds per pixel from 0.15 to 8 megapixels, the size of a superpixel unchanged.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import time
from statistics import median

import cv2
import numpy as np

from benchmarks._shared import parser
from ssnbench import plugins
from ssnbench.contracts import Algorithm, Image

METHODS = ("slic", "seeds", "lsc", "mslic", "snic", "ers", "etps", "scalp", "gslic")
LIBRARIES = {
    "slic": ("slic-skimage", "slic-opencv"),
    "seeds": ("seeds-opencv",),
    "lsc": ("lsc-opencv",),
    "mslic": ("mslic-opencv",),
}
"""What libraries offer of the same method."""

SHAPE, N_SEGMENTS = (321, 481), 600
SCALES = (1, 2, 4, 7)
"""Enlargements of the image: 0.15, 0.6, 2.5 and 7.6 megapixels."""


def main() -> None:
    command = parser("methods", __doc__)
    command.add_argument("methods", nargs="*", default=METHODS)
    command.add_argument("--repeats", type=int, default=7)
    command.add_argument("--growth", action="store_true", help="larger images, too (minutes)")
    options = command.parse_args()
    cv2.setNumThreads(1)
    print(f"{platform.processor() or platform.machine()}, one thread, 481 x 321, K = 600\n")
    print("| method | ms | library | ms | ratio |\n| --- | ---: | --- | ---: | ---: |")
    image = picture(1)
    for name in options.methods:
        compared(name, image, options.repeats)
    if options.growth:
        grown(options.methods)


def compared(name: str, image: Image, repeats: int) -> None:
    """Print a row for each library that has the method, or one without."""
    ours = milliseconds(method(name), image, N_SEGMENTS, repeats)
    for library in LIBRARIES.get(name, ()):
        theirs = milliseconds(method(library), image, N_SEGMENTS, repeats)
        ratio = median(theirs) / median(ours)
        print(f"| {name} | {told(ours)} | {library} | {told(theirs)} | {ratio:.1f} |", flush=True)
    if name not in LIBRARIES:
        print(f"| {name} | {told(ours)} | | | |", flush=True)


def grown(names: tuple[str, ...]) -> None:
    """Print nanoseconds per pixel for larger and larger images."""
    pictures = [picture(scale) for scale in SCALES]
    sizes = [image.shape[0] * image.shape[1] for image in pictures]
    print(f"\n| ns per pixel | {' | '.join(f'{size / 1e6:.2f} MP' for size in sizes)} |")
    print(f"|{' --- |' * (1 + len(sizes))}")
    for name in names:
        cells = []
        for scale, image, size in zip(SCALES, pictures, sizes, strict=True):
            fastest = min(milliseconds(method(name), image, N_SEGMENTS * scale**2, 2))
            cells.append(f"{1e6 * fastest / size:.0f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def picture(scale: int) -> Image:
    """A cut-paper scene of the collage, enlarged, with noise of its own at every size."""
    height, width = SHAPE
    collage = plugins.load("datasets", "collage")(height=height, width=width, n_images=1)
    image = collage[collage.keys()[0]].image
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 4, large.shape)
    noisy: Image = np.clip(large + noise, 0, 255).astype(np.uint8)
    return noisy


def method(name: str) -> Algorithm:
    """A method with its own parameters."""
    made: Algorithm = plugins.load("algorithms", name)()
    return made


def milliseconds(run: Algorithm, image: Image, n_segments: int, repeats: int) -> list[float]:
    """Time of each repeat, after a warm-up."""
    run(image, n_segments)
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(image, n_segments)
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def told(times: list[float]) -> str:
    """Median and fastest."""
    return f"{median(times):.1f} ({min(times):.1f})"


if __name__ == "__main__":
    main()
