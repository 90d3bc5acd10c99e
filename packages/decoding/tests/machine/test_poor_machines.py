"""Less of a machine writes the same ids, and says one thing at most."""

import json
import platform
import subprocess
import sys

import pytest

from tensors.machine import huge_pages
from transformer.kernels import native

SCRIPT = '''
import ctypes, json, os, struct, sys
import torch
import gpt2
from decoding import GenerationSettings, generate_ids
from tensors import move_to_huge_pages

libc = ctypes.CDLL(None, use_errno=True)

def forbid_madvise():
    """By seccomp, as containers do: EPERM for system call 28 of x86-64."""
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 28), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))
    whole = Filter(len(steps), ctypes.addressof(code))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.byref(whole)) == 0
    assert libc.madvise(None, 0, 0) == -1 and ctypes.get_errno() == 1

def forbid_huge_pages():
    assert libc.prctl(41, 1, 0, 0, 0) == 0

def forget_the_compiler():
    os.environ.update(PATH="", TENSORS_TO_GPT2_CACHE=sys.argv[1])

WAYS = {
    "whole": lambda: None,
    "one core": lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1]),
    "one thread": lambda: torch.set_num_threads(1),
    "madvise forbidden": forbid_madvise,
    "no huge pages": forbid_huge_pages,
    "no compiler": forget_the_compiler,
}

def written():
    torch.manual_seed(0)
    model = gpt2.GPT2(gpt2.GPT2Config(n_vocab=211, n_ctx=48, n_embd=128, n_head=4, n_layer=4))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    moved = move_to_huge_pages(model)
    ways = ({"temperature": 0}, {"temperature": 0, "beams": 3}, {"seed": 1})
    asked = [GenerationSettings(max_new_tokens=12, **one) for one in ways]
    return moved, [[row.ids for row in generate_ids(model, [[1, 2, 3], [5]], one)] for one in asked]

for name, poorer in WAYS.items():  # nothing has computed yet, so that each child starts threads of its own
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(writing, 2)
        poorer()
        moved, ids = written()
        print(json.dumps([name, moved, ids, None]), flush=True)
        os._exit(0)
    os.close(writing)
    said = open(reading).read()
    assert os.wait()[1] == 0, (name, said)
    print(json.dumps([name, None, None, said]), flush=True)
'''


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="takes parts of a machine away by calls of Linux"
)
def test_less_of_a_machine_writes_the_same_ids_and_says_one_thing_at_most(tmp_path):
    if native.library() is None:
        pytest.skip("no C++ compiler here, and so none to do without")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    moved = {name: moved for name, moved, ids, _ in lines if ids}
    written = {name: ids for name, _, ids, _ in lines if ids}
    said = {name: text.splitlines() for name, _, ids, text in lines if not ids}
    assert len(written) == 6
    for name, ids in written.items():
        assert ids == written["whole"], name
    assert {name for name, text in said.items() if text} == {"no compiler"}
    assert len(said["no compiler"]) == 1
    assert moved["madvise forbidden"] == 0
    assert (moved["whole"] > 0) == (huge_pages.region_of(1) is not None)
