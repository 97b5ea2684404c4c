"""What can be known of kernels on GPUs without one: machine code, launches, that nothing waits."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ssnbench.ssn import Grid, Superpixels
from ssnbench.ssn.kernels import cuda, grid, reference
from ssnbench.ssn.losses import ssn_loss

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed"
)
pytestmark = [
    pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION"),
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled"),
]
ROOT = Path(__file__).parents[2]
TRAINING = (8, 20, 201, 201, 100)
OTHERS = [  # batch, channels, height, width, superpixels asked for
    ("training", (8, 10, 201, 201, 100)),
    ("soft", (1, 5, 321, 481, 500)),
    ("hard", (1, 5, 321, 481, 500)),
    ("soft", (1, 20, 321, 481, 8000)),  # cells smaller than a block
]


@pytest.fixture(scope="module", autouse=True)
def _machine_code_is_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_CACHE_DIR", str(tmp_path_factory.mktemp("triton")))
        yield


def there_and_back(features: Tensor, on: Grid, use: str = "training") -> None:
    """Run two iterations and, in training, differentiate them."""
    trains = use == "training"
    q, centres, _, history = cuda.forward(features, on, 2, hard=use == "hard", keep=trains)
    if trains:
        cuda.backward(features, on, history, q, centres.double())


def check_machine_code(arch: int, case: tuple[int, ...], use: str) -> None:
    from ssnbench.ssn.kernels.cuda_compile import GENERATIONS, recorded

    batch, channels, height, width, n_segments = case
    features = torch.empty(batch, channels, height, width, device="meta")
    with recorded(arch) as launches:
        there_and_back(features, Grid.of(height, width, n_segments), use)
    kinds = {launch.name for launch in launches}
    assert kinds >= {"average", "associate", "gather"}
    assert use != "training" or kinds >= {
        "associate_backward",
        "gather_backward",
        "add_mean_gradient",
    }
    for launch in launches:
        assert launch.spilled == 0, launch
        assert launch.warps_at_a_time(GENERATIONS[arch]) >= 8, launch


@needs_triton
@pytest.mark.parametrize("arch", [80, 90, 100])
def test_machine_code_for_training_spills_no_register(arch: int) -> None:
    check_machine_code(arch, TRAINING, "training")


@needs_triton
@pytest.mark.slow
@pytest.mark.parametrize(("use", "case"), OTHERS)
@pytest.mark.parametrize("arch", [80, 90, 100])
def test_machine_code_for_every_other_case_spills_no_register(
    arch: int, use: str, case: tuple[int, ...]
) -> None:
    check_machine_code(arch, case, use)


@needs_triton
def test_another_size_of_image_needs_no_other_machine_code() -> None:
    from ssnbench.ssn.kernels import cuda_kernels
    from ssnbench.ssn.kernels.cuda_compile import recorded

    used = cuda_kernels.associate, cuda_kernels.associate_backward, cuda_kernels.gather
    for kernel in used:
        kernel.device_caches.pop("recorded 90", None)  # other tests' kernels
    with recorded(90):
        for height, width, n_segments in ((201, 201, 100), (64, 128, 8), (37, 300, 3)):
            features = torch.empty(1, 20, height, width, device="meta")
            there_and_back(features, Grid.of(height, width, n_segments))
        kept = [kernel.device_caches["recorded 90"][0].values() for kernel in used]
    sized = [[k for k in each if "'C': 20" in str(named(k))] for each in kept]
    assert [len(each) for each in sized] == [2, 2, 1]  # WRITE or not, LAST or not


def named(kernel: Any) -> dict[str, Any]:
    """What a kernel was compiled for."""
    names = kernel.src.fn.arg_names
    return {names[path[0]]: value for path, value in kernel.src.constants.items()}


@needs_triton
def test_registers_and_spills_are_those_that_nvidias_tool_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import triton

    from ssnbench.ssn.kernels import cuda_compile, cuda_kernels

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    if not tool.exists():
        pytest.skip("this Triton carries no cuobjdump")
    codes: list[bytes] = []
    usage = cuda_compile.usage

    def read(code: bytes) -> tuple[int, int]:
        codes.append(code)
        return usage(code)

    monkeypatch.setattr(cuda_compile, "usage", read)
    arrays = [torch.empty(1, device="meta", dtype=torch.float64) for _ in range(2)]
    with cuda_compile.recorded(90) as launches:
        for most in (None, 32):
            cuda_kernels.gather[(1,)](
                torch.empty(1, device="meta"), *arrays, 6, 2, 2, 1, 0.1, BLOCK_C=16, maxnreg=most
            )
    for launch, code in zip(launches, codes, strict=True):
        (tmp_path / "code").write_bytes(code)
        told = subprocess.run(
            [tool, "-res-usage", tmp_path / "code"], capture_output=True, text=True, check=True
        )
        numbers = re.search(r"REG:(\d+) STACK:(\d+)", told.stdout + told.stderr)
        assert numbers is not None
        assert (launch.registers, launch.spilled) == tuple(map(int, numbers.groups()))
    assert launches[0].spilled == 0 < launches[1].spilled


class NothingWaits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fail where a value would be read, or come from another device: a GPU would wait for it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, Tensor)]
        assert {x.device.type for x in tensors} <= {"meta"}, func
        return result


@needs_triton
def test_kernels_are_launched_without_waiting() -> None:
    from ssnbench.ssn.kernels.cuda_compile import recorded

    features = torch.empty(TRAINING[:4], device="meta")
    with recorded(90) as launches, NothingWaits():  # type: ignore[no-untyped-call]
        there_and_back(features, Grid.of(201, 201, 100))
    assert len(launches) == 1 + 2 * 2 + 2 * 2 + 1


def test_losses_are_computed_without_waiting() -> None:
    features = torch.randn(2, 6, 40, 41, device="meta", requires_grad=True)
    target = torch.zeros(2, 3, 40, 41, device="meta", dtype=torch.int64)
    grid._kept.cache_clear()
    with NothingWaits():  # type: ignore[no-untyped-call]
        on = Grid.of(40, 41, 12)
        made = Superpixels(*reference.cluster(features, on, 3), on)
        ssn_loss(made, target, features[:1, :2], n_labels=5).total.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None


@needs_triton
def test_kernels_are_launched_on_the_device_of_the_features(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ssnbench.ssn.kernels import cuda_compile

    current: list[Tensor] = []

    @contextmanager
    def device_of(tensor: Tensor) -> Iterator[None]:
        current.append(tensor)
        yield
        current.pop()

    def launched(name: str, *_: Any) -> Any:
        assert current, f"{name} is launched wherever"
        return name

    monkeypatch.setattr(torch.cuda, "device_of", device_of)
    monkeypatch.setattr(cuda_compile, "Launch", launched)
    features = torch.empty(TRAINING[:4], device="meta")
    with cuda_compile.recorded(90) as launches:
        there_and_back(features, Grid.of(201, 201, 100))
    assert len(launches) == 10
    assert not current


def test_every_stream_and_every_graph_has_tables_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stream:
        cuda_stream = 1

    capturing = False
    monkeypatch.setattr(grid, "_tables", lambda *_: object())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: Stream)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing)
    try:
        device, on = torch.device("cuda", 0), Grid.of(30, 40, 6)
        first = grid.cells(on, device)
        assert grid.cells(on, device) is first
        Stream.cuda_stream = 2
        assert grid.cells(on, device) is not first
        Stream.cuda_stream, capturing = 1, True
        assert grid.cells(on, device) is not first
        capturing = False
        assert grid.cells(on, device) is first
    finally:
        grid._kept.cache_clear()


@needs_triton
@pytest.mark.slow
def test_the_benchmark_prints_both_tables_without_a_gpu() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "gpu",
        "--arch",
        "90",
        "--case",
        "training, C = 20",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"`associate_backward`, last \| 20 \| 64 \|.* \| 0 \|", done.stdout)
    assert re.search(r"training, C = 20, backward \| 11 \|", done.stdout)
    assert torch.cuda.is_available() or "no GPU here" in done.stdout
