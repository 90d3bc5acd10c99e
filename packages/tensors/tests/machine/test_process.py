"""Threads that wait as workbench says, and memory that was freed and serves the next array without a page fault."""

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, numpy  # torch and NumPy ask the same malloc, and NumPy is there at once
from tensors import keep_freed_memory

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        blocks = [numpy.ones(12 << 20, dtype=numpy.uint8) for _ in range(12)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(1)  # at first every page is new
left = faults(5)
assert keep_freed_memory()
faults(1)
print(left, faults(5))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc: nothing is promised")
def test_blocks_that_come_and_go_fault_no_page_twice():
    # A threshold of its own keeps glibc from learning to keep blocks, which it does on some runs and not on others.
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(128 << 10)}
    done = subprocess.run([sys.executable, "-c", COUNT], stdout=-1, text=True, check=True, env=env)
    left, kept = map(int, done.stdout.split())
    assert kept < 0.3 * left


def test_how_threads_wait_is_settled_before_torch_is_there():
    code = (
        "import sys, tensors, workbench; print(tensors.spin_briefly is workbench.spin_briefly, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


GIVEN_BACK = """
import numpy
from tensors import give_back_freed_memory, keep_freed_memory

pages = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096
assert keep_freed_memory()
blocks = [numpy.ones(1 << 20, dtype=numpy.uint8) for _ in range(101)]
full, last = pages(), blocks.pop()
del blocks
left = pages()
give_back_freed_memory()
print(full - left, full - pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc: nothing is promised")
def test_freed_memory_goes_back_when_it_is_asked_for():
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], stdout=-1, text=True, check=True)
    kept, given_back = map(int, done.stdout.split())
    assert kept < 5e6 < 90e6 < given_back
