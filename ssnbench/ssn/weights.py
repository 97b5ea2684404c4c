"""Networks on disk: safetensors with a header that says what they are; nothing is ever unpickled.

A file holds the tensors of one network, and in its header the architecture and the facts of its
training. Those that ship lie in the folder ``weights`` beside this module, named
``model.data``: ``ssn.bsds500``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
from safetensors.torch import save as to_bytes
from torch import Tensor

from ssnbench.contracts import PathLike, UsageError
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.network import FeatureNetwork

SHIPPED = Path(__file__).with_name("weights")
"""Folder of the weights that come with the package."""

SUFFIX = ".safetensors"
_FORMAT = "ssnbench.ssn/1"
_HEADER = "ssnbench"


class Content(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    tensors : dict of str to Tensor
        On the CPU.
    facts : dict
        Its header: JSON values by name.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save_network(path: PathLike, network: FeatureNetwork, training: Mapping[str, Any]) -> None:
    """Write a network to a file, as a whole or not at all.

    Parameters
    ----------
    path : path
        Where to; an older file is replaced.
    network : FeatureNetwork
        On any device.
    training : mapping
        Facts worth keeping (data, steps, seed, scores ...); anything that JSON can hold.
    """
    facts = {"architecture": asdict(network.architecture), "training": dict(training)}
    write_tensors(path, network.state_dict(), facts, kind=_FORMAT)


def load_network(path: PathLike, k: int | None = None) -> tuple[FeatureNetwork, dict[str, Any]]:
    """Read a network that :func:`save_network` wrote.

    Parameters
    ----------
    path : path
        A file.
    k : int, optional
        Channels of the features that are expected.

    Returns
    -------
    network : FeatureNetwork
        On the CPU, in evaluation mode.
    training : dict
        The facts that were kept with it.

    Raises
    ------
    UsageError
        When there is no such file; when it is cut short, or not one of ours; when its tensors do
        not fit its architecture, or hold NaN; when its k is another than asked for.
    """
    tensors, facts = read_tensors(path, kind=_FORMAT)
    architecture = Architecture.from_facts(facts["architecture"])
    if k is not None and architecture.k != k:
        raise UsageError(f"{path} has k = {architecture.k}, not {k}: choose other weights or k")
    network = FeatureNetwork(architecture)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} does not fit its own architecture: {reason}") from error
    broken = sorted(name for name, values in tensors.items() if not values.isfinite().all())
    if broken:
        raise UsageError(f"{path} holds NaN or infinite weights in {', '.join(broken)}")
    return network.eval(), facts["training"]


def find(name: str, model: str = "ssn") -> Path:
    """Path of weights by name, or of a file as it is.

    Parameters
    ----------
    name : str
        ``bsds500`` (weights of ``model``), ``ssn-k10.bsds500`` (a full name), or a path.
    model : str
        Prefix of a short name.

    Raises
    ------
    UsageError
        When nothing is called so; the error says what there is.
    """
    if name.endswith(SUFFIX) or os.sep in name:
        return Path(name)
    full = name if "." in name else f"{model}.{name}"
    path = SHIPPED / f"{full}{SUFFIX}"
    if not path.is_file():
        known = ", ".join(names()) or "none are installed"
        raise UsageError(f"no weights are called {full}; there are: {known}; or name a file")
    return path


def names() -> list[str]:
    """Names of the weights that come with the package, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in SHIPPED.glob(f"*{SUFFIX}"))


def write_tensors(
    path: PathLike, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], *, kind: str
) -> None:
    """Write tensors and JSON facts to a safetensors file, as a whole or not at all.

    Raises
    ------
    UsageError
        When it cannot be written; an older file then stays as it was.
    """
    # One entry only: safetensors writes several in any order, and equal networks should be equal
    # files.
    header = {_HEADER: json.dumps({"format": kind, "facts": facts}, sort_keys=True)}
    plain = {name: values.detach().cpu().contiguous() for name, values in tensors.items()}
    write_whole(Path(path), to_bytes(plain, header))


def read_tensors(path: PathLike, *, kind: str) -> Content:
    """Read a file that :func:`write_tensors` wrote with the same ``kind``.

    Raises
    ------
    UsageError
        When there is no such file, or it is cut short, or of another kind.
    """
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path}")
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise UsageError(f"{path} is cut short, or no safetensors file ({error})") from error
    if header.get("format") != kind:
        found = header.get("format", "something else")
        raise UsageError(f"{path} should hold {kind}, but holds {found}")
    return Content(tensors, header["facts"])


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file so that whoever reads it, also after a crash, finds the old or the new one.

    Raises
    ------
    UsageError
        When the disk is full or the folder cannot be written; what was there is left untouched.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # a temporary file is for its owner only
        temporary.replace(path)
        _fsync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot write {path}: {reason}; what was there is kept") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _fsync_folder(folder: Path) -> None:
    """Make a renaming survive a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
