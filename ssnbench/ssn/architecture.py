"""What a network is made of, as a value.

Where the paper (Jampani et al., Superpixel Sampling Networks, ECCV 2018, section 4.2), its released
code and the usual ports differ, the choice is a field of :class:`Architecture`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from ssnbench.contracts import UsageError
from ssnbench.ssn.features import COLOR_SCALE, ETA
from ssnbench.ssn.kernels.reference import Association

N_XYLAB = 5
"""Channels of scaled positions and colours, which are part of every feature vector."""


@dataclass(frozen=True)
class Architecture:
    """What a network is made of; it stands in the header of every weights file.

    The defaults are those that learned fastest in short runs on BSDS500: colours alone go into
    the convolutions, and the last one starts close to zero and may be negative. Hence an untrained
    network clusters as plain XYLab does, and what it has learned does not depend on where in the
    image a pixel lies or how many superpixels are asked for. :meth:`released` is the network of
    the authors' code, :meth:`paper` that of the text.

    Attributes
    ----------
    variant : {"deep", "linear"}
        Seven convolutions, or one without an activation behind it.
    k : int
        Channels of the features: x, y, L, a, b and ``k - 5`` learned ones; 6 or more.
    width : int
        Channels of every convolution but the last.
    sees : {"lab", "xylab"}
        What goes into the first convolution: Lab / 10, or scaled positions and colours.
    frames : {1, 2}
        Images that go into the first convolution: one, or a pair of frames (section 5.3). The
        second one's Lab comes last, scaled as the first one's.
    last_sees_input : bool
        Whether what goes into the first convolution goes into the last one, too.
    pooling : {"3x3", "2x2"}
        Windows of the max-poolings; both halve the resolution, rounded up.
    norm_affine : bool
        Whether batch normalisation has a scale and a shift of its own.
    conv_bias : bool
        Whether convolutions before a batch normalisation have a bias; the last one always has.
    init : {"default", "gaussian"}
        First weights of all convolutions but the last: PyTorch's (uniform, Kaiming), or
        N(0, 0.001) with a bias of zero.
    last_init : {"default", "gaussian"}
        First weights of the last convolution, likewise.
    last_relu : bool
        Whether learned features are cut off at zero.
    association : {"softmax", "exp"}
        How differentiable SLIC weighs squared distances d2 to nine superpixels: softmax(-d2) as
        in the authors' code, or exp(-d2) as in the paper; hard has no derivative to train with.
    color_scale : float
        gamma_color of section 4.4: what colours are multiplied with for the clustering.
    eta : float
        eta of section 4.4: the weight of positions against colours.

    Raises
    ------
    UsageError
        When a value is out of range.
    """

    variant: Literal["deep", "linear"] = "deep"
    k: int = 20
    width: int = 64
    sees: Literal["lab", "xylab"] = "lab"
    frames: Literal[1, 2] = 1
    last_sees_input: bool = False
    pooling: Literal["3x3", "2x2"] = "3x3"
    norm_affine: bool = True
    conv_bias: bool = False
    init: Literal["default", "gaussian"] = "default"
    last_init: Literal["default", "gaussian"] = "gaussian"
    last_relu: bool = False
    association: Association = "softmax"
    color_scale: float = COLOR_SCALE
    eta: float = ETA

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name, kind in hints.items():
            choices, value = get_args(kind), getattr(self, name)
            if choices and value not in choices:
                known = ", ".join(map(str, choices))
                raise UsageError(f"{name} must be one of {known}, got {value!r}")
        if self.association == "hard":
            raise UsageError("association 'hard' has no derivative to train with: use softmax")
        if self.k <= N_XYLAB:
            raise UsageError(f"k must be {N_XYLAB + 1} or more (x, y, L, a, b are 5), got {self.k}")
        for name in ("width", "color_scale", "eta"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be positive, got {getattr(self, name)}")

    @classmethod
    def released(cls, **changes: Any) -> Architecture:
        """Network of the authors' code as it is usually ported: XYLab into both ends, ReLU."""
        last: dict[str, Any] = {"last_sees_input": True, "last_relu": True, "last_init": "default"}
        return cls(**{"sees": "xylab", **last, **changes})

    @classmethod
    def paper(cls, **changes: Any) -> Architecture:
        """Network of the paper's text: poolings of 2, 192 channels into the last convolution."""
        text: dict[str, Any] = {"pooling": "2x2", "last_sees_input": False, "conv_bias": True}
        return cls.released(**{**text, "association": "exp", **changes})

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Architecture:
        """Read back what :func:`dataclasses.asdict` gave.

        Raises
        ------
        UsageError
            When there are fields that this version does not know, or values out of range.
        """
        unknown = sorted(set(facts) - {field.name for field in fields(cls)})
        if unknown:
            raise UsageError(f"unknown fields of an architecture: {', '.join(unknown)}")
        return cls(**facts)
