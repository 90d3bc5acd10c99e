"""lm-eval gives our models the numbers of its own `hf` back end on the same folder."""

import json
import logging

import pytest
import torch

import gpt2
from evaluation import Cloze, lm_eval_model, score_items

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
def theirs(place):
    """lm-eval's own back end; one request at a time, since padding takes part in transformers' repetition penalty."""
    pytest.importorskip("accelerate", reason="lm-eval's own hf back end, the one to compare with, needs accelerate")
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(place / "model"), device="cpu", batch_size=1)


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


def test_requests_that_repeat_are_computed_once(place, monkeypatch):
    """Within a call; the next one asks the model again, which may have learned in between."""
    from evaluation.tasks import lm_eval_adapter

    model, tokenizer = gpt2.load(place / "model")
    adapter, scored = lm_eval_model(model, tokenizer), []
    real = lm_eval_adapter.score_spans
    monkeypatch.setattr(
        lm_eval_adapter, "score_spans", lambda m, spans, **o: scored.append(len(spans)) or real(m, spans, **o)
    )
    requests = [Request("the cat", " sat"), Request("", "the"), Request("the cat", " sat")]
    first = adapter.loglikelihood(requests, disable_tqdm=True)
    assert (scored, first[0]) == ([2], first[2])
    with torch.no_grad():
        model.final_norm.weight.mul_(2)
    again = adapter.loglikelihood(requests, disable_tqdm=True)
    assert again == lm_eval_model(model, tokenizer).loglikelihood(requests, disable_tqdm=True) != first


END = "<|endoftext|>"
SPELLED = [
    ("the cat" + END, " sat"), ("the", " cat" + END + "the hat"), ("", END + "the cat"), (END, "the"),
    (" ", "the cat"), ("the cat " + END + "  ", "sat"), ("the <|endof", "text| > cat"), (END * 2 + "a", " flat" + END),
]  # fmt: skip


def test_the_end_of_text_token_may_be_spelled(place, theirs):
    """As `hf` reads it: in contexts, continuations and whole texts, and in the tasks of this package."""
    model, tokenizer = gpt2.load(place / "model")
    ours = lm_eval_model(model, tokenizer)
    requests = [Request(*pair) for pair in SPELLED if pair[0].strip()]
    expected = theirs.loglikelihood(requests, disable_tqdm=True)
    for one, other in zip(ours.loglikelihood(requests, disable_tqdm=True), expected, strict=True):
        assert one == (pytest.approx(other[0], rel=1e-4), other[1])
    items = [Cloze(*request.args) for request in requests]
    assert [-score.nats[0] for score in score_items(model, tokenizer, items)] == pytest.approx(
        [nats for nats, _ in expected], rel=1e-4
    )
    whole = [Request(before + after) for before, after in SPELLED]
    assert ours.loglikelihood_rolling(whole) == pytest.approx(theirs.loglikelihood_rolling(whole), rel=1e-4)


PROMPTS = ["the cat and the hat", "a", "the cat" + END + " that was", "世界 flat, " * 40, "rats sat on a mat"]
OPTIONS = [
    {},
    {"max_new_tokens": 9, "max_gen_toks": None},
    {"max_gen_toks": 5, "max_new_tokens": 9, "max_tokens": 20},
    {"max_gen_toks": None, "max_completion_tokens": 7, "temperature": 0.0, "until": []},
    {"max_gen_toks": 30, "until": ["b", "ab", "t"]},
    {"max_gen_toks": 30, "until": " t", "do_sample": False, "temperature": 0.7, "top_p": 0.5},
    {"max_gen_toks": 30, "repetition_penalty": 1.3, "until": ["zzz"]},
    {"max_gen_toks": 30, "no_repeat_ngram_size": 2},
    {"max_gen_toks": 20, "num_beams": 3},
    {"max_gen_toks": 20, "num_beams": 4, "length_penalty": 0.5, "early_stopping": True, "repetition_penalty": 1.2},
    {"max_gen_toks": 20, "num_beams": 3, "until": ["t"]},
    {"max_gen_toks": 20, "num_beams": 5, "until": ["the", "cat", "a"], "early_stopping": True, "length_penalty": -1.0},
    {"max_gen_toks": 20, "num_beams": 1, "length_penalty": 2.0},
    {"max_gen_toks": 12, "do_sample": True, "temperature": 0.5, "top_k": 1},
    {"max_gen_toks": 12, "temperature": 0.001},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_generation_options_mean_what_they_mean_to_hf(place, theirs, options):
    requests = [Request(prompt, {"max_gen_toks": 8} | options) for prompt in PROMPTS]
    ours = lm_eval_model(*gpt2.load(place / "model"))
    assert ours.generate_until(requests) == theirs.generate_until(requests, disable_tqdm=True)


def test_an_empty_text_has_probability_one(place):
    assert lm_eval_model(*gpt2.load(place / "model")).loglikelihood_rolling([Request("")]) == [0]


@pytest.mark.parametrize("options", [o for o in OPTIONS if o.get("num_beams", 1) > 1], ids=str)
def test_beams_end_where_hf_ends_them(place, theirs, monkeypatch, options):
    """With a model that ends its texts often: the end-of-text token is a stop, too."""
    model, tokenizer = gpt2.load(place / "model")
    bias = theirs.model.transformer.ln_f.bias.data
    monkeypatch.setattr(
        theirs.model.transformer.ln_f.bias, "data", bias + model.token_embedding.weight[tokenizer.end_of_text].data
    )
    model.final_norm.bias.data.copy_(theirs.model.transformer.ln_f.bias)
    requests = [Request(prompt, options) for prompt in PROMPTS]
    expected = theirs.generate_until(requests, disable_tqdm=True)
    assert lm_eval_model(model, tokenizer).generate_until(requests) == expected


def test_requests_that_repeat_draw_anew(place):
    """A vote over many answers of one prompt wants different ones, whatever batches they fall into."""
    ours = lm_eval_model(*gpt2.load(place / "model"))
    texts = ours.generate_until([Request("the cat", {"max_gen_toks": 20, "temperature": 1.0})] * 60)
    assert len(set(texts)) == 60


def test_options_that_cannot_be_met_are_refused(place):
    with pytest.raises(ValueError, match=r"wanted max_gen_toks below the model's context of 96, got 96; ask for fewer"):
        lm_eval_model(*gpt2.load(place / "model")).generate_until([Request("the", {"max_gen_toks": 96})])
