"""llama.cpp built for this processor, for the benchmarks that stand beside it.

`python_with_llama_cpp` makes an environment of its own, once: the source comes with the package `llama-cpp-python`. The
build has GGML_NATIVE, so all instructions that this processor has. It needs uv, CMake and a C++ compiler, and takes ten
minutes or more on two cores.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from workbench import cache_folder

PACKAGE = "llama-cpp-python==0.3.36"
OPTIONS = "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_TESTS=OFF"
PROBE = "import llama_cpp, gguf"


def python_with_llama_cpp(source: str | None = None) -> str:
    """The Python of that environment. With `source`, the package's source archive or the folder that it was unpacked
    to, it is built anew. CMAKE_ARGS of the caller come last, and so count. SystemExit where it fails, with what did."""
    folder = cache_folder("llama.cpp", PACKAGE.rpartition("=")[2])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    there = python.exists() and not subprocess.run([python, "-c", PROBE], capture_output=True, check=False).returncode
    if source is None and there:
        return str(python)
    if (uv := shutil.which("uv")) is None:
        raise SystemExit("wanted uv to build llama.cpp with, got none on the path; install it, or give --llama-python")
    if source is not None and not Path(source).exists():
        raise SystemExit(f"--llama-source: wanted a source archive of llama-cpp-python, got {source}; put one there")
    print(f"building llama.cpp in {folder}: ten minutes or more", file=sys.stderr)
    options = {**os.environ, "CMAKE_ARGS": f"{OPTIONS} {os.environ.get('CMAKE_ARGS', '')}"}
    options.pop("VIRTUAL_ENV", None)
    what = PACKAGE if source is None else str(Path(source).resolve())
    built = ["--no-binary", "llama-cpp-python", "--reinstall-package", "llama-cpp-python"]
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--no-cache", "--python", str(python), *built, what, "gguf"],
    ):
        done = subprocess.run(command, env=options, check=False)
        if done.returncode:
            raise SystemExit(f"wanted llama.cpp built, got exit code {done.returncode} from: {' '.join(command)}")
    return str(python)


if __name__ == "__main__":
    print("llama_cpp_native: nothing to measure; decoding_sides.py --llama builds with it")
