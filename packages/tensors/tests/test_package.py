import subprocess
import sys
from pathlib import Path

import tensors


def test_importing_loads_neither_torch_nor_numpy():
    code = (
        "import sys; before = set(sys.modules); import tensors\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert sorted(loaded) == ["lazy_loader", "tensors", "workbench"]


def test_using_it_all_loads_no_more_than_torch_numpy_and_jaxtyping_and_changes_no_global_state():
    code = (
        "import random, sys, numpy, torch, jaxtyping\n"
        "def state(): return random.getstate(), numpy.random.get_state()[1].tobytes(), torch.get_rng_state().tolist(), "
        "torch.get_num_threads(), torch.get_default_dtype()\n"
        "before, modules = state(), set(sys.modules)\n"
        "from tensors import *; import tensors.contract; assert state() == before\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - modules} - set(sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert sorted(loaded) == ["lazy_loader", "tensors", "workbench"]


def test_no_module_bears_the_name_of_an_export():
    folder = Path(tensors.__file__).parent
    assert {path.stem for path in folder.iterdir()} & set(tensors.__all__) == {"contract"}, "a module by intention"


def test_everything_public_is_there_and_explained():
    for name in tensors.__all__:
        assert getattr(tensors, name).__doc__, name
