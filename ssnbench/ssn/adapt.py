"""Begin a training with the weights of another network."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from ssnbench.contracts import UsageError
from ssnbench.ssn.architecture import N_XYLAB, Architecture
from ssnbench.ssn.network import FeatureNetwork

_LAST = "learned.last"


def adapted(network: FeatureNetwork, target: Architecture) -> FeatureNetwork:
    """Copy weights into a network that may have fewer channels, or see a second frame.

    Fewer channels are those mixtures of the old ones in which the weights of the last convolution
    are largest (its first singular vectors), so that distances between features, which are all
    that clustering looks at, change as little as possible. To a second frame the copy is blind at
    first.

    Parameters
    ----------
    network : FeatureNetwork
        Where the weights come from; it is left as it is.
    target : Architecture
        What is wanted. Scales and association may be any; ``k`` may be smaller and ``frames``
        larger; all else must be the same.

    Raises
    ------
    UsageError
        When the weights cannot be made to fit; the error names the fields that differ.
    """
    old = network.architecture
    free = {name: getattr(target, name) for name in ("color_scale", "eta", "association")}
    if target.frames >= old.frames:
        free["frames"] = target.frames
    if target.k <= old.k and not (target.k < old.k and target.last_relu):  # no mixing behind a ReLU
        free["k"] = target.k
    if replace(old, **free) != target:
        raise UsageError(f"the weights to start with are of another network: {old}, not {target}")
    tensors = network.state_dict()
    if target.k < old.k:
        tensors |= _narrowed(tensors, target.k - N_XYLAB)
    copy = FeatureNetwork(target)
    shapes = {name: values.shape for name, values in copy.state_dict().items()}
    copy.load_state_dict({name: _widened(x, shapes[name]) for name, x in tensors.items()})
    return copy


def _narrowed(tensors: dict[str, Tensor], n: int) -> dict[str, Tensor]:
    """The last convolution with ``n`` channels."""
    weight, bias = tensors[f"{_LAST}.weight"], tensors[f"{_LAST}.bias"]
    mixture = torch.linalg.svd(weight.flatten(1), full_matrices=False).U[:, :n].T
    mixed = (mixture @ weight.flatten(1)).view(n, *weight.shape[1:])
    return {f"{_LAST}.weight": mixed, f"{_LAST}.bias": mixture @ bias}


def _widened(values: Tensor, shape: torch.Size) -> Tensor:
    """Zero weights for channels of the input that were not there; they come last."""
    if values.shape == shape:
        return values
    return functional.pad(values, (0, 0, 0, 0, 0, shape[1] - values.shape[1]))
