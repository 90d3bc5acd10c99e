import pydoc_data.topics
import sys
from pathlib import Path

import pytest

PLAN = """
seeds = [0, 1]

[[texts]]
name = "topics"
path = "topics.txt"

[all]
recipe = "tiny"
n_layer = 1
n_embd = 16
n_ctx = 16
n_vocab = 300
batch_size = 2
steps = 6
save_every = 2

[[recipes]]
name = "base"

[[recipes]]
name = "decay"
weight_decay = 0.5

[[recipes]]
name = "slow"
learning_rate = 1e-4
"""


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Tokenizers kept between runs stay inside the test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def plan_text() -> str:
    """A plan of six tiny runs."""
    return PLAN


@pytest.fixture(scope="session")
def plan_in():
    """Write a plan of six tiny runs, or another one, beside its text into a folder."""
    return _plan_in


def _plan_in(folder: Path, text: str = PLAN) -> Path:
    topics = "\n".join(pydoc_data.topics.topics.values())[:20_000]
    (folder / "topics.txt").write_text(topics, encoding="utf-8")
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    return folder / "plan.toml"


@pytest.fixture(scope="session")
def swept(tmp_path_factory) -> Path:
    """The folder of a sweep that nobody disturbed."""
    from experiments import read_plan, sweep

    path = _plan_in(tmp_path_factory.mktemp("swept"))
    assert len(list(sweep(read_plan(path), path.with_suffix(""), 2))) == 6
    return path.with_suffix("")


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `experiments ARGUMENTS` in this process: (exit code, stdout, stderr)."""
    from experiments.commands.main import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["experiments", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call
