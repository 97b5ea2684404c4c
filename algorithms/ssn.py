"""SSN: superpixels by a network and differentiable SLIC.

Jampani, Sun, Liu, Yang, Kautz: Superpixel Sampling Networks, ECCV 2018. Our own implementation,
with weights that come with the package (``ssnbench.ssn``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ssnbench.contracts import Image, Labels


@dataclass(frozen=True)
class SSN:
    """Superpixel Sampling Network.

    Attributes
    ----------
    variant : {"deep", "linear", "pix"}
        Features by the network, by its linear counterpart, or scaled XYLab as they are.
    weights : str
        Data that the network was trained on (``bsds500``), a full name (``ssn-k10.bsds500``), or
        a file such as ``ssnbench train`` writes. ``collage-flow`` is for pairs of frames.
    n_iter : int
        Iterations of differentiable SLIC (paper: 10 at test time).
    color_scale, pos_scale : float or None
        gamma_color, the scale of Lab (paper: 0.26), and eta, the width of one superpixel in
        feature space (paper: 2.5); None: those of the training.
    surplus : float
        Clusters that are made for every superpixel asked for; their pieces join, the most alike
        first, until as many are left as were asked for. 0: one cluster each, as in the paper, and
        ``enforce_connectivity`` alone makes superpixels connected, as in the authors' code.
    device : str
        ``cpu`` or ``cuda``.
    precision : {"float32", "bfloat16", "float16"}
        Arithmetic of the convolutions.
    """

    TRAINABLE: ClassVar[str] = "ssnbench.ssn.trainable:TrainableSSN"

    variant: str = "deep"
    weights: str = "bsds500"
    n_iter: int = 10
    color_scale: float | None = None
    pos_scale: float | None = None
    surplus: float = 2.0
    device: str = "cpu"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"

    def files(self) -> list[Path]:
        """Weights that the superpixels depend on.

        Raises
        ------
        UsageError
            When there are none of that name.
        """
        from ssnbench.ssn.infer import weights_of  # torch: only for those who run it

        return weights_of(self.variant, self.weights)

    def __call__(self, image: Image, n_segments: int, second: Image | None = None) -> Labels:
        """Segment ``image`` into ``n_segments`` superpixels.

        Weights trained for flow look at the ``second`` frame, too.
        """
        from ssnbench.ssn.infer import segment  # torch: only for those who run it

        return segment(
            image,
            n_segments,
            second,
            variant=self.variant,
            weights=self.weights,
            n_iter=self.n_iter,
            color_scale=self.color_scale,
            pos_scale=self.pos_scale,
            surplus=self.surplus,
            device=self.device,
            precision=self.precision,
        )


PLUGIN = SSN
