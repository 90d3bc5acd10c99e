"""Randomness that can be named, saved and put back.

A generator is named by a key, so that the same key gives the same numbers whatever was drawn before. The global states
of Python, NumPy and torch, which other people's code draws from, can be seeded, saved as tensors and borrowed.

What is reproducible: on CPU the same key or seed gives the same bits in every run of the same torch version; torch
promises nothing across versions, and a CUDA or MPS generator gives other numbers than the CPU's. CUDA is left out of a
saved state until some code of this process has used it (`torch.cuda.is_initialized`): it has drawn nothing yet.
"""

import hashlib
import logging
import operator
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch import Tensor

logger = logging.getLogger(__name__)


def generator(*key: SupportsIndex | str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new generator for `key`, e.g. `generator(seed, "sampling", row)`; the same on every machine and Python.

    The seed is 64 bits of a SHA-256 hash. torch's CPU generator uses the lower 32 of them: among 77,000 keys it is as
    likely as not that two share their numbers, which harms only a method that needs all of them independent.
    """
    return torch.Generator(device=device).manual_seed(int.from_bytes(_digest(key)[:8], "little"))


def seed_all(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch (every device); 0 to 2**32 - 1, which is NumPy's range."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"wanted a seed from 0 to 2**32 - 1, got {seed}; numpy takes no other, pick one in that range")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_state() -> dict[str, Tensor]:
    """Return the global states of Python, NumPy, torch and the accelerators in use.

    CPU tensors only (int64, float64, uint8), so that safetensors can hold them. NumPy's state is that of `np.random.*`;
    `default_rng` objects carry their own.
    """
    _, words, gauss = random.getstate()
    numpy_state: dict[str, Any] = np.random.get_state(legacy=False)
    if numpy_state["bit_generator"] != "MT19937":
        raise ValueError(
            f"wanted NumPy's own global generator (MT19937), got {numpy_state['bit_generator']}; "
            "undo np.random.set_bit_generator, or pass a Generator of your own and save that"
        )
    words_and_position = [*numpy_state["state"]["key"].tolist(), numpy_state["state"]["pos"], numpy_state["has_gauss"]]
    state = {
        "python": torch.tensor(words, dtype=torch.int64),
        "python_gauss": torch.tensor([] if gauss is None else [gauss], dtype=torch.float64),
        "numpy": torch.tensor(words_and_position, dtype=torch.int64),
        "numpy_gauss": torch.tensor([numpy_state["gauss"]], dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        state |= {f"cuda.{i}": part for i, part in enumerate(torch.cuda.get_rng_state_all())}
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: Mapping[str, Tensor]) -> None:
    """Put back what `random_state` returned. ValueError, and nothing changed, where a part is missing or malformed.

    Parts for an accelerator that this machine lacks are named in a logged warning: a run moved to another device goes
    on, but with other random numbers there.
    """
    reference = random_state()
    for name in ("python", "python_gauss", "numpy", "numpy_gauss", "torch"):
        part, wanted = state.get(name), reference[name]
        sizes = (0, 1) if name == "python_gauss" else (wanted.numel(),)
        if part is None or part.dtype != wanted.dtype or part.ndim != 1 or len(part) not in sizes:
            came = "nothing" if part is None else f"{part.dtype} {tuple(part.shape)}"
            raise ValueError(
                f"wanted the part {name!r} of a random state as {wanted.dtype} ({wanted.numel()},), got {came}; "
                "pass what random_state() returned under the same torch version"
            )
    gauss = state["python_gauss"].tolist()
    random.setstate((3, tuple(state["python"].tolist()), gauss[0] if gauss else None))
    *words, position, has_gauss = state["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(words, dtype=np.uint32), position, has_gauss, state["numpy_gauss"].item()))
    torch.set_rng_state(state["torch"].cpu())
    _set_accelerators({name: part for name, part in state.items() if name == "mps" or name.startswith("cuda.")})


@contextmanager
def fork_random(*key: SupportsIndex | str) -> Iterator[None]:
    """Run the body with the global states seeded from `key`, then put the earlier states back, also after an error.

    What the body draws depends on the key alone, and nobody outside notices that it drew. CUDA takes part once it is
    in use.
    """
    digest = _digest(key)
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    seed = int.from_bytes(digest[:8], "little")
    try:
        random.seed(digest)
        np.random.seed(np.frombuffer(digest, dtype="<u4"))
        torch.default_generator.manual_seed(seed)
        if cuda is not None:
            torch.cuda.manual_seed_all(seed)
        if mps is not None:
            torch.mps.manual_seed(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


def _digest(key: Iterable[SupportsIndex | str]) -> bytes:
    """Hash a key so that no two keys are written alike: every part with its kind and its length."""
    if not key:
        raise ValueError(
            "wanted at least one key part, got none; name what the numbers are for: generator(seed, 'dropout')"
        )
    written = []
    for part in key:
        if not isinstance(part, str):
            try:
                part = operator.index(part)
            except TypeError:
                kind = type(part).__name__
                raise TypeError(
                    f"wanted key parts that are int or str, got {part!r} ({kind}); pass str(...) or int(...)"
                ) from None
        kind = "text" if isinstance(part, str) else "number"
        written.append(f"{kind} {len(str(part))} {part}")
    return hashlib.sha256("\n".join(written).encode()).digest()


def _set_accelerators(state: Mapping[str, Tensor]) -> None:
    absent = []
    for name, part in state.items():
        index = int(name.removeprefix("cuda.")) if name != "mps" else 0
        if name == "mps" and torch.backends.mps.is_available():
            torch.mps.set_rng_state(part.cpu())
        elif name != "mps" and index < torch.cuda.device_count():
            torch.cuda.set_rng_state(part.cpu(), device=index)
        else:
            absent.append(name)
    if absent:
        logger.warning("the random state of %s was saved, but this machine has no such device", ", ".join(absent))
