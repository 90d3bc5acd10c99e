"""Claims about what importing costs."""

import subprocess
import sys
from pathlib import Path

import trainkit

CODE = """
import sys, trainkit
assert "torch" not in sys.modules
import torch
already = set(sys.modules)
trainkit.train_steps, trainkit.MetricsLog, trainkit.progress, trainkit.Checkpoints
heavy = {"tensorboard", "tqdm", "torch.utils.tensorboard", "torch.distributed.checkpoint"}
assert not heavy & (set(sys.modules) - already), heavy & set(sys.modules)

model = torch.nn.Linear(4, 4)
for optimizer in (trainkit.adamw(model, 1e-3), trainkit.muon(model, 1e-3, adam_learning_rate=1e-3)):
    loss = lambda model, batch: trainkit.squared_error(model(batch), batch)
    batches = [[torch.ones(2, 4)]] * 3
    assert len(list(trainkit.train_steps(model, batches, loss, optimizer))) == 3
assert "torch._dynamo" not in sys.modules, "the compiler was loaded"
"""


def test_importing_brings_neither_tensorboard_nor_tqdm_nor_at_first_torch_and_steps_no_compiler():
    assert subprocess.run([sys.executable, "-c", CODE], check=False).returncode == 0


def test_every_name_in_the_public_list_exists_and_no_module_bears_one():
    modules = {path.stem for path in Path(trainkit.__file__).parent.glob("*.py")}
    assert all(getattr(trainkit, name) is not None for name in trainkit.__all__)
    assert not modules & set(trainkit.__all__)
    assert set(trainkit.__all__) <= set(dir(trainkit))
