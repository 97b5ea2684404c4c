"""gSLIC: SLIC with nine candidate superpixels per pixel, as made for GPUs.

Ren, Prisacariu, Reid: gSLICr: SLIC superpixels at over 250Hz, arXiv:1509.04232. Our own
implementation (the kernels of ``ssnbench.ssn`` with hard assignment), on CPU and GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssnbench.contracts import Image, Labels


@dataclass(frozen=True)
class GSLIC:
    """SLIC on a regular grid.

    Attributes
    ----------
    n_iter : int
        Iterations.
    compactness : float
        How many units of Lab the distance of one superpixel's width counts for.
    device : str
        ``cpu`` or ``cuda``.
    """

    n_iter: int = 10
    compactness: float = 10.0
    device: str = "cpu"

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Segment ``image``; the grid makes at most ``n_segments`` superpixels."""
        from ssnbench.ssn.infer import segment_gslic  # torch: only for those who run it

        return segment_gslic(
            image,
            n_segments,
            n_iter=self.n_iter,
            compactness=self.compactness,
            device=self.device,
        )


PLUGIN = GSLIC
