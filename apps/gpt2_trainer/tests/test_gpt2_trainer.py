import pydoc_data.topics
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import gpt2
from gpt2 import TrainSettings
from gpt2_trainer.commands import main as command
from gpt2_trainer.samples import Sample, SampleLog, Sampling, read_samples
from workbench import recorded_disk

TINY = ["--recipe", "tiny", "--steps", "6", "--batch-size", "4"]


@pytest.fixture
def text_file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "topics.txt"
    path.write_text("\n".join(pydoc_data.topics.topics.values())[:100_000], encoding="utf-8")
    return path


@pytest.fixture
def trainer(monkeypatch, capsys):
    """Run `gpt2-trainer ARGUMENTS` in this process: (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gpt2-trainer", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            command.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


def test_a_watched_run_shows_everything_and_is_the_same_run(trainer, text_file, tmp_path):
    folder, prompt = tmp_path / "run", "<b>The"
    arguments = [
        "--text",
        text_file,
        "--out",
        folder,
        *TINY,
        "--evaluate-every",
        "6",
        "--sample-every",
        "2",
        "--prompt",
        prompt,
    ]
    code, output, errors = trainer(*arguments)
    assert code == 0, errors
    for word in (
        "── step 2,",
        "── step 6,",
        "bits per byte",
        "decoding generate",
        "interpretability page",
        "report.html",
    ):
        assert word in output
    samples = read_samples(folder)
    assert [sample.step for sample in samples] == [2, 4, 6]
    assert all(sample.prompt == prompt and prompt + sample.text in output for sample in samples)
    check_report(folder)
    check_tensorboard(folder)
    check_same_weights(folder, text_file, tmp_path / "plain")


def check_report(folder: Path) -> None:
    """One file that loads nothing, with three pictures, the prompt as text and the true number of parameters."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert '<a href="page.html">page.html</a>, once <code>' in page
    assert f"interpretability page {folder} --out {folder / 'page.html'}</code>" in page
    parser = Links()
    parser.feed(page)
    assert len(parser.sources) == 3
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in parser.sources)
    assert "&lt;b&gt;The" in page
    assert "<b>The" not in page
    assert f"{gpt2.load(folder)[0].config.n_parameters:,}" in page


