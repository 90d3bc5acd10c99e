"""lm-eval asks the running server and finds the scores that it finds in process: `--model local-completions`."""

import json
import os
import re
import subprocess
import sys
import time

import httpx
import pytest
import torch

import gpt2
from evaluation import lm_eval_model

pytestmark = [pytest.mark.extras, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # other people's warnings

TASKS = {
    "choices": """
task: choices
output_type: multiple_choice
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: choices
doc_to_target: answer
num_fewshot: 1
fewshot_split: test
metric_list: [{metric: acc}, {metric: acc_norm}]
""",
    "whole": """
task: whole
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question * 9}}"
metric_list: [{metric: word_perplexity}, {metric: byte_perplexity}, {metric: bits_per_byte}]
""",
    "last_word": """
task: last_word
output_type: loglikelihood
doc_to_text: "{{question.split(' ')[:-1]|join(' ')}}"
doc_to_target: "{{' ' + question.split(' ')[-1]}}"
metric_list: [{metric: perplexity}, {metric: acc}]
""",
}
WORDS = ["the", "cat", "and", "hat", "sat", "on", "a", "mat", "that", "was", "flat,", "where", "rats", "世界"]
CLOSE = 1e-5


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A loud model of random weights, and a folder of tasks on a file beside it."""
    pytest.importorskip("lm_eval", reason="needs lm-eval, an extra of evaluation")
    pytest.importorskip("tenacity", reason="lm-eval's local-completions needs tenacity, which it does not bring")
    folder = tmp_path_factory.mktemp("lm_eval")
    tokenizer = gpt2.Tokenizer.train([" ".join(WORDS)] * 3, 300)
    draws = torch.Generator().manual_seed(0)
    model = gpt2.GPT2(gpt2.GPT2Config(tokenizer.n_vocab, 96, 32, 4, 2), generator=draws)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draws) * 0.2)
    gpt2.save(folder / "model", model, tokenizer)
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    source = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {data}}}}}\ntest_split: test\n"
    for name, text in TASKS.items():
        (folder / f"{name}.yaml").write_text(text + source, encoding="utf-8")
    return folder


def rows():
    draws = torch.Generator().manual_seed(3)

    def words(n):
        return " ".join(WORDS[i] for i in torch.randint(len(WORDS), (n,), generator=draws))

    for number in range(24):
        yield {
            "question": words(5 + number % 9),
            "choices": [words(1 + number % 3), words(2), words(3), "flat hat"],
            "answer": number % 4,
        }


@pytest.fixture(scope="module")
def url(place):
    """The address of `serving run`, a process of its own."""
    command = [
        sys.executable,
        "-m",
        "serving",
        "run",
        str(place / "model"),
        "--port",
        "0",
        "--quiet",
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            address = None
            while address is None and (line := server.stdout.readline()):
                address = re.search(r"http://[\d.]+:\d+", line)
            assert address, "the server ended before it said where it is"
            until = time.monotonic() + 300
            while httpx.get(f"{address[0]}/ready", trust_env=False).status_code != 200:
                assert time.monotonic() < until, "the server did not become ready"
                time.sleep(0.2)
            yield address[0]
        finally:
            server.terminate()


def evaluated(model, place, **options):
    import lm_eval
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(place), include_defaults=False)
    found = lm_eval.simple_evaluate(
        model=model, tasks=list(TASKS), task_manager=manager, bootstrap_iters=0, **options
    )  # fmt: skip
    return found["results"], found["samples"]


@pytest.mark.parametrize("clients", [1, 4])
def test_scores_through_the_server_are_those_in_process(place, url, clients, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    options = {
        "base_url": f"{url}/v1/completions",
        "model": httpx.get(f"{url}/v1/models", trust_env=False).json()["data"][0]["id"],
        "tokenizer": str(place / "model"),
        "tokenizer_backend": "huggingface",
        "max_length": 96,
        "num_concurrent": clients,
        "max_retries": 1,
    }
    served, samples = evaluated("local-completions", place, model_args=options)
    in_process = lm_eval_model(*gpt2.load(place / "model"))
    monkeypatch.setattr(type(in_process), "max_length", 94)  # so short are the windows of lm-eval's client of an API
    ours, our_samples = evaluated(in_process, place)
    for task in TASKS:
        metrics = {name: value for name, value in ours[task].items() if isinstance(value, float)}
        assert len(metrics) >= 2
        for name, value in metrics.items():
            assert served[task][name] == pytest.approx(value, rel=CLOSE), (task, name)
        for one, other in zip(samples[task], our_samples[task], strict=True):
            got, wanted = (torch.tensor(flat(each["filtered_resps"])) for each in (one, other))
            torch.testing.assert_close(got, wanted, rtol=CLOSE, atol=CLOSE)


def flat(responses):
    """Log-likelihoods, and whether the text is the likeliest, of one sample."""
    return [float(value) for one in responses for value in (one if isinstance(one, (list, tuple)) else (one,))]
