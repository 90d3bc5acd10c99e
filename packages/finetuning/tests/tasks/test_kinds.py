"""Each kind of task, judged by what Python or numpy say of the same words."""

from collections import Counter

import numpy as np
import pytest

from finetuning import TaskNames, is_solved, solution, task_records
from finetuning.tasks.kinds import KINDS

JUDGES = {
    "copy": lambda word: word,
    "reverse": lambda word: "".join(np.array(list(word))[::-1]),
    "sort": lambda word: "".join(np.sort(list(word))),
    "count": lambda letter, _, word: str(Counter(word)[letter]),
    "spell": lambda word: "".join(f"{letter}-" for letter in word)[:-1],
    "convert": lambda number, *_: np.base_repr(int(number), 2),
    "compare": lambda first, _, second: str(max(int(first), int(second))) if int(first) != int(second) else "equal",
}


@pytest.mark.parametrize("name", KINDS)
def test_answers_are_right_and_wrong_ones_are_wrong(name):
    records = [record for _, record in task_records(TaskNames((name,), 300, seed=1))]
    assert len({record["prompt"] for record in records}) == 300
    for record in records:
        kind, *words = record["prompt"].removesuffix(":").split()
        assert kind == name == record["task"]
        assert record["completion"] == record["chosen"] == f" {JUDGES[name](*words)}"
        assert is_solved(record["prompt"], record["completion"])
        assert not is_solved(record["prompt"], record["rejected"])
        assert record["rejected"].strip()


def test_what_is_no_task_has_no_answer():
    for prompt in ("", "dance now:", "reverse:", "reverse two words:", "count a on fox:", "convert x to binary:"):
        assert solution(prompt) is None
        assert not is_solved(prompt, "")
    assert solution(" reverse fox: ") == "xof"
    assert is_solved("sort dcba:", "abcd\n")
    assert not is_solved("sort dcba:", "abcd abcd")
