"""Reward functions in files, and what of them is refused."""

import hashlib
import math

import pytest

from finetuning.reinforcing.rewards import read_reward, rewarded, task_reward


def write(path, text):
    path.write_text(text, "utf-8")
    return path


def test_a_function_in_a_file_judges(tmp_path):
    path = write(tmp_path / "judge.py", "def short(prompt, answer):\n    return len(prompt) - len(answer)\n")
    reward, checksum = read_reward(f"{path}:short")
    assert reward("abc", "de") == 1
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(checksum.removeprefix("sha256:"))


def test_answers_to_tasks_are_right_or_wrong():
    assert task_reward("sort cab:", " abc") == 1
    assert task_reward("sort cab:", " acb") == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wanted FILE.py:FUNCTION, got ''"),
        ("judge.py", "wanted FILE.py:FUNCTION"),
        ("{}:two words", "wanted FILE.py:FUNCTION"),
        ("{}:long", r"wanted a function long\(prompt, answer\), got nothing of that name"),
        ("{}:number", r"wanted a function number\(prompt, answer\), got a int"),
        ("{}.txt:number", "wanted a file of Python, got another ending"),
        ("{}.broken.py:number", "wanted a file that can be run, got ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_function_is_refused(tmp_path, text, message):
    path = write(tmp_path / "judge.py", "number = 1\n")
    write(tmp_path / "judge.py.txt", "number = 1\n")
    write(tmp_path / "judge.py.broken.py", "1 / 0\n")
    with pytest.raises(ValueError, match=message):
        read_reward(text.format(path))
    with pytest.raises(FileNotFoundError):
        read_reward(f"{tmp_path}/none.py:f")


def raising(prompt, answer):
    raise KeyError("key")


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (lambda prompt, answer: math.nan, "wanted a finite number, got nan"),
        (lambda prompt, answer: -math.inf, "wanted a finite number, got -inf"),
        (lambda prompt, answer: None, "wanted a number, got None, as of a function without return"),
        (lambda prompt: 1, "wanted a number, got TypeError"),
        (raising, "wanted a number, got KeyError: 'key'"),
    ],
)
def test_what_is_no_number_is_refused_with_the_sample(reward, message):
    with pytest.raises(ValueError, match=f"^reward of step 3, ' y' to 'x': {message}.*; correct the function$"):
        rewarded(reward, "x", " y", "step 3")