def check_tensorboard(folder: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    assert {"layers", "token vectors"} <= set(events.Tags()["images"])
    assert [event.step for event in events.Tensors("sample/text_summary")] == [2, 4, 6]


def check_same_weights(watched: Path, text: Path, plain: Path) -> None:
    for _ in gpt2.run(TrainSettings(text=str(text), out=plain, recipe="tiny", steps=6, batch_size=4)):
        pass
    names = ("model/model.safetensors", "model/config.json")
    assert all((watched / name).read_bytes() == (plain / name).read_bytes() for name in names)


def test_samples_after_the_checkpoint_are_written_again(tmp_path):
    log = SampleLog(tmp_path, 0)
    for step in (2, 4, 6):
        log.append(Sample(step, 1.0, "The", f" {step} \u00e9\n"))
    with (tmp_path / "samples.jsonl").open("a") as stream:
        stream.write('{"step": 7, "lo')
    assert [sample.step for sample in read_samples(tmp_path)] == [2, 4, 6]
    SampleLog(tmp_path, 4).append(Sample(5, 1.0, "The", " five"))
    assert [sample.text for sample in read_samples(tmp_path)] == [" 2 \u00e9\n", " 4 \u00e9\n", " five"]


def test_a_resumed_run_is_sampled_and_shown_as_it_began(trainer, text_file, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = tmp_path / "my run"
    answers = iter([False, False, False, True])
    good = gpt2.run
    monkeypatch.setattr("gpt2.training.text_run.run", lambda settings, stop: good(settings, lambda: next(answers)))
    options = ["--sample-every", "1", "--prompt", "It was", "--temperature", "0"]
    code, output, _ = trainer("--text", text_file, "--out", folder, *TINY, *options, "--evaluate-every", "3")
    assert "Stopped after step 4 of 6" in output
    assert f"--resume '{folder}'" in output
    monkeypatch.setattr("gpt2.training.text_run.run", good)
    code, output, errors = trainer("--resume", folder, "--sample-tokens", "3")
    assert code == 0, errors
    samples = read_samples(folder)
    assert [(sample.step, sample.prompt) for sample in samples] == [(step, "It was") for step in range(1, 7)]
    assert len(gpt2.load(folder)[1].encode(samples[5].text)) <= 3 < len(gpt2.load(folder)[1].encode(samples[3].text))
    assert "--prompt 'It was'" in output
    events = EventAccumulator(str(folder)).Reload()
    assert [event.step for event in events.Tensors("sample/text_summary")] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in events.Images("layers")] == [3, 6]


def test_a_prompt_longer_than_the_context_is_refused_before_the_first_step(trainer, text_file, tmp_path):
    arguments = [
        "--text",
        text_file,
        "--out",
        tmp_path / "run",
        *TINY,
        "--evaluate-every",
        "6",
        "--prompt",
        "word " * 200,
    ]
    code, _, errors = trainer(*arguments)
    assert code == 2
    assert "--prompt: wanted at most 32 tokens, the model's context, got" in errors
    assert "--resume" in errors
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
    assert trainer("--resume", tmp_path / "run", "--prompt", "The")[0] == 0


class Links(HTMLParser):
    """What a page would load: every src and href, but for the links that a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sample-every", "0"], ["--sample-every", "at least 1", "got 0"]),
        (["--prompt", ""], ["--prompt", "wanted some text"]),
        (["--shard"], ["--shard", "wanted the whole model", "train --shard"]),
        (["--skip-limit", "-1"], ["--skip-limit", "got -1"]),
        (["--temperature", "-1"], ["gpt2-trainer: --temperature must be", "got -1"]),
        (["--sample-tokens", "0"], ["gpt2-trainer: --sample-tokens must be"]),
        (["--sample-tokens", "many"], ["gpt2-trainer: --sample-tokens: wanted a whole number, got 'many'"]),
        (["--recipe", "quik"], ["did you mean quick?"]),
    ],
)
def test_wrong_settings_are_explained(trainer, text_file, tmp_path, arguments, words):
    code, _, errors = trainer("--text", text_file, "--out", tmp_path / "run", *arguments)
    assert code == 2
    assert all(word in errors for word in words), errors
    assert not (tmp_path / "run").exists()


def test_a_text_without_its_option_is_explained(trainer):
    code, _, errors = trainer("book.txt")
    assert code == 2
    assert errors == "gpt2-trainer: wanted options, got 'book.txt'; to learn from a text: --text book.txt\n"


def test_help_needs_no_torch():
    code = "import sys, gpt2_trainer.commands.main as c\ntry: c.main()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert all(option in done.stdout for option in ("--sample-every", "--prompt", "--recipe", "--resume"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_trainers_own_words_may_be_lost_and_its_files_are_the_same(trainer, text_file, tmp_path):
    """`gpt2-trainer … >/dev/full 2>/dev/full`: samples, report and weights are those of a run that was heard."""
    heard, lost = tmp_path / "heard", tmp_path / "lost"
    words = ["--text", str(text_file), *TINY, "--sample-every", "4", "--device", "cpu", "--out"]
    code, _, errors = trainer(*words, heard)
    assert code == 0, errors
    with open("/dev/full", "wb") as full:
        command_line = [sys.executable, "-m", "gpt2_trainer", *words, str(lost)]
        assert subprocess.run(command_line, stdout=full, stderr=full, timeout=600).returncode == 0
    for name in ("samples.jsonl", "sampling.json", "model/model.safetensors"):
        assert (lost / name).read_bytes() == (heard / name).read_bytes()
    assert (lost / "report.html").stat().st_size > 10_000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows flushes no folders")
def test_at_each_moment_the_samples_of_a_resumed_run_are_the_old_or_the_kept(tmp_path):
    for step in (2, 4, 6):
        with (tmp_path / "samples.jsonl").open("a") as stream:
            stream.write(f'{{"step": {step}, "loss": 1.0, "prompt": "", "text": "{step}"}}\n')
    old = (tmp_path / "samples.jsonl").read_bytes()
    with recorded_disk(tmp_path) as disk:
        SampleLog(tmp_path, 4)
        Sampling(prompt="It").write(tmp_path)
    kept = (tmp_path / "samples.jsonl").read_bytes()
    assert old.startswith(kept)
    assert {content["samples.jsonl"] for content in disk.moments()} == {old, kept}
    assert len({content.get("sampling.json") for content in disk.moments()} - {None}) == 1
    assert all(content["samples.jsonl"] == kept and content["sampling.json"] for content in disk.finally_there())
