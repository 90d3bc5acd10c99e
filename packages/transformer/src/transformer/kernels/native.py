"""The C++ kernels: compiled once for this machine by the compiler that is there, and called through ctypes.

`step.cpp` and the headers beside it use no library, so compiling takes a few seconds; the result is kept in
`workbench.cache_folder("kernels")` under a name made of sources, flags and processor. A library there that another user
could have written is not loaded but made anew. Threads come from the OpenMP that torch has loaded: two of them would
fight for the same cores.
"""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_int64, c_void_p
from functools import cache
from pathlib import Path

from tensors import processor_has
from workbench import cache_folder, whole_file, write_text

FLAGS = ["-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-w"]
SWITCH = "QUANTIZATION_KERNELS"
"""The variable that chooses the kernels, named after the package that brought them; it holds for all that use them."""
PLAIN = "plain loops"
"""What a library without special instructions says that it runs on."""
OTHERS_MAY_WRITE = 0o022
HEADERS = ("activations", "unrolled", "avx512", "avx2", "plain", "tiles", "products", "blocks")
SOURCES = (*(f"{name}.hpp" for name in HEADERS), "step.cpp")
"""The last one includes the others."""
CHOICES = {"native": [], "avx2": ["-mno-avx512f", "-mno-avxvnni"], "plain": ["-DPLAIN"]}
"""What the compiler is told for each set of instructions."""
logger = logging.getLogger(__name__)


class Linear(Structure):
    """A linear layer; `activations.hpp` says what the fields mean."""

    _fields_ = (
        *((name, c_void_p) for name in ("weight", "scale", "sums", "bias")),
        *((name, c_int64) for name in ("kind", "columns", "rows", "group")),
    )


class Norm(Structure):
    _fields_ = (("weight", c_void_p), ("bias", c_void_p))


class Block(Structure):
    _fields_ = (("first", Norm), ("qkv", Linear), ("out", Linear), ("second", Norm), ("up", Linear), ("down", Linear))


class Stack(Structure):
    """The blocks of a GPT-2; `blocks.hpp` says what the fields mean."""

    _fields_ = (
        ("blocks", POINTER(Block)),
        *((name, c_int64) for name in ("n_layer", "n_embd", "n_head", "tanh_gelu")),
        ("eps", c_float),
    )


class Cache(Structure):
    """Where the layers of a key-value cache lie."""

    _fields_ = (*((name, c_void_p) for name in ("keys", "values", "key_scales", "value_scales")), ("length", c_int64))


class Model(Structure):
    """A whole GPT-2; `step.cpp` says what the fields mean."""

    _fields_ = (("stack", Stack), ("last", Norm), ("table", Linear), ("positions", c_void_p), ("factor", c_float))


