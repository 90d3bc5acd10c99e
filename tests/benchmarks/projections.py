"""How long it takes to lay out 10,000 vectors of width 128, and to find the neighbours of 100,000 of width 300.

    uv run nox -s bench        or        uv run python tests/benchmarks/projections.py [METHOD ...]

Each runs in a process of its own, so that compiling and importing count for the first call and memory is its own.
Prints seconds (import, first call: with what UMAP compiles), trustworthiness, the growth of resident memory, and a
checksum of the coordinates: two runs on one machine print the same.
"""

import hashlib
import resource
import subprocess
import sys
import time

import torch

import embeddings

METHODS = ["pca", "tsne", "umap", "neighbours"]


def clustered(n: int, width: int) -> torch.Tensor:
    """Fifty clouds of different sizes: some structure to find, some to lose."""
    generator = torch.Generator().manual_seed(0)
    centers = 3 * torch.randn(50, width, generator=generator)
    spread = torch.rand(50, 1, generator=generator) + 0.5
    cloud = torch.randint(0, 50, (n,), generator=generator)
    return centers[cloud] + spread[cloud] * torch.randn(n, width, generator=generator)


def resident() -> float:
    """The most resident memory so far, in MB (Linux counts in KiB, macOS in bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def measure(name: str) -> str:
    vectors = clustered(100_000, 300) if name == "neighbours" else clustered(10_000, 128)
    embeddings.project(vectors[:50], "pca")  # imports scikit-learn
    before, began = resident(), time.perf_counter()
    if name == "neighbours":
        rows, _ = embeddings.nearest_rows(vectors[:2000], vectors, 10)
        kept, result = "2,000 queries, exact", rows.numpy()
    else:
        projection = embeddings.project(vectors, name)
        kept, result = str(projection).split(": ")[1], projection.coordinates
    seconds = time.perf_counter() - began
    checksum = hashlib.sha256(result.tobytes()).hexdigest()[:8]
    return f"| {name} | {list(vectors.shape)} | {seconds:.1f} | {resident() - before:,.0f} | {kept} | {checksum} |"


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(measure(sys.argv[2]), flush=True)
        return
    print("| what | vectors | seconds | memory, MB | kept | checksum |\n|---|---|---|---|---|---|", flush=True)
    for name in sys.argv[1:] or METHODS:
        subprocess.run([sys.executable, __file__, "--measure", name], check=True)


if __name__ == "__main__":
    main()
