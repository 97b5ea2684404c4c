"""What there is to draw a recipe from: images or their stand-ins, methods whose weights are there.

Whatever differs from the paper becomes a note, and notes are written on the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.plugins.dataset_ref import DatasetRef, dataset_ref
from ssnbench.plugins.variant import Variant, parse
from ssnbench.reproduce.recipes import Method, Scene


@dataclass(frozen=True)
class ImageSet:
    """Images of a scene.

    Attributes
    ----------
    scene : Scene
        What the paper takes.
    source : Source
        What is taken.
    images : tuple of str
        Keys of all of its images.
    n_complete : int
        How many the complete dataset has; 0 where that is not known.
    builtin : bool
        Whether built-in pictures stand in.
    """

    scene: Scene
    source: DatasetRef
    images: tuple[str, ...]
    n_complete: int
    builtin: bool

    def of(self, limit: int | None) -> tuple[str, ...]:
        """Its first images."""
        return self.images[:limit]

    @property
    def pictured(self) -> str:
        """The image that a picture shows."""
        return self.scene.image if self.scene.image in self.images else self.images[0]

    def notes(self, n_images: int) -> list[str]:
        """What a figure of so many of its images must say."""
        count = f"{n_images} image{'' if n_images == 1 else 's'}"
        if self.builtin:
            return [f"built-in collage, not {self.scene.name}: {count}"]
        if n_images < self.n_complete:
            return [f"{n_images} of {self.n_complete} images"]
        return []

    @property
    def place(self) -> str:
        """Name of the images, for a heading."""
        return "built-in collage" if self.builtin else f"{self.scene.name} {self.source.split}"


def find(scene: Scene, root: Path | None) -> ImageSet:
    """Open the dataset of a scene, or what stands in for it where its files are not there."""
    source = dataset_ref(scene.dataset, scene.split, root)
    try:
        images = tuple(source.open().keys())
    except UsageError:
        stand_in = dataset_ref(scene.builtin)
        return ImageSet(scene, stand_in, tuple(stand_in.open().keys()), 0, True)
    complete = getattr(plugins.load("datasets", source.variant.name), "N_IMAGES", {})
    return ImageSet(scene, source, images, complete.get(source.split, 0), False)


@dataclass(frozen=True)
class ResolvedMethod:
    """A method of a recipe, resolved."""

    name: str
    variant: Variant


def resolve(methods: Sequence[Method]) -> tuple[tuple[ResolvedMethod, ...], list[str]]:
    """Resolve the methods; those whose weights are not there are left out and noted."""
    chosen, missing = [], []
    for method in methods:
        variant = parse("algorithms", method.algo)
        if has_weights(variant):
            chosen.append(ResolvedMethod(method.name, variant))
        else:
            missing.append(f"no {method.name}: no weights {dict(variant.params)['weights']}")
    return tuple(chosen), missing


def has_weights(variant: Variant) -> bool:
    """Whether the network that a variant of SSN names is installed; others need none."""
    weights = dict(variant.params).get("weights")
    if variant.name != "ssn" or weights is None:
        return True  # what ships as a default is there
    from ssnbench.ssn.weights import find as find_weights  # torch: only for those who need it

    try:
        find_weights(weights)
    except UsageError:
        return False
    return True
