"""Whatever is typed after any command: an answer, or one line on standard error that says what is wrong and code 2;
never a traceback, never a changed input."""

import contextlib
import importlib
import io
import json
import os
import signal
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from hypothesis import strategies as st

import finetuning
import gpt2
import quantization
from decoding.commands.main import COMMANDS as DECODING, main as decoding
from embeddings.commands.main import main as embeddings
from embeddings.commands.settings import CompareSettings, NearestSettings, PlotSettings
from evaluation.commands.main import main as evaluation
from evaluation.commands.settings import Compare, Score, Tasks
from experiments.commands.main import COMMANDS as EXPERIMENTS, main as experiments
from experiments.plans import read_plan
from experiments.results import append
from experiments.work import trained
from finetuning.commands.main import COMMANDS as FINETUNING, main as finetuning_command
from gpt2.commands.main import COMMANDS as GPT2, main as gpt2_command
from gpt2_trainer.commands.main import main as gpt2_trainer
from gpt2_trainer.commands.settings import TrainerSettings
from interpretability.commands.main import COMMANDS as INTERPRETABILITY, main as interpretability
from ladder.commands.main import COMMANDS as LADDER, main as ladder
from mnist_trainer.commands.main import COMMANDS as MNIST, main as mnist_trainer
from quantization.commands.main import COMMANDS as QUANTIZATION, main as quantization_command
from serving.commands.main import COMMANDS as SERVING, main as serving
from serving.protocol.limits import Limits
from trainkit.commands.main import main as trainkit
from trainkit.commands.settings import COMMANDS as TRAINKIT

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # umap compiles for 20 s what it needs a moment for
NUMBERS = ["0", "1", "2", "3", "-1", "1.5", "nan", "inf", "-inf", "1e300", "-1e300", "1e-300", str(2**31), str(2**63)]
NUMBERS += ["9" * 40, "9" * 5000, "0x10", "1_0", "٣"]
WORDS = [
    "",
    " ",
    "-",
    "--",
    "-h1",
    "x",
    "cpu",
    "auto",
    "None",
    "True",
    "é",
    "\ud800",
    "x" * 300,
    "--help=",
    "{}",
    "a=b",
]
PATHS = ["model", "run", "text.txt", "small", "picture.png", "missing/x.png", "out", ".", "/", "/dev/null", "~nobody/x"]
PATHS += [
    "vectors.txt",
    "lines.jsonl",
    "binary.bin",
    "q.jsonl",
    "deep.json",
    "hf://x",
    "**",
    "plan.json",
    "schema.json",
    "adapter",
    "examples.jsonl",
    "template.json",
    "page.html",
    "http://127.0.0.1:9",
    "small=model",
    "sweep",
]
LONG = ["0", "-1", "1.5", "nan", "1e300", "x", "9" * 5000, ""]  # where a large number is no mistake, only slow
SLOW = {"steps", "epochs", "processes", "max-new-tokens", "beams", "samples", "turns", "sample-tokens", "patience"}
SLOW |= {
    "n-layer",
    "n-embd",
    "n-vocab",
    "sample-every",
    "rows",
    "tokens",
    "features",
    "drain",
    "requests",
    "clients",
    "words",
}

