"""Runs of reinforcement: exact, whatever stops them; every answer kept; wrong rewards refused."""

import json

import pytest
import torch
from safetensors.torch import load_file

from finetuning import ReinforceSettings, reinforce
from finetuning.reinforcing.rollouts import answers_to, own_log_probabilities, rollout_of
from finetuning.running import forgetting


@pytest.fixture(autouse=True)
def old_text(monkeypatch):
    monkeypatch.setattr(forgetting, "old_documents", lambda: ("The lazy dog is quick.", "A fox, of course."))


@pytest.fixture
def reward(tmp_path):
    """Answers shall hold many letters e."""
    path = tmp_path / "reward.py"
    path.write_text("def many(prompt, answer):\n    return answer.count('e') - 0.1 * len(answer)\n", "utf-8")
    return f"{path}:many"


def settings(folder, data, out, **changes):
    given = {"steps": 6, "batch_size": 3, "group": 4, "save_every": 2, "evaluate_every": 3, "max_new_tokens": 6}
    return ReinforceSettings(source=str(folder), data=data, out=out, device="cpu", **given | changes)


def result(out):
    tensors = {path.name: load_file(path) for path in sorted(out.glob("*/*.safetensors"))}
    kept = {f"{file}/{name}": tensor.numpy().tobytes() for file, all in tensors.items() for name, tensor in all.items()}
    return kept, (out / "samples.jsonl").read_bytes()


VARIANTS = [
    ({"method": "lora", "rank": 2, "kl": 0.1, "updates": 3, "micro_batch_size": 5}, (2, 4)),
    ({"method": "full"}, (3,)),
    ({"method": "full", "kl": 0.1, "updates": 2}, (1,)),
]


@pytest.mark.parametrize(("how", "stops"), VARIANTS, ids=["lora, three updates", "full", "full, two updates"])
def test_a_run_that_stops_anywhere_ends_with_the_same_bits_and_samples(folder, data, reward, tmp_path, how, stops):
    for _ in reinforce(settings(folder, data, tmp_path / "whole", reward=reward, **how)):
        pass
    expected = result(tmp_path / "whole")
    assert expected[0]
    for stop in stops:
        out, seen = tmp_path / f"stopped-{stop}", []
        for step in reinforce(
            settings(folder, data, out, reward=reward, **how), lambda s=seen, n=stop: len(s) + 1 >= n
        ):
            seen.append(step.number)
        assert seen == list(range(1, stop + 1))
        with (out / "samples.jsonl").open("a") as file:  # as a kill leaves it
            file.write('{"step": 6, "prompt": "x"}\n{"step": 6, "pro')
        torch.manual_seed(stop)
        assert [step.number for step in reinforce(ReinforceSettings(resume=out, device="cpu"))] == list(
            range(stop + 1, 7)
        )
        assert result(out) == expected


def test_every_answer_is_kept_with_its_reward(folder, data, reward, tmp_path):
    run = reinforce(settings(folder, data, tmp_path / "r", reward=reward, updates=2, method="full"))
    for _ in run:
        pass
    samples = [json.loads(line) for line in (tmp_path / "r" / "samples.jsonl").read_text("utf-8").splitlines()]
    assert [sample["step"] for sample in samples] == [1] * 12 + [3] * 12 + [5] * 12
    for sample in samples:
        answer = sample["answer"]
        assert sample["reward"] == pytest.approx(answer.count("e") - 0.1 * len(answer), abs=1e-6)
    for start in range(0, 36, 4):
        group = samples[start : start + 4]
        assert len({sample["prompt"] for sample in group}) == 1
        assert sum(sample["advantage"] for sample in group) == pytest.approx(0, abs=1e-3)
    assert len({sample["answer"] for sample in samples}) > 12
    lines = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reward" in line] == [1, 3, 5]


def test_what_is_rewarded_becomes_likelier(folder, data, reward, tmp_path):
    run = reinforce(settings(folder, data, tmp_path / "r", reward=reward, steps=12, learning_rate=1e-2, method="full"))
    for _ in run:
        pass
    lines = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    rewards = [line["reward"] for line in lines if "reward" in line]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.3


def test_the_first_steps_gradient_is_that_of_the_log_probabilities(model, tokenizer, folder, data, reward, tmp_path):
    """At the weights that drew the answers: sum of advantage x d log p, by plain torch over whole logits."""
    run = reinforce(settings(folder, data, tmp_path / "r", reward=reward, method="full"))
    [batch] = run.curriculum._micro_batches(run.curriculum.drawn(0))
    tokens, targets, better, _, _ = batch
    total, count = run.curriculum.loss(run.model, batch)
    parameters = [parameter for parameter in run.model.parameters() if parameter.requires_grad]
    got = torch.autograd.grad(total, parameters)
    log_probabilities = run.model(tokens).log_softmax(-1)
    real = targets >= 0
    own = log_probabilities.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    wanted = torch.autograd.grad(-(own * real * better[:, None]).sum(), parameters)
    assert int(count) == int(real.sum())
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    run._held.release()


