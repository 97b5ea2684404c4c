"""Train in several processes at once, each with its part of every batch.

``torchrun --nproc-per-node N`` starts them; they find each other by the variables that it sets.
Every process holds all of the training data and takes the same steps, with the mean of all
gradients; the first one alone writes and tells.

Batch normalisation sees the whole batch on GPUs (``SyncBatchNorm``, which exists only there), and
on processors each process's part of it; the running statistics are those of the first process.

Gradients are averaged here rather than by ``DistributedDataParallel``, so that a method's loss may
call its network as often as it likes, and need not use all of it. Networks that make superpixels
are small: all gradients go in one message.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ssnbench.contracts import Batch, UsageError

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Processes:
    """The processes of a training, seen from one of them; a single one has nobody to ask.

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    def shard(self, batch: Batch) -> Batch:
        """Patches of a batch that are this process's."""
        n = len(batch.inputs) // self.size
        own = slice(self.rank * n, (self.rank + 1) * n)
        valid = None if batch.valid is None else batch.valid[own]
        return batch._replace(inputs=batch.inputs[own], target=batch.target[own], valid=valid)

    def wrap(self, network: nn.Module) -> nn.Module:
        """Let batch normalisation on GPUs see the whole batch; all begin with the same weights."""
        if self.size > 1 and next(network.parameters()).is_cuda:
            # replaces the layers inside the network
            nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        self.broadcast(network)
        return network

    def average(self, gradients: Sequence[Tensor]) -> None:
        """Replace gradients by their mean over the processes."""
        if self.size == 1:
            return
        joined = self.mean(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        parts = torch.split(joined, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.size == 1:
            return flag
        # a tensor in main memory, so that a GPU need not be waited for
        value = torch.tensor(int(flag))
        dist.all_reduce(value, dist.ReduceOp.MAX)
        return bool(value)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes."""
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return values

    def all_gather(self, items: list[_Item]) -> list[_Item]:
        """Items of all processes, in the order of the processes."""
        if self.size == 1:
            return items
        parts: list[list[_Item]] = [[] for _ in range(self.size)]
        dist.all_gather_object(parts, items)
        return [item for part in parts for item in part]

    def broadcast(self, network: nn.Module) -> None:
        """Give every process the first one's tensors."""
        if self.size > 1:
            for values in network.state_dict().values():
                dist.broadcast(values, 0)


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, or those of a group that exists already.

    Parameters
    ----------
    device : str
        ``cpu``, or ``cuda``: each process then takes the GPU of its number on its machine.

    Raises
    ------
    UsageError
        When another process has ended in the middle of the work, or one GPU is named for all.
    """
    joins = _is_launched() and not dist.is_initialized()
    if joins:
        if device not in ("cpu", "cuda"):
            raise UsageError(f"several processes cannot share {device}: use cuda or cpu")
        if device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        # Optimisers import it. Imported while there is a group, it takes that for a default value
        # and keeps it: gloo's threads then outlive the group, and one that lets go of a tensor
        # while Python ends aborts the process.
        importlib.import_module("torch._dynamo")
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
    if not (dist.is_available() and dist.is_initialized()):
        yield Processes()
        return
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise UsageError(
                "another process of this training has ended; what it says is the reason"
            ) from error
        raise
    finally:
        if joins:
            dist.destroy_process_group()  # its threads end before it returns


def is_main() -> bool:
    """Whether this is the first process that a launcher started, or the only one."""
    return int(os.environ.get("RANK", 0)) == 0


def _is_launched() -> bool:
    """Whether a launcher has said that there are several processes."""
    return dist.is_available() and "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", 1)) > 1
