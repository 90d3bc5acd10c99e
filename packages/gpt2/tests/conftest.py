import multiprocessing
import pydoc_data.topics
import runpy
import sys
from pathlib import Path

import pytest
import torch

import gpt2
from gpt2 import GPT2, GPT2Config, TextCurriculum, Tokenizer

torch.set_num_threads(1)

CONFIG = GPT2Config(n_vocab=300, n_ctx=24, n_embd=32, n_head=4, n_layer=3)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Tokenizers kept between runs stay inside the test session, those of processes that it starts included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What is compared with `transformers` needs the extra `verify`: `pytest.mark.extras`."""
    for item in items:
        if "transformers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.extras)


@pytest.fixture(scope="session")
def transformers():
    """The library, imported where it is asked for."""
    import transformers

    return transformers


@pytest.fixture(scope="session")
def topics() -> list[str]:
    """Real text: CPython's documentation topics."""
    return list(pydoc_data.topics.topics.values())


@pytest.fixture(scope="session")
def text_file(topics, tmp_path_factory) -> Path:
    """About 150 kB of them in one file."""
    path = tmp_path_factory.mktemp("text") / "topics.txt"
    path.write_text("\n".join(topics)[:150_000], encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizer(topics) -> Tokenizer:
    return Tokenizer.train(topics[:20], CONFIG.n_vocab)


@pytest.fixture
def model() -> GPT2:
    """Random weights far larger than the initial ones, so that a wrong number shows in the logits."""
    model = GPT2(CONFIG, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        generator = torch.Generator().manual_seed(2)
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(CONFIG.n_vocab, (3, 20), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def folder(model, tokenizer, tmp_path) -> Path:
    """The model and its tokenizer, saved."""
    gpt2.save(tmp_path / "model", model, tokenizer)
    return tmp_path / "model"


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `gpt2 ARGUMENTS` in this process: (exit code, stdout, stderr)."""
    from gpt2.commands.main import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gpt2", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def broken_at(monkeypatch):
    """Make the loss of the given calls of the training loss, one a step, no number."""
    good = TextCurriculum.loss

    def break_at(*numbers):
        calls = iter(range(1, 10**6))

        def loss(model, batch):
            total, count = good(model, batch)
            return (total * float("nan") if model.training and next(calls) in numbers else total), count

        monkeypatch.setattr(TextCurriculum, "loss", staticmethod(loss))

    return break_at


@pytest.fixture(scope="session")
def fork(own_cache, tmp_path_factory):
    """A function that runs a script in a process forked from a server that has imported torch already. The script's
    first argument, and `said` of the process, is the file for what it says."""
    context, folder = multiprocessing.get_context("forkserver"), tmp_path_factory.mktemp("said")
    slow_to_import = [
        "torch.utils.tensorboard",
        "torch._dynamo",
        "torch.distributed.fsdp",
        "torch.distributed.checkpoint",
    ]
    context.set_forkserver_preload(["gpt2.commands.main", "gpt2.training.text_run", *slow_to_import])
    started = []

    def start(script, *arguments):
        said = folder / str(len(started))
        own, sys.argv = sys.argv, [str(script), str(said), *map(str, arguments)]
        try:
            process = context.Process(target=runpy.run_path, args=(str(script),), kwargs={"run_name": "__main__"})
            process.start()
        finally:
            sys.argv = own
        process.said = said
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()
