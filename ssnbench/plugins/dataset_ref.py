"""A dataset as a job names it: light enough to be sent to a worker, which opens it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssnbench import plugins
from ssnbench.contracts import Dataset, UsageError
from ssnbench.plugins.variant import Variant, parse, paths_of
from ssnbench.plugins.versions import combined, file_version


@dataclass(frozen=True)
class DatasetRef:
    """A dataset as a job names it: light enough to be sent to a worker, which opens it there."""

    variant: Variant
    split: str
    root: Path | None = None

    @property
    def label(self) -> str:
        """Name under which results are filed."""
        return self.variant.label

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that the dataset has."""
        splits: tuple[str, ...] = self._plugin.SPLITS
        return splits

    @property
    def licence(self) -> str:
        """Licence of the data, in a few words; nothing where the dataset does not say."""
        words: str = getattr(self._plugin, "LICENCE", "")
        return words

    @property
    def undefined(self) -> Mapping[str, str]:
        """Metrics that are not defined on the dataset, each with the reason."""
        found: Mapping[str, str] = getattr(self._plugin, "UNDEFINED", {})
        return found

    @property
    def tolerances(self) -> Mapping[str, float]:
        """Tolerances in pixels that the dataset asks for, by protocol."""
        found: Mapping[str, float] = getattr(self._plugin, "TOLERANCES", {})
        return found

    @property
    def _plugin(self) -> Any:
        return self.variant.load("datasets")

    @property
    def code_version(self) -> str:
        """Short hash of the plug-in's code."""
        return self.variant.version("datasets")

    def data_versions(self, images: Iterable[str]) -> dict[str, str]:
        """Versions of images with their truths: of the files they rest on and the plug-in's code.

        Raises
        ------
        UsageError
            When a file is there, but cannot be read.
        """
        code = self.code_version
        files_of = getattr(self.open(), "files_of", None)
        if files_of is None:
            return dict.fromkeys(images, code)
        try:
            return {
                key: combined([code, *map(file_version, paths_of(files_of(key)))]) for key in images
            }
        except OSError as error:
            raise UsageError(f"cannot read {error.filename}: {error.strerror}") from None

    def open(self) -> Dataset:
        """Load the dataset's plug-in and make the dataset."""
        dataset: Dataset = self.variant.build("datasets", root=self.root, split=self.split)
        return dataset


def dataset_ref(dataset: str, split: str | None = None, root: Path | None = None) -> DatasetRef:
    """Resolve a dataset's name, parameters and split.

    Raises
    ------
    UsageError
        For an unknown dataset or parameter, or a split that the dataset does not have.
    """
    variant = parse("datasets", dataset)
    cls: Any = plugins.load("datasets", variant.name)
    chosen = cls.split if split is None else split
    if chosen not in cls.SPLITS:
        hint = f"{variant.name} has {', '.join(cls.SPLITS)}"
        raise plugins.unknown(f"split of {variant.name}", chosen, cls.SPLITS, hint)
    return DatasetRef(variant, chosen, root)
