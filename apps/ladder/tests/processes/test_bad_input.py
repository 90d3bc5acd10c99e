"""Whatever a learner's file does, the answer is a plain sentence, with the line where there is one, and soon."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ladder import Checker, Verdict, exercises

RUNG = next(exercise for exercise in exercises() if exercise.name == "causal_mask")
RIGHT = "return torch.arange(n) <= torch.arange(n)[:, None]"


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with Checker(seconds=2.0) as one:
        yield one


def told(checker: Checker, folder: Path, content: str | bytes) -> Verdict:
    path = folder / RUNG.file_name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    verdict = checker.check(RUNG, path)
    words = "\n".join(verdict.lines)
    assert "Traceback" not in words + verdict.printed
    assert "site-packages" not in words
    return verdict


def line_of(source: str, part: str) -> int:
    return next(number for number, line in enumerate(source.splitlines(), start=1) if part in line)


WRONG = {
    "a syntax error": ("return torch.ones(n, n", r"line \d+: Python cannot read this: .*\n +return torch.ones\(n, n"),
    "a tab among spaces": ("x = 1\n\treturn x", r"line \d+: Python cannot read this"),
    "a name that is not there": ("return np.ones(n, n)", r"NameError.*\n.*\n.*line (\d+): return np.ones"),
    "an error in a call": (
        "x = [1]\nreturn x[n]",
        r"IndexError[^\n]*\n *for        causal_mask\(1\)\nin line \d+: return x\[n\]",
    ),
    "an import of ours": ("import attention\nreturn attention.causal()", r"line \d+: attention is the solution"),
    "an import from ours": (
        "from ladder.rungs.attention.causal_mask import causal_mask as c\nreturn c(n)",
        "is the solution",
    ),
    "an import by importlib": (
        "import importlib\nreturn importlib.import_module('attention')",
        "importlib is not needed",
    ),
    "an import by exec": ("exec('import attention')\nreturn 1", "exec is not needed"),
    "an import by the back door": (
        "return __builtins__['__import__']('attention').causal()",
        "attention is the solution",
    ),
    "no return": ("mask = torch.ones(n, n).tril() > 0", "None \\(is there a return\\?\\)"),
    "exit": ("raise SystemExit(3)", "your code ends the program"),
    "a question": ("input('n? ')\nreturn 1", r"EOFError.*\n.*\nin line \d+: input"),
    "endless recursion": ("return causal_mask(n)", r"RecursionError.*\n.*\nin line \d+"),
    "too much memory": ("return torch.ones(10**9, 10**9)", r"in line \d+: return torch.ones"),
    "another kind": ("return 'mask'", "wanted     a tensor \\[1, 1\\]\ngot        'mask', a str"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_a_sentence(name: str, checker: Checker, tmp_path: Path) -> None:
    body, words = WRONG[name]
    verdict = told(checker, tmp_path, RUNG.filled(body))
    assert verdict.state == "failed"
    assert re.search(words, "\n".join(verdict.lines)), verdict.lines


def test_an_endless_loop_is_stopped_and_its_line_named(checker: Checker, tmp_path: Path) -> None:
    source = RUNG.filled("while True:\n    n = n + 1")
    verdict = told(checker, tmp_path, source)
    assert "still running after 2 seconds" in verdict.lines[0]
    line = line_of(source, "while True")
    assert re.search(rf"in line ({line}|{line + 1}): ", verdict.lines[0])
    assert told(checker, tmp_path, RUNG.solution).passed, "the next check has a process again"


@pytest.mark.slow
def test_an_endless_loop_while_the_file_is_read_is_stopped(checker: Checker, tmp_path: Path) -> None:
    verdict = told(checker, tmp_path, RUNG.solution + "\nwhile True:\n    pass\n")
    assert re.search(r"still running.*in line \d+: (while True:|pass)", verdict.lines[0])


def test_a_death_of_the_process_is_a_sentence(checker: Checker, tmp_path: Path) -> None:
    verdict = told(checker, tmp_path, RUNG.filled("import os\nos._exit(7)"))
    assert verdict.lines == ("your code ended the whole process (exit code 7); let the function return instead",)


def test_prints_are_shown_and_cut(checker: Checker, tmp_path: Path) -> None:
    few = told(checker, tmp_path, RUNG.filled(f"print('n is', n)\n{RIGHT}"))
    assert few.passed
    assert few.printed.startswith("n is 1\nn is 2\n")
    many = told(checker, tmp_path, RUNG.filled(f"print('x' * 100_000)\n{RIGHT}"))
    assert many.passed
    assert len(many.printed) < 2_200
    assert "(400,004 bytes in all)" in many.printed


def test_megabytes_of_prints_are_stopped(checker: Checker, tmp_path: Path) -> None:
    verdict = told(checker, tmp_path, RUNG.filled("while True:\n    print('x' * 1000)"))
    assert verdict.lines == ("your code printed more than 5 MB and was stopped; take the print out of the loop",)


def test_windows_line_ends_and_a_byte_order_mark_are_no_mistake(checker: Checker, tmp_path: Path) -> None:
    windows = RUNG.solution.replace("\n", "\r\n").encode("utf-8-sig")
    assert told(checker, tmp_path, windows).passed
    hole = RUNG.template.replace("\n", "\r\n")
    assert told(checker, tmp_path, hole).state == "open"


def test_another_encoding_is_a_sentence(checker: Checker, tmp_path: Path) -> None:
    verdict = told(checker, tmp_path, RUNG.solution.encode() + "# né".encode("latin-1"))
    assert "not UTF-8" in verdict.lines[0]


def test_a_renamed_function_is_named(checker: Checker, tmp_path: Path) -> None:
    verdict = told(checker, tmp_path, RUNG.solution.replace("def causal_mask", "def mask_causal"))
    assert "has no causal_mask any more" in verdict.lines[0]


def test_what_does_the_exercise_by_itself_is_refused(checker: Checker, tmp_path: Path) -> None:
    other = next(exercise for exercise in exercises() if exercise.name == "attention")
    path = tmp_path / other.file_name
    path.write_text(
        other.filled("from torch.nn.functional import scaled_dot_product_attention as f\nreturn f(q, k, v)")
    )
    line = line_of(path.read_text(), "as f")
    words = f"line {line}: scaled_dot_product_attention does this exercise by itself; write it without"
    assert checker.check(other, path).lines == (words,)


def test_an_empty_file_and_a_deleted_one_are_sentences(checker: Checker, tmp_path: Path) -> None:
    assert "has no causal_mask any more" in told(checker, tmp_path, "").lines[0]
    gone = checker.check(RUNG, tmp_path / "no.py")
    assert "ladder reset causal_mask" in gone.lines[0]


def test_one_file_does_not_change_how_the_next_is_judged(checker: Checker, tmp_path: Path) -> None:
    source = RUNG.filled(f"torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n{RIGHT}")
    assert told(checker, tmp_path, source).passed
    other = next(exercise for exercise in exercises() if exercise.name == "training_step")
    path = tmp_path / other.file_name
    path.write_text(other.solution)
    assert checker.check(other, path).passed