# name: (main, words before, kinds of settings, what keeps a command that is right short)
TINY = ["--text", "text.txt", "--recipe", "tiny", "--steps", "1", "--batch-size", "1", "--device", "cpu"]
COMMANDS = {
    "gpt2 train": (gpt2_command, ["train"], GPT2["train"], TINY),
    "gpt2 verify": (gpt2_command, ["verify"], GPT2["verify"], ["model"]),
    "gpt2 inspect": (gpt2_command, ["inspect"], GPT2["inspect"], ["model"]),
    "gpt2 tokens": (gpt2_command, ["tokens"], GPT2["tokens"], ["the cat", "--tokenizer", "model"]),
    "gpt2 fit": (gpt2_command, ["fit"], GPT2["fit"], ["model", "--device", "cpu"]),
    "gpt2 batch": (gpt2_command, ["batch"], GPT2["batch"], ["run", "1"]),
    "gpt2-trainer": (gpt2_trainer, [], TrainerSettings, TINY),
    "decoding generate": (
        decoding,
        ["generate"],
        DECODING["generate"],
        ["model", "--prompt", "the", "--max-new-tokens", "2", "--device", "cpu"],
    ),
    "evaluation score": (evaluation, ["score"], Score, ["model", "text.txt", "--device", "cpu"]),
    "evaluation tasks": (evaluation, ["tasks"], Tasks, ["model", "--task", "lambada", "--data", "q.jsonl"]),
    "evaluation compare": (evaluation, ["compare"], Compare, ["model", "model", "--text", "text.txt"]),
    "embeddings plot": (embeddings, ["plot"], PlotSettings, ["model", "--out", "picture.png", "--first", "5"]),
    "embeddings compare": (embeddings, ["compare"], CompareSettings, ["vectors.txt", "--out", "picture.png"]),
    "embeddings nearest": (embeddings, ["nearest"], NearestSettings, ["vectors.txt", "a", "--k", "3"]),
    "quantization convert": (quantization_command, ["convert"], QUANTIZATION["convert"], ["model", "--out", "out"]),
    "quantization generate": (
        quantization_command,
        ["generate"],
        QUANTIZATION["generate"],
        ["small", "--prompt", "the", "--max-new-tokens", "2", "--device", "cpu"],
    ),
    "quantization report": (
        quantization_command,
        ["report"],
        QUANTIZATION["report"],
        ["model", "--text", "text.txt", "--tokens", "32", "--schemes", "int8"],
    ),
    "quantization search": (
        quantization_command,
        ["search"],
        QUANTIZATION["search"],
        ["model", "--text", "text.txt", "--out", "plan.json", "--tokens", "32", "--megabytes", "9"],
    ),
    "quantization benchmark": (
        quantization_command,
        ["benchmark"],
        QUANTIZATION["benchmark"],
        ["model", "--tokens", "1", "--turns", "1", "--rows", "1", "--schemes", "int8"],
    ),
    "trainkit inspect": (trainkit, ["inspect"], TRAINKIT["inspect"], ["run"]),
    "trainkit diff": (trainkit, ["diff"], TRAINKIT["diff"], ["run", "run"]),
    "ladder lesson": (ladder, ["lesson"], LADDER["lesson"][0], ["gpt2"]),
    "mnist-trainer": (mnist_trainer, [], MNIST[""], ["--epochs", "1", "--batch-size", "512", "--device", "cpu"]),
    "mnist-trainer predict": (mnist_trainer, ["predict"], MNIST["predict"], ["picture.png", "--model", "model"]),
}
TEXT = ["model", "--text", "text.txt", "--tokens", "64", "--device", "cpu"]
PROMPT = ["model", "--prompt", "the cat and", "--device", "cpu"]
LOOKING = {
    "page": ["model"],
    "lens": [*TEXT, "--prompt", "the cat"],
    "attribute": PROMPT,
    "heads": ["model", "--rows", "2", "--period", "8", "--device", "cpu"],
    "ablate": [*TEXT, "--parts", "0.head.0"],
    "patch": [*PROMPT, "--corrupted", "the hat and"],
    "neurons": [*TEXT, "--neuron", "0.1"],
    "features": [*TEXT, "--steps", "1", "--features", "40", "--active", "2"],
    "probe": ["model", "--labels", "labels.csv", "--place", "0.resid_post", "--device", "cpu"],
    "induction": ["--steps", "1"],
}
COMMANDS |= {
    f"interpretability {name}": (interpretability, [name], INTERPRETABILITY[name], right)
    for name, right in LOOKING.items()
}
TUNING = ["model", "--data", "examples.jsonl", "--steps", "1", "--batch-size", "1", "--device", "cpu"]
ASKING = ["http://127.0.0.1:9", "--clients", "1", "--requests", "1", "--turns", "1", "--tokens", "1"]
COMMANDS |= {
    "finetuning tune": (finetuning_command, ["tune"], FINETUNING["tune"], TUNING),
    "finetuning merge": (finetuning_command, ["merge"], FINETUNING["merge"], ["adapter", "--out", "out"]),
    "serving run": (serving, ["run"], SERVING["run"][0], ["model", "--port", "0", "--quiet"]),
    "serving replay": (serving, ["replay"], SERVING["replay"][0], ["log.jsonl", "--url", "http://127.0.0.1:9"]),
    "serving bench": (serving, ["bench"], SERVING["bench"][0], ASKING),
    "serving hand-off": (serving, ["hand-off"], SERVING["hand-off"][0], ["model", "--to", "vllm"]),
}
COMMANDS |= {
    "experiments run": (experiments, ["run"], EXPERIMENTS["run"], ["plan.toml", "--out", "sweep", "--processes", "1"]),
    "experiments compare": (experiments, ["compare"], EXPERIMENTS["compare"], ["a", "b", "--results", "sweep"]),
    "experiments search": (experiments, ["search"], EXPERIMENTS["search"], ["plan.toml"]),
    "experiments scale": (experiments, ["scale"], EXPERIMENTS["scale"], ["plan.toml"]),
    "experiments average": (experiments, ["average"], EXPERIMENTS["average"], ["model", "run", "--out", "averaged"]),
    "experiments page": (experiments, ["page"], EXPERIMENTS["page"], ["sweep", "--out", "out.html"]),
}
WRONG = {"mnist-trainer predict", "serving replay", "serving bench"}  # no model of digits, and no server, is there
WRONG |= {"experiments search", "experiments scale"}  # a plan without their tables: they would run for long
HEAVY = {"gpt2 train": 4, "gpt2-trainer": 2, "mnist-trainer": 3, "quantization benchmark": 4, "embeddings compare": 3}
HEAVY |= {"finetuning tune": 3, "interpretability induction": 3}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with one of everything that a command may be given, and what it held."""
    place = tmp_path_factory.mktemp("inputs")
    (place / "text.txt").write_text("the cat and the hat and the bat. " * 400)
    settings = gpt2.TrainSettings(
        text=str(place / "text.txt"), recipe="tiny", steps=1, batch_size=2, device="cpu", out=place / "run"
    )
    for _ in gpt2.run(settings):
        pass
    model, tokenizer = gpt2.load(place / "run")
    gpt2.save(place / "model", model, tokenizer)
    tuned = finetuning.with_adapter(model, finetuning.Adapter(rank=2))
    finetuning.save_adapter(place / "adapter", tuned, finetuning.Adapter(rank=2), base=str(place / "model"))
    quantization.save(place / "small", quantization.quantize(model, "int8"), tokenizer)
    (place / "vectors.txt").write_text("".join(f"{word} {n} {n * n % 7} 1\n" for n, word in enumerate("abcdefgh")))
    (place / "lines.jsonl").write_text('{"text": "the cat"}\n{"text": "\u2028"}\n')
    (place / "q.jsonl").write_text('{"text": "the cat and the hat"}\n')
    examples = [{"prompt": f"the cat {n}", "completion": " and the hat"} for n in range(20)]
    (place / "examples.jsonl").write_text("".join(json.dumps(example) + "\n" for example in examples))
    rows = [f"the {('cat', 'hat')[n % 2]} {n},{n % 2}\n" for n in range(12)]
    (place / "labels.csv").write_text("text,label\n" + "".join(rows))
    (place / "template.json").write_text('{"user": ["Q: ", "\\n"], "assistant": "A: "}')
    asked = {"id": "a", "status": 200, "path": "/v1/completions", "model": "model", "seed": 1, "texts": ["x"]}
    logged = asked | {"finish_reasons": ["stop"], "system_fingerprint": "f", "request": {"prompt": "the"}}
    (place / "log.jsonl").write_text(json.dumps(logged) + "\n")
    plan = "seeds = 1\n[[texts]]\nname = 't'\npath = 'text.txt'\n[all]\nrecipe = 'tiny'\nsteps = 1\nbatch_size = 1\n"
    (place / "plan.toml").write_text(plan + "[[recipes]]\nname = 'a'\n[[recipes]]\nname = 'b'\ndropout = 0.5\n")
    for number, one in enumerate(read_plan(place / "plan.toml").runs):
        append(place / "sweep", replace(trained(one, place / "sweep" / "runs" / one.name), place=number))
    (place / "binary.bin").write_bytes(bytes(range(256)) * 4)
    (place / "deep.json").write_text("[" * 100_000)
    (place / "schema.json").write_text('{"type": "integer"}')
    return place


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def options(kind) -> list[str]:
    names = [field.name for field in fields(kind)]
    names += [field.name for held in fields(kind) if held.name == "sampling" for field in fields(held.default_factory)]
    names += [f"limits.{field.name}" for field in fields(Limits)] if "limits" in names else []
    names += [field.name for field in fields(gpt2.TrainSettings)] if "train" in names else []
    return [name.replace("_", "-") for name in names] + ["help", "frm", "no-json", "from"]


def typed(name: str):
    """Strategy: words, many of them options of the command with values of every kind."""
    value = st.sampled_from(NUMBERS) | st.sampled_from(WORDS) | st.sampled_from(PATHS)
    pair = st.sampled_from(options(COMMANDS[name][2])).flatmap(
        lambda option: st.tuples(st.just(f"--{option}"), st.sampled_from(LONG) if option in SLOW else value).flatmap(
            lambda two: st.sampled_from([two, (f"{two[0]}={two[1]}",), two[:1]])
        )
    )
    return st.lists(pair | value.map(lambda word: (word,)), max_size=3).map(
        lambda groups: [word for group in groups for word in group]
    )


def stopping(tell):
    """What a server does once it can answer, and the signal that ends it."""

    def told(*facts):
        tell(*facts)
        os.kill(os.getpid(), signal.SIGTERM)

    return told


@pytest.mark.filterwarnings("default")  # as for users: a warning ends no command
@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_is_typed_is_answered(fuzz, prepared, tmp_path, monkeypatch, name):
    main, begin, _, right = COMMANDS[name]
    monkeypatch.chdir(prepared)
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    serving_run = importlib.import_module("serving.commands.run")
    monkeypatch.setattr(serving_run, "_tell", stopping(serving_run._tell))
    before = everything(prepared)
    threads = torch.get_num_threads()

    def answer(words):
        monkeypatch.setattr(sys, "argv", [name.split()[0], *begin, *words])
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main()
            except SystemExit as end:
                code = end.code
        after = everything(prepared)
        assert before.items() <= after.items(), [path for path in before if after.get(path) != before[path]]
        for path in after.keys() - before.keys():
            (prepared / path).unlink()
        torch.set_num_threads(threads)
        return code or 0, err.getvalue()

    code, said = answer(right)  # and everything that it needs is imported
    assert code == 0 or name in WRONG or "extra" in said, said

    def claim(words, first):
        code, said = answer(words + right if first else right + words)
        assert code in (0, 1, 2), (code, said)
        assert "Traceback" not in said
        if code == 2:
            last = said.splitlines()[-1]
            assert last.startswith((name.split()[0], "train")) or ": " in last, said

    fuzz(claim, HEAVY.get(name, 6), shrink=False, words=typed(name), first=st.booleans())
