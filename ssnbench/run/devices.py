"""Is the device there that a method is to compute on? Asked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ssnbench.contracts import UsageError
from ssnbench.plugins.variant import Variant


def check_device(name: Any) -> None:
    """Raise UsageError when ``cuda``, or ``cuda:1``, is not there; other names are the method's."""
    kind, _, number = str(name).partition(":")
    if kind != "cuda":
        return
    try:
        import torch  # only who asks for a GPU needs it
    except ImportError:
        raise UsageError(f"device {name} needs PyTorch: pip install torch, or use cpu") from None
    if not torch.cuda.is_available():
        raise UsageError(f"device {name}: PyTorch {torch.__version__} finds no GPU here; use cpu")
    if number and not (number.isdecimal() and int(number) < torch.cuda.device_count()):
        raise UsageError(f"device {name}: there are {torch.cuda.device_count()}, counted from 0")


def check_devices(variants: Iterable[Variant]) -> None:
    """Check the devices that variants are to compute on, where they name one."""
    for variant in variants:
        check_device(getattr(variant.build("algorithms"), "device", "cpu"))