def test_log_probabilities_are_those_that_the_answers_were_drawn_with(model, tokenizer):
    from decoding import GenerationSettings, generate_ids
    from finetuning.reinforcing.prompts import Prompt

    prompts = [Prompt("", text, tuple(tokenizer.encode(text))) for text in ("the lazy", "a fox of course")]
    answers = answers_to(model, tokenizer, prompts, count=3, max_new_tokens=5, temperature=1.0, seed=7, first=4)
    rollout = rollout_of(prompts, answers, torch.zeros(2, 3))
    with torch.no_grad():
        own = own_log_probabilities(model, rollout["tokens"], rollout["targets"], 1.0)
    asked = [prompt.ids for prompt in prompts for _ in range(3)]
    drawn = generate_ids(
        model, asked, GenerationSettings(max_new_tokens=5, seed=7, log_probabilities=0),
        end_of_text=tokenizer.end_of_text, first_row=4,
    )  # fmt: skip
    assert [answer.ids for group in answers for answer in group] == [one.ids for one in drawn]
    told = torch.tensor([value for one in drawn for value in one.log_probabilities])
    torch.testing.assert_close(own, told, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return float('nan') if prompt.startswith('Turn') and answer else 1", "wanted a finite number, got nan"),
        ("raise OSError('no')", "wanted a number, got OSError: no"),
    ],
)
def test_a_reward_that_is_no_number_ends_in_a_sentence_that_names_the_sample(folder, data, tmp_path, body, message):
    path = tmp_path / "bad.py"
    path.write_text(f"def bad(prompt, answer):\n    {body}\n", "utf-8")
    with pytest.raises(
        ValueError, match=rf"reward of the answer to line \d+ of .*tasks.jsonl, .* to 'Turn .*: {message}"
    ):
        reinforce(settings(folder, data, tmp_path / "r", reward=f"{path}:bad"))
    assert not any((tmp_path / "r").glob("[!.]*"))


def test_a_bad_reward_in_the_middle_names_step_and_answer(folder, data, tmp_path):
    path = tmp_path / "bad.py"
    text = "calls = []\ndef bad(prompt, answer):\n    calls.append(1)\n    return 1 if len(calls) < 25 else None\n"
    path.write_text(text, "utf-8")
    run = reinforce(settings(folder, data, tmp_path / "r", reward=f"{path}:bad"))
    with pytest.raises(
        ValueError, match=r"reward of step \d, answer \d to line \d+ of .*tasks.jsonl, .*: wanted a number"
    ):
        list(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": None}, "--data: wanted .* try --task reverse,sort"),
        ({"task": "sort"}, "--task sort: wanted one of --task and --data, got both"),
        ({"data": None, "task": "srot"}, "tasks: wanted some of copy"),
        ({"reward": None}, "--reward: wanted FILE.py:FUNCTION to judge answers to .*tasks.jsonl, got none"),
        ({"group": 1}, "--group: wanted at least 2 answers"),
        ({"updates": 0}, "--updates: wanted a whole number"),
        ({"temperature": 0.0}, "--temperature: wanted a number above 0"),
        ({"clip": 1.0}, "--clip: wanted a share between 0 and 1"),
        ({"kl": float("nan")}, "--kl: wanted 0 or more"),
        ({"max_new_tokens": 47}, "wanted prompts of at most 1 tokens, .* or lower --max-new-tokens"),
        ({"reward": "none.py:f"}, "none.py"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(folder, data, reward, tmp_path, change, message):
    given = {"source": str(folder), "data": data, "reward": reward, "out": tmp_path / "r", "device": "cpu"} | change
    with pytest.raises((ValueError, OSError), match=message):
        reinforce(ReinforceSettings(**given))


def test_tasks_need_no_reward_and_a_run_goes_on_only_with_its_prompts(folder, data, reward, tmp_path):
    run = reinforce(settings(folder, None, tmp_path / "r", task="copy,sort", steps=2), lambda: True)
    assert [step.number for step in run] == [1]
    assert {prompt.text.split()[0] for prompt in run.curriculum.prompts} == {"copy", "sort"}
    assert [step.number for step in reinforce(ReinforceSettings(resume=tmp_path / "r", device="cpu"))] == [2]
    run = reinforce(settings(folder, data, tmp_path / "s", reward=reward), lambda: True)
    assert [step.number for step in run] == [1]
    data.write_text(data.read_text("utf-8").replace("fox", "cat"), "utf-8")
    with pytest.raises(ValueError, match=r"wanted .*tasks.jsonl as when the run began \(prompts"):
        reinforce(ReinforceSettings(resume=tmp_path / "s"))