def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where there is no compiler (said once, as a warning of this module's logger).

    The environment variable QUANTIZATION_KERNELS chooses: "native" (default), "avx2" for what most laptops have,
    "plain" for loops without special instructions, "torch" for no kernels at all.
    """
    return _library(os.environ.get(SWITCH, "native"))


def has_fast_loops() -> bool:
    """Whether there are kernels, by instructions made for products."""
    found = library()
    return found is not None and found.instructions().decode() != PLAIN


def torch_multiplies_bytes() -> bool:
    """Whether torch's product of many rows of int8 is exact and faster than the kernels': with AVX-512 VNNI, whose sums
    do not saturate as those of older instructions do, and without matrix tiles (AMX), which the kernels use."""
    return processor_has("avx512_vnni") and not processor_has("amx")


@cache
def _library(choice: str) -> ctypes.CDLL | None:
    if choice not in (*CHOICES, "torch"):
        wanted = f"{', '.join(CHOICES)} or torch"
        raise ValueError(f"{SWITCH}: wanted {wanted}, got {choice!r}; unset it for the fastest there is")
    if choice == "torch":
        return None
    try:
        found = loaded(compiled(CHOICES[choice]))
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        logger.warning("decoding runs on torch alone, quantized layers slowly: no kernels could be made (%s)", reason)
        return None
    instructions = found.instructions().decode()
    if instructions == PLAIN and choice == "native":
        logger.warning("quantized layers run on %s: this processor has neither AVX-512 VNNI nor AVX2", instructions)
    return found


def compiled(more: list[str]) -> Path:
    """The library's file, made if it is not there. OSError or SubprocessError where that is not possible."""
    chosen = os.environ.get("CXX")
    compiler = next(filter(None, map(shutil.which, [chosen or "g++", "g++", "c++", "clang++"])), None)
    if compiler is None:
        raise OSError("no C++ compiler on the path: install g++ or clang, or set CXX")
    if chosen and shutil.which(chosen) is None:
        logger.warning("CXX: wanted a compiler's name or path, got %s; %s is used instead", chosen, compiler)
    sources = [Path(__file__).with_name(name) for name in SOURCES]
    parts = [
        *(source.read_bytes() for source in sources),
        processor(),
        compiler.encode(),
        *map(str.encode, FLAGS + more),
    ]
    folder = private(cache_folder("kernels"))
    target = folder / f"{hashlib.sha256(b'|'.join(parts)).hexdigest()[:20]}.so"
    if not (target.exists() and is_only_ours(target) and is_whole(target)):
        with tempfile.TemporaryDirectory(dir=folder) as place, whole_file(target) as aside:
            compile_to(Path(place), aside, [compiler, *FLAGS, *more], sources[-1])
            aside.chmod(0o700)
            write_text(checksum_of(target), sha256(aside))
    return target


def checksum_of(library: Path) -> Path:
    """The file that says what was compiled: a library that a full disk or a copy cut short ends the process."""
    return library.with_suffix(".sha256")


def is_whole(library: Path) -> bool:
    """Whether a library is the one that was compiled, by its checksum."""
    said = checksum_of(library)
    return said.exists() and said.read_bytes() == sha256(library).encode()


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def private(folder: Path) -> Path:
    """The folder, made if it is not there; OSError where others may write to it, and so give us what we would load."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_uid == os.geteuid():
        folder.chmod(folder.stat().st_mode & ~OTHERS_MAY_WRITE)
    if not is_only_ours(folder):
        raise OSError(
            f"wanted a cache folder that nobody else can write to, got {folder}; "
            "set TENSORS_TO_GPT2_CACHE to one of your own"
        )
    return folder


def is_only_ours(path: Path) -> bool:
    """Whether nobody but this user and root can have written it. On Windows the user's own folders are private."""
    if os.name != "posix":
        return True
    found = path.stat()
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & OTHERS_MAY_WRITE


def compile_to(folder: Path, target: Path, command: list[str], source: Path) -> None:
    """Compile in `folder`, then move to `target`. Tried with torch's OpenMP, its own, and none."""
    made, step = folder / "kernels.so", folder / "step.o"
    ways = [
        [
            [*command, "-fopenmp", "-c", str(source), "-o", str(step)],
            [command[0], "-shared", str(step), "-o", str(made)],
        ],
        [[*command, "-fopenmp", "-shared", str(source), "-o", str(made)]],
        [[*command, "-shared", str(source), "-o", str(made)]],
    ]
    for number, way in enumerate(ways):
        try:
            for one in way:
                subprocess.run(one, check=True, capture_output=True, text=True, timeout=120)
            loaded(made)
        except (OSError, subprocess.SubprocessError):
            if number == len(ways) - 1:
                raise
        else:
            break
    made.replace(target)


def loaded(path: Path) -> ctypes.CDLL:
    """The library at `path`, with the types of its functions."""
    import torch  # noqa: F401  whose OpenMP the library uses

    found = ctypes.CDLL(str(path))
    found.linear.argtypes = [c_void_p, c_void_p, c_int64, c_void_p, c_int]
    found.decode.argtypes = [c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_void_p, c_int]
    of_call = [c_void_p, c_int64, c_void_p, c_void_p, c_int]
    found.step.argtypes = [c_void_p, *of_call, c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_int]
    found.row_sums.argtypes = [c_void_p, c_int64, c_int64, c_void_p, c_int]
    found.instructions.restype = c_char_p
    for function in (found.linear, found.decode, found.step, found.row_sums):
        function.restype = None
    return found


def processor() -> bytes:
    """What tells processors with other instructions apart."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return "".join(sorted({line for line in lines if line.startswith(("flags", "Features"))})).encode()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}".encode()
