"""In which arithmetic convolutions are computed."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from ssnbench.contracts import UsageError
from ssnbench.learning.config import has_bfloat16

Precision = Literal["auto", "float32", "bfloat16", "float16"]


def arithmetic(precision: Precision, device: torch.device) -> torch.dtype:
    """Type of numbers that convolutions are computed in.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float16"}
        ``auto``: bfloat16 where the device has instructions for it, else float32.
    device : torch.device
        Where to compute.

    Raises
    ------
    UsageError
        When there is no such precision.
    """
    if precision not in get_args(Precision):
        raise UsageError(
            f"precision must be one of {', '.join(get_args(Precision))}, got {precision!r}"
        )
    if precision == "auto":
        return torch.bfloat16 if has_bfloat16(str(device)) else torch.float32
    dtype: torch.dtype = getattr(torch, precision)
    return dtype
