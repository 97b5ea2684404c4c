"""Tensors on disk: safetensors with a header of facts; nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
from safetensors.torch import save as to_bytes
from torch import Tensor

from ssnbench.contracts import PathLike, UsageError
from ssnbench.io.limits import MOST_SETTINGS, one_error

_HEADER = "ssnbench"
_DTYPES = {"F64", "F32", "F16", "BF16", "I64", "I32", "BOOL"}


class Content(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    tensors : dict of str to Tensor
        On the CPU.
    facts : dict
        Its header: JSON values by name.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write_tensors(
    path: PathLike, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], *, kind: str
) -> None:
    """Write tensors and JSON facts to a safetensors file, as a whole or not at all.

    Raises
    ------
    UsageError
        When it cannot be written; an older file then stays as it was.
    """
    # One entry only: safetensors writes several in any order, and equal networks should be equal
    # files.
    header = {_HEADER: json.dumps({"format": kind, "facts": facts}, sort_keys=True)}
    plain = {name: values.detach().cpu().contiguous() for name, values in tensors.items()}
    write_whole(Path(path), to_bytes(plain, header))


class Header(NamedTuple):
    """What a file says of itself, before a tensor is read.

    Attributes
    ----------
    shapes : dict of str to tuple of int
        Of its tensors by name.
    facts : dict
        JSON values by name.
    """

    shapes: dict[str, tuple[int, ...]]
    facts: dict[str, Any]


def read_header(path: PathLike, *, kind: str | tuple[str, ...]) -> Header:
    """Read the header alone of a file that :func:`write_tensors` wrote with this ``kind``.

    Raises
    ------
    UsageError
        When there is no such file, or it is cut short, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    _check_length(path)
    with one_error(path, "is cut short, or no safetensors file"):
        with safetensors.safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(_HEADER, "{}")
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            foreign = {each.get_dtype() for each in slices.values()} - _DTYPES
            shapes = {name: tuple(each.get_shape()) for name, each in slices.items()}
        header = json.loads(text)
    kinds = (kind,) if isinstance(kind, str) else kind
    content = header.get("format") if isinstance(header, dict) else None
    if content not in kinds:
        raise UsageError(f"{path} should hold {kinds[0]}, but holds {content or 'something else'}")
    if foreign or not isinstance(header.get("facts"), dict):
        raise UsageError(f"{path} is not as ssnbench writes it: {kinds[0]}")
    return Header(shapes, header["facts"])


def _check_length(path: Path) -> None:
    with path.open("rb") as file:
        n_bytes = int.from_bytes(file.read(8), "little")
    if n_bytes > min(MOST_SETTINGS, path.stat().st_size):
        raise UsageError(f"{path} is cut short, or no safetensors file")


def read_tensors(path: PathLike, *, kind: str | tuple[str, ...]) -> Content:
    """Read a file that :func:`write_tensors` wrote with this ``kind``, or one of these.

    Raises
    ------
    UsageError
        When there is no such file, or it is cut short, or of another kind.
    """
    header = read_header(path, kind=kind)
    with (
        one_error(path, "is cut short, or no safetensors file"),
        safetensors.safe_open(path, "pt") as file,
    ):
        tensors = {name: file.get_tensor(name) for name in header.shapes}
    return Content(tensors, header.facts)


def misfits(
    shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Tensor], prefix: str = ""
) -> list[str]:
    """Say which tensors a file lacks, has besides, or has in another shape.

    Parameters
    ----------
    shapes : mapping
        Shapes in the file by name.
    wanted : mapping
        Tensors that are to be filled; such on the device ``meta`` take no memory.
    prefix : str
        What stands before their names in the file; others there are left alone.
    """
    wanted_shapes = {f"{prefix}{name}": tuple(x.shape) for name, x in wanted.items()}
    present = {name: shape for name, shape in shapes.items() if name.startswith(prefix)}
    texts = []
    for name in sorted(wanted_shapes.keys() | present.keys()):
        size, own = present.get(name, "missing"), wanted_shapes.get(name, "unknown")
        if size != own:
            texts.append(f"{name} is {size}, not {own}")
    return texts


def write_whole(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Replace a file so that whoever reads it, also after a crash, finds the old or the new one.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it is to hold.
    lasting : bool
        Whether it must survive a power cut, too: the disk is waited for.

    Raises
    ------
    UsageError
        When the disk is full or the folder cannot be written; what was there is left untouched.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        temporary.chmod(0o644)  # a temporary file is for its owner only
        temporary.replace(path)
        if lasting:
            _fsync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot write {path}: {reason}; what was there is kept") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _fsync_folder(folder: Path) -> None:
    """Make a renaming survive a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
