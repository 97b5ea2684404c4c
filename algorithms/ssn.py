"""SSN: superpixels by a network and differentiable SLIC.

Jampani, Sun, Liu, Yang, Kautz: Superpixel Sampling Networks, ECCV 2018. Our own implementation
(``ssnbench.ssn``). As long as no trained weights are installed, the variants ``deep`` and
``linear`` run as ``pix`` (colours and positions, no network) and say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssnbench.contracts import Image, Labels


@dataclass(frozen=True)
class SSN:
    """Superpixel Sampling Network.

    Attributes
    ----------
    variant : {"deep", "linear", "pix"}
        Features by the network, by its linear counterpart, or scaled XYLab. Without weights the
        first two run as ``pix``, with a ``NoWeightsWarning``.
    n_iter : int
        Iterations of differentiable SLIC (paper: 10 at test time).
    color_scale : float
        gamma_color, the scale of Lab (paper: 0.26).
    pos_scale : float
        eta, the width of one superpixel in feature space (paper: 2.5).
    device : str
        ``cpu`` or ``cuda``.
    """

    variant: str = "deep"
    n_iter: int = 10
    color_scale: float = 0.26
    pos_scale: float = 2.5
    device: str = "cpu"

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Segment ``image``; the grid makes at most ``n_segments`` superpixels."""
        from ssnbench.ssn.infer import segment  # torch: only for those who run it

        return segment(
            image,
            n_segments,
            variant=self.variant,
            n_iter=self.n_iter,
            color_scale=self.color_scale,
            pos_scale=self.pos_scale,
            device=self.device,
        )


PLUGIN = SSN
