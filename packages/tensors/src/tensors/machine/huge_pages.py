"""Weights in huge pages: memory that is read from end to end comes faster where fewer addresses are looked up."""

import mmap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn

from .process import give_back_freed_memory

HUGE_PAGE = 2 << 20
"""Bytes; the size on x86, and the usual one on ARM."""
CACHE_LINE = 64
SWITCH = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def move_to_huge_pages(module: nn.Module) -> int:
    """Copy a module's parameters and buffers into one region of huge pages, in the order in which modules are
    registered, which is that of a decoding step; the bytes moved, 0 where the system has no such pages.

    A step of decoding reads every weight once. Of pages of 4 kB two threads of an AMD EPYC read 35 GB/s, of huge ones
    58; on an Intel Xeon 20 and 22. Tensors stay what they are, ties and gradients included, only their memory is
    another. One after the other is copied, so the peak of memory rises by about the largest one. That takes as long as
    some ten steps of decoding: it is worth it where a few hundred tokens are written. A second call copies again.
    Linux only (madvise(2), MADV_HUGEPAGE); elsewhere, and where it is forbidden, nothing happens.
    """
    units = list(units_of(module))
    places = [0]
    for tensors in units:
        places.append(places[-1] + -(-extent(tensors)[1] // CACHE_LINE) * CACHE_LINE)
    if places[-1] < HUGE_PAGE or (region := region_of(places[-1])) is None:
        return 0
    first = -torch.frombuffer(region, dtype=torch.uint8).data_ptr() % HUGE_PAGE
    largest, kept = max(extent(tensors)[1] for tensors in units), 0
    for tensors, place in zip(units, places, strict=False):
        kept += extent(tensors)[1]
        move(tensors, region, first + place)
        if kept >= largest / 2:  # the C library keeps small blocks that were freed
            give_back_freed_memory()
            kept = 0
    return places[-1]


def region_of(size: int) -> mmap.mmap | None:
    """Private memory for `size` bytes from a multiple of `HUGE_PAGE` on, as yet unused; None where the system gives no
    huge pages."""
    try:
        if not SWITCH.is_file() or "[never]" in SWITCH.read_text(encoding="ascii"):
            return None
        kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # what is shared gets no huge pages
        region = mmap.mmap(-1, (size // HUGE_PAGE + 2) * HUGE_PAGE, flags=kind)
        region.madvise(mmap.MADV_HUGEPAGE)
    except (OSError, AttributeError):  # forbidden, or another system
        return None
    return region


def units_of(module: nn.Module) -> Iterator[list[Tensor]]:
    """The tensors that can be moved; those that share memory together."""
    known: dict[int, Tensor] = {}
    for part in module.modules():
        for tensor in chain(part._parameters.values(), part._buffers.values()):
            if tensor is not None and can_move(tensor):
                known.setdefault(id(tensor), tensor)
    order = {id(tensor): number for number, tensor in enumerate(known.values())}
    units: list[list[Tensor]] = []
    end = 0
    for tensor in sorted(known.values(), key=lambda t: t.data_ptr()):
        start, size = extent([tensor])
        if units and start < end:
            units[-1].append(tensor)
        else:
            units.append([tensor])
        end = max(end, start + size)
    yield from sorted(units, key=lambda unit: min(order[id(tensor)] for tensor in unit))


def can_move(tensor: Tensor) -> bool:
    """Whether a tensor is numbers in the main memory, which may be given other memory."""
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided and tensor.device.type == "cpu"
    return plain and tensor.numel() > 0 and not tensor.is_inference() and not tensor.is_shared()


def extent(tensors: list[Tensor]) -> tuple[int, int]:
    """Where the memory of these tensors begins, and how many bytes it has."""
    start = min(tensor.data_ptr() for tensor in tensors)
    end = max(
        t.data_ptr() + (1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride(), strict=True))) * t.element_size()
        for t in tensors
    )
    return start, end - start


def move(tensors: list[Tensor], region: mmap.mmap, place: int) -> None:
    """Copy what these tensors share to a place of the region. Each unit has a storage of its own there, so that a copy
    or a file of one weight holds no other."""
    start, size = extent(tensors)
    storage = torch.frombuffer(region, dtype=torch.uint8, count=size, offset=place).untyped_storage()
    for tensor in tensors:
        old = tensor.detach()
        offset = (old.data_ptr() - start) // old.element_size()
        view = torch.empty(0, dtype=old.dtype).set_(storage, offset, old.shape, old.stride())
        view.copy_(old)
        tensor.data = view
