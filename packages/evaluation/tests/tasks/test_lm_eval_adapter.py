"""lm-eval gives our models the numbers of its own `hf` back end on the same folder."""

import json
import logging

import pytest
import torch

import gpt2
from evaluation import lm_eval_model

pytestmark = [pytest.mark.extras, pytest.mark.filterwarnings("ignore")]  # other people's warnings

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
    "last_word": """
task: last_word
output_type: loglikelihood
doc_to_text: "{{question.split(' ')[:-1]|join(' ')}}"
doc_to_target: "{{' ' + question.split(' ')[-1]}}"
metric_list: [{metric: perplexity}, {metric: acc}]
""",
    "whole": """
task: whole
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question * 9}}"
metric_list: [{metric: word_perplexity}, {metric: byte_perplexity}, {metric: bits_per_byte}]
""",
    "answers": """
task: answers
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{continuation}}"
generation_kwargs: {until: ["t", "\\n"], max_gen_toks: 12, do_sample: false}
metric_list: [{metric: exact_match}]
""",
}
WORDS = ["the", "cat", "and", "hat", "sat", "on", "a", "mat", "that", "was", "flat,", "where", "rats", "世界"]


def rows():
    draws = torch.Generator().manual_seed(3)

    def words(n):
        return " ".join(WORDS[i] for i in torch.randint(len(WORDS), (n,), generator=draws))

    for number in range(24):
        choices = [words(1 + number % 3), words(2), words(3), "flat hat"]
        yield {"question": words(5 + number % 9), "choices": choices, "answer": number % 4, "continuation": "x"}


@pytest.fixture(scope="module")
def place(tmp_path_factory, models):
    """A model folder, and a folder of tasks on a file beside it."""
    pytest.importorskip("lm_eval", reason="needs the extra lm-eval")
    folder = tmp_path_factory.mktemp("lm_eval")
    tokenizer = gpt2.Tokenizer.train([" ".join(WORDS)] * 3, 300)
    gpt2.save(folder / "model", models.random(tokenizer.n_vocab, 96, scale=4, n_embd=32), tokenizer)
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    source = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {data}}}}}\ntest_split: test\n"
    for name, text in TASKS.items():
        (folder / f"{name}.yaml").write_text(text + source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def results(place, tmp_path_factory):
    """lm-eval's results and samples through its own back end and through ours."""
    pytest.importorskip("accelerate", reason="lm-eval's own hf back end, the one to compare with, needs accelerate")
    import datasets
    import huggingface_hub
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    patch = pytest.MonkeyPatch()
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_path=str(place), include_defaults=False)
    theirs = HFLM(pretrained=str(place / "model"), device="cpu", batch_size=4)
    ours = lm_eval_model(*gpt2.load(place / "model"))
    yield [
        lm_eval.simple_evaluate(model=model, tasks=list(TASKS), task_manager=manager, bootstrap_iters=0)
        for model in (theirs, ours)
    ]
    patch.undo()


@pytest.mark.parametrize("task", TASKS)
def test_every_figure_is_that_of_the_hf_back_end(results, task):
    theirs, ours = (result["results"][task] for result in results)
    figures = {name: value for name, value in theirs.items() if isinstance(value, float)}
    assert figures
    for name, value in figures.items():
        assert ours[name] == pytest.approx(value, rel=1e-3), name


@pytest.mark.parametrize("task", TASKS)
def test_every_answer_is_that_of_the_hf_back_end(results, task):
    theirs, ours = (
        {sample["doc_id"]: sample["filtered_resps"] for sample in result["samples"][task]} for result in results
    )
    assert len(theirs) == 24
    for number, answer in theirs.items():
        for one, other in zip(answer, ours[number], strict=True):
            assert other == pytest.approx(one, rel=1e-3) if task != "answers" else other == one


class Request:
    def __init__(self, *arguments):
        self.args = arguments


def test_requests_that_repeat_are_answered_from_memory(place, monkeypatch):
    from evaluation.tasks import lm_eval_adapter

    adapter = lm_eval_model(*gpt2.load(place / "model"))
    first = adapter.loglikelihood([Request("the cat", " sat"), Request("", "the")], disable_tqdm=True)
    monkeypatch.setattr(lm_eval_adapter, "score_spans", lambda model, spans, **_: [] if not spans else 1 / 0)
    assert adapter.loglikelihood([Request("the cat", " sat"), Request("", "the")], disable_tqdm=True) == first


def test_an_empty_text_has_probability_one(place):
    assert lm_eval_model(*gpt2.load(place / "model")).loglikelihood_rolling([Request("")]) == [0]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"num_beams": 3}, "wanted generation options among .* got \\['num_beams'\\]; remove"),
     ({"max_gen_toks": 96}, "wanted max_gen_toks below the model's context of 96, got 96")],
)  # fmt: skip
def test_options_that_cannot_be_met_are_refused(place, options, words):
    with pytest.raises(ValueError, match=words):
        lm_eval_model(*gpt2.load(place / "model")).generate_until([Request("the", options)])
