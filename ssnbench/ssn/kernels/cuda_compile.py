"""What the Triton kernels take on GPUs that need not be there.

Triton compiles without a GPU. :func:`recorded` puts a driver in the place of the real one that
compiles for any generation and launches nothing, so that forward and backward run as they stand
and leave behind every kernel with the sizes, types and alignments that occur.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver

_REGISTERS, _FRAME = 0x2F, 0x11
"""Attributes of a kernel in the section ``.nv.info`` of its machine code."""


RESERVED = 1024
"""Bytes of shared memory that each program takes beside its own."""


class Generation(NamedTuple):
    """What a streaming multiprocessor of a GPU has for the programs that share it.

    Attributes
    ----------
    arch : int
        Compute capability times ten.
    shared : int
        Bytes of shared memory for all programs together.
    registers, warps, programs : int
        32-bit registers, and the most warps and programs at a time.
    """

    arch: int
    shared: int
    registers: int = 65536
    warps: int = 64
    programs: int = 32


GENERATIONS = {
    arch: Generation(arch, kib << 10) for arch, kib in ((80, 164), (90, 228), (100, 228))
}
"""Ampere (A100), Hopper (H100, H200) and Blackwell (B200), by compute capability."""


class Launch(NamedTuple):
    """A kernel that was to be launched.

    Attributes
    ----------
    name : str
        Its function.
    constants : mapping
        What it was compiled for: ``BLOCK_P``, ``WRITE`` ...
    programs, warps : int
        Programs of the launch, warps of each.
    registers, spilled, shared : int
        Registers of a thread, bytes that a thread keeps in memory for want of registers, and bytes
        of shared memory of a program.
    """

    name: str
    constants: Mapping[str, Any]
    programs: int
    warps: int
    registers: int
    spilled: int
    shared: int

    def warps_at_a_time(self, generation: Generation) -> int:
        """Warps that one multiprocessor holds; ``generation.warps`` is full occupancy."""
        each = 32 * -(-self.registers // 8) * 8 * self.warps
        room = (
            generation.registers // each,
            generation.shared // (self.shared + RESERVED),
            generation.warps // self.warps,
            generation.programs,
        )
        return min(room) * self.warps


@contextmanager
def recorded(arch: int) -> Iterator[list[Launch]]:
    """Compile what is launched inside for a generation, and list it instead of launching it.

    Kernels take tensors on the CPU, or on no device at all (``meta``), and leave them as they are.
    Triton has one driver for all threads: one of them may record at a time.
    """
    launches: list[Launch] = []
    before = driver._active
    driver.set_active(_Recorder(arch, launches))
    try:
        yield launches
    finally:
        driver._active = before


class _Recorder:
    """A driver of Triton that lists kernels instead of launching them."""

    def __init__(self, arch: int, launches: list[Launch]) -> None:
        self.arch, self.launches = arch, launches
        most = GENERATIONS[arch].shared - RESERVED
        self.utils = SimpleNamespace(
            get_device_properties=lambda _: {"max_shared_mem": most},
            load_binary=lambda _name, binary, *_: (None, usage(binary), 0, 0, 1024),
            unload_module=lambda _: None,
        )

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.arch, 32)

    def get_current_device(self) -> str:
        return f"recorded {self.arch}"  # Triton keeps the kernels of every device apart

    def get_current_stream(self, _: object) -> int:
        return 0

    @staticmethod
    def launcher_cls(source: Any, metadata: Any) -> Callable[..., None]:
        names = source.fn.arg_names
        constants = {names[path[0]]: value for path, value in source.constants.items()}

        def launch(x: int, y: int, z: int, _: int, used: tuple[int, int], *_arguments: Any) -> None:
            size = x * y * z, metadata.num_warps
            # Triton keeps the launcher, too, so that the recorder may be a later one than ours.
            driver.active.launches.append(
                Launch(source.fn.__name__, constants, *size, *used, metadata.shared)
            )

        return launch


def usage(cubin: bytes) -> tuple[int, int]:
    """Registers of a thread, and bytes of its stack, of the one kernel in a cubin.

    The kernels have no arrays of their own, so that what lies on the stack was spilled.

    Raises
    ------
    ValueError
        When the machine code does not say it.
    """
    found: dict[int, int] = {}
    for name, at, size in _sections(cubin):
        if name == b".nv.info":
            found |= _attributes(cubin[at : at + size])
    if found.keys() < {_REGISTERS, _FRAME}:
        raise ValueError("the machine code does not say how many registers it takes")
    return found[_REGISTERS], found[_FRAME]


def _sections(elf: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset and size of the sections of a 64-bit ELF file."""
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    each, n, names = struct.unpack_from("<HHH", elf, 0x3A)
    rows = [struct.unpack_from("<IIQQQQ", elf, table + i * each) for i in range(n)]
    text = rows[names][4]
    for row in rows:
        start = text + row[0]
        yield elf[start : elf.index(b"\0", start)], row[4], row[5]


def _attributes(info: bytes) -> Iterator[tuple[int, int]]:
    """Attributes whose value is a symbol, here the kernel, and a number."""
    at = 0
    while at < len(info):
        kind, attribute, size = struct.unpack_from("<BBH", info, at)
        at += 4
        if kind == 4:  # only this kind has its value behind the four bytes
            if size == 8:
                yield attribute, struct.unpack_from("<II", info, at)[1]
            at += size
