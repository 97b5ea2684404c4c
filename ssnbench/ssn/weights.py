"""Networks of SSN on disk: safetensors with a header that says what they are.

A file holds the tensors of one network, and in its header the architecture and the facts of its
training. Those that ship lie in the folder ``weights`` beside this module, named
``model.data``: ``ssn.bsds500``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ssnbench.contracts import PathLike, UsageError
from ssnbench.io.limits import one_error
from ssnbench.learning.weights import misfits, read_header, read_tensors, write_tensors
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.network import FeatureNetwork

SHIPPED = Path(__file__).with_name("weights")
"""Folder of the weights that come with the package."""

SUFFIX = ".safetensors"
_FORMAT = "ssnbench.ssn/1"


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
    shapes, facts = read_header(path, kind=_FORMAT)
    architecture, training = facts.get("architecture"), facts.get("training")
    if not isinstance(architecture, dict) or not isinstance(training, dict):
        raise UsageError(f"{path} says neither what it is nor how it was trained")
    network = _network(path, Architecture.from_facts(architecture), shapes, k)
    tensors = read_tensors(path, kind=_FORMAT).tensors
    with one_error(path, "does not fit its own architecture"):
        network.load_state_dict(tensors)
    broken = sorted(name for name, values in tensors.items() if not values.isfinite().all())
    if broken:
        raise UsageError(f"{path} holds NaN or infinite weights in {', '.join(broken)}")
    return network.eval(), training


def _network(
    path: PathLike, architecture: Architecture, shapes: Mapping[str, Any], k: int | None
) -> FeatureNetwork:
    """Build a network, once what the file holds is known to fit it."""
    if k is not None and architecture.k != k:
        raise UsageError(f"{path} has k = {architecture.k}, not {k}: choose other weights or k")
    with one_error(path, "does not fit its own architecture"), torch.device("meta"):
        differences = misfits(shapes, FeatureNetwork(architecture).state_dict())
    if differences:
        shown = "; ".join(differences[:3])
        raise UsageError(f"{path} does not fit its own architecture: {shown}")
    return FeatureNetwork(architecture)


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
