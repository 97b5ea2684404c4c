"""A network for other runtimes: the features as ONNX, for images of any size.

Clustering is not part of it: it depends on the number of superpixels, and is a few lines in any
language (see ``ssnbench/ssn/kernels/reference.py``).
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from ssnbench.contracts import PathLike, UsageError
from ssnbench.learning.weights import write_whole
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.weights import find, load_network

_OPSET = 18
_NEEDS = ("onnx", "onnxscript")


def to_onnx(network: FeatureNetwork | SSN | PathLike, path: PathLike) -> None:
    """Write a network as an ONNX file, as a whole or not at all.

    The model has two inputs, ``lab``, float32 (B, 3 * frames, H, W), CIE Lab with L in 0..100, and
    ``position_scale``, float32 (): :func:`ssnbench.ssn.features.position_scale` of the grid of
    superpixels. Its output ``features``, float32 (B, k, H, W), is that of
    :class:`~ssnbench.ssn.network.FeatureNetwork`. B, H and W are free; batch normalisation is
    part of the convolutions. Its metadata hold the architecture as JSON.

    Parameters
    ----------
    network : FeatureNetwork, SSN, str or path
        On any device; it is left as it is. Or the name of weights (``bsds500``,
        ``ssn-k10.bsds500``), or their file.
    path : path
        Where to; an older file is replaced.

    Raises
    ------
    UsageError
        When ``onnx`` or ``onnxscript`` is not installed, there are no such weights, or the file
        cannot be written.
    TypeError
        When ``network`` is something else.

    Examples
    --------
    >>> to_onnx("bsds500", "ssn.onnx")  # or "best.safetensors", or SSN.from_pretrained("bsds500")
    >>> session = onnxruntime.InferenceSession("ssn.onnx")
    >>> architecture = json.loads(session.get_modelmeta().custom_metadata_map["architecture"])
    >>> scale = position_scale(Grid.of(height, width, 500), architecture["eta"])
    >>> given = {"lab": lab, "position_scale": np.array(scale, np.float32)}
    >>> (features,) = session.run(["features"], given)
    """
    _check_installed()
    network = _network(network)
    model = _Features(network.fused().cpu()).eval()
    example = (torch.rand(2, 3 * network.architecture.frames, 24, 40) * 100, torch.tensor(0.1))
    names = torch.export.Dim("batch"), torch.export.Dim("height"), torch.export.Dim("width")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            model,
            example,
            input_names=["lab", "position_scale"],
            output_names=["features"],
            opset_version=_OPSET,
            dynamo=True,
            dynamic_shapes={"lab": dict(zip((0, 2, 3), names, strict=True)), "position_scale": {}},
            verbose=False,
        )
    assert program is not None  # it is, where dynamo is True
    proto = program.model_proto
    entry = proto.metadata_props.add()
    entry.key, entry.value = "architecture", json.dumps(asdict(network.architecture))
    write_whole(Path(path), proto.SerializeToString())


def _network(given: object) -> FeatureNetwork:
    if isinstance(given, FeatureNetwork):
        return given
    if isinstance(given, SSN):
        return given.network
    if isinstance(given, (str, Path)):
        return load_network(find(str(given)))[0]
    raise TypeError(
        "to_onnx takes a FeatureNetwork, an SSN, or the name or file of weights, "
        f"got {type(given).__name__}"
    )


class _Features(nn.Module):
    """The network with the scale of positions as an input, in place of a grid."""

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, lab: Tensor, position_scale: Tensor) -> Tensor:
        batch, _, height, width = lab.shape
        y = (torch.arange(height, dtype=lab.dtype) * position_scale)[:, None]
        x = torch.arange(width, dtype=lab.dtype) * position_scale
        planes = [plane.expand(batch, 1, height, width) for plane in (x, y)]
        pixels = torch.cat((*planes, lab[:, :3] * self.network.architecture.color_scale), 1)
        learned = self.network.learned(self.network.seen(lab, pixels))
        return torch.cat((pixels, learned), 1)


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise UsageError(f"ONNX export needs {' and '.join(missing)}: pip install 'ssnbench[onnx]'")
