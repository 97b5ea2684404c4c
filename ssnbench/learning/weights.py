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

_HEADER = "ssnbench"


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


def read_tensors(path: PathLike, *, kind: str | tuple[str, ...]) -> Content:
    """Read a file that :func:`write_tensors` wrote with this ``kind``, or one of these.

    Raises
    ------
    UsageError
        When there is no such file, or it is cut short, or of another kind.
    """
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path}")
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise UsageError(f"{path} is cut short, or no safetensors file ({error})") from error
    kinds = (kind,) if isinstance(kind, str) else kind
    if header.get("format") not in kinds:
        content = header.get("format", "something else")
        raise UsageError(f"{path} should hold {kinds[0]}, but holds {content}")
    return Content(tensors, header["facts"])


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file so that whoever reads it, also after a crash, finds the old or the new one.

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
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # a temporary file is for its owner only
        temporary.replace(path)
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
