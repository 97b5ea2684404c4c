"""In which arithmetic convolutions are computed."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

import torch
from llvmlite import binding  # type: ignore[import-untyped]

from ssnbench.contracts import UsageError

Precision = Literal["auto", "float32", "bfloat16", "float16"]

_NATIVE = "avx512bf16", "amx-bf16"
"""What processors call their instructions for bfloat16; without, it is slower than float32."""


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
        return torch.bfloat16 if has_bfloat16(device.type) else torch.float32
    dtype: torch.dtype = getattr(torch, precision)
    return dtype


@cache
def has_bfloat16(device: str) -> bool:
    """Whether a kind of device has instructions for bfloat16."""
    if device == "cuda":
        return torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)
    features = binding.get_host_cpu_features()
    return device == "cpu" and any(features.get(name) for name in _NATIVE)
