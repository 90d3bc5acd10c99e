"""READMEs are tests: every fenced `python` block runs, top to bottom, in one namespace a file and in an empty folder.

Applies to every package without a line of its own. Also skips, with its reason, what this machine cannot run, and has
the fixture `fuzz`.
"""

import contextlib
import functools
import inspect
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


def enter_empty_folder(namespace: dict[str, Any]) -> None:
    stack = namespace["_leave"] = contextlib.ExitStack()
    folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    stack.enter_context(contextlib.chdir(folder))


def leave_folder(namespace: dict[str, Any]) -> None:
    namespace["_leave"].close()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], filenames=["README.md"], setup=enter_empty_folder, teardown=leave_folder
).pytest()


def pytest_configure() -> None:
    """Under nohup SIGHUP is ignored, and children inherit that: those that tests hang up would not notice."""
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.path.name == "README.md":
        item.add_marker("extras")  # READMEs show what a package can do with all of its extras


def pytest_runtest_setup(item: pytest.Item) -> None:
    global tests_begun
    tests_begun += 1
    if item.get_closest_marker("network") and "TESTS_MAY_USE_NETWORK" not in os.environ:
        pytest.skip("needs the network: set TESTS_MAY_USE_NETWORK=1 to run it")
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


FIRST_CALLS, EVERY = 8, 64
"""The type checker looks at a function's first calls in each test, and at each 64th of the others: checked at all of
them, loops over layers and tokens spend three fifths of their time on it."""
tests_begun = 0


def sparing(jaxtyped: Callable[..., Any]) -> Callable[..., Any]:
    """`jaxtyping.jaxtyped`, the decorator that the option --jaxtyping-packages puts on everything, made to check
    functions sparingly, and to think about their annotations only when they are called."""

    def decorator(**options: Any) -> Callable[[Any], Any]:
        def decorate(it: Any) -> Any:
            if not inspect.isfunction(it):
                return jaxtyped(**options)(it)
            checked, test, calls = it, -1, 0
            torch: Any = sys.modules.get("torch")  # whose compiler would compile anew at each count
            is_compiling = torch.compiler.is_compiling if torch else lambda: False

            @functools.wraps(it)
            def sometimes_checked(*arguments: Any, **named: Any) -> Any:
                nonlocal checked, test, calls
                if is_compiling():
                    return it(*arguments, **named)
                if checked is it:
                    checked = jaxtyped(**options)(it)
                if test != tests_begun:
                    test, calls = tests_begun, 0
                calls += 1
                chosen = checked if calls <= FIRST_CALLS or calls % EVERY == 0 else it
                return chosen(*arguments, **named)

            return sometimes_checked

        return decorate

    return decorator


jaxtyping.jaxtyped = sparing(jaxtyping.jaxtyped)


CPU_SECONDS, GIGABYTES = 10, 2
"""What one fuzzed input may take at most: anything beyond counts as a hang, or as a bomb."""
SHORTER, LONGER = 0.5, 60
"""What is left of each number of inputs in the default tests, some minute in all; those marked slow take hours."""


@pytest.fixture(params=[pytest.param(SHORTER, id="briefly"), pytest.param(LONGER, id="long", marks=pytest.mark.slow)])
def fuzz(request: pytest.FixtureRequest) -> Iterator["Fuzz"]:
    """Try a claim on many inputs, as users call the package: without the type checker of the tests."""
    was = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield Fuzz(request.param)
    jaxtyping.config.update("jaxtyping_disable", was)


class Fuzz:
    """`fuzz(claim, times, name=strategy, …)` calls `claim(name=value, …)` so many times; slow tests 60 times as often,
    with other values every day, the default ones half as often, always with the same."""

    def __init__(self, longer: float) -> None:
        self.longer = longer

    def __call__(self, claim: Callable[..., object], times: int, *, shrink: bool = True, **inputs: Any) -> None:
        """shrink: look for the smallest input that fails; not worth its time where a claim takes seconds."""
        from hypothesis import HealthCheck, Phase, given, settings

        def limited(**values: Any) -> None:
            with within_limits():
                claim(**values)

        profile = settings(
            max_examples=max(2, round(times * self.longer)),
            derandomize=self.longer < 1,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate, *[Phase.shrink] * shrink],
        )
        profile(given(**inputs)(limited))()

    @staticmethod
    @contextlib.contextmanager
    def answer() -> Iterator[None]:
        """The claim of a reader: it reads, or an error that a caller may expect says in our words what is wrong."""
        try:
            yield
        except (ValueError, TypeError, OSError, ImportError) as error:
            if not any(word in str(error) for word in ("wanted ", " must ", ", got ")):
                raise AssertionError(f"not in our words: {error!r}") from error

    @staticmethod
    def spoiled(*wholes: bytes) -> Any:
        """Strategy: good files, good files cut, with bytes changed, put in or repeated, and noise."""
        from hypothesis import strategies as st

        def change(parts: tuple[bytes, float, int, bytes]) -> bytes:
            data, where, length, new = parts
            first = int(where * len(data))
            return Content(data[:first] + new + data[first + length :])

        places = st.floats(0, 1) | st.floats(0, 0.05) | st.just(1.0)
        news = st.binary(max_size=8) | st.sampled_from([b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"[" * 50_000, b'{"":' * 9])
        lengths = st.integers(0, 9) | st.just(2**40)
        once = st.tuples(st.sampled_from(wholes), places, lengths, news).map(change)
        return (
            st.sampled_from(wholes) | once | st.tuples(once, places, lengths, news).map(change) | st.binary(max_size=64)
        )

    @staticmethod
    def wild() -> Any:
        """Strategy: values of every kind that a setting may get, finite but huge ones among them."""
        from hypothesis import strategies as st

        leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
        odd = st.sampled_from(
            [0, 1, -1, 2**31, 2**63, 10**400, 1e300, -1e300, 5e-324, float("nan"), float("inf"), -float("inf"), "", "x",
             "\0", "\ud800", "../x", "~nobody/x", "auto", b"x", (), [], {}, [[]], object(), 1j, 0.5, True]
        )  # fmt: skip
        return odd | st.recursive(
            leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        )

    @staticmethod
    def changed(content: Any, values: Any = None) -> Any:
        """Strategy: a JSON value with one or two places in it, at any depth, replaced or taken away, as bytes."""
        from hypothesis import strategies as st

        deep = "[" * 100_000 + "]" * 100_000
        plain = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
        wild = values if values is not None else plain | st.lists(plain, max_size=3) | st.dictionaries(
            st.text(max_size=8), plain, max_size=3
        ) | st.sampled_from([10**400, "../x", "\ud800", "@DEEP@"])  # fmt: skip

        @st.composite
        def draw(pick: Callable[[Any], Any]) -> bytes:
            whole = json.loads(json.dumps(content))
            for _ in range(pick(st.integers(1, 2))):
                at = whole
                while isinstance(at, dict | list) and at:
                    key = pick(st.sampled_from(sorted(at) if isinstance(at, dict) else range(min(len(at), 5))))
                    if isinstance(at[key], dict | list) and at[key] and pick(st.integers(0, 3)):
                        at = at[key]
                        continue
                    if pick(st.integers(0, 4)):
                        at[key] = json.loads(json.dumps(pick(wild)))
                    else:
                        del at[key]
                    break
                else:
                    whole = json.loads(json.dumps(pick(wild)))
            return Content(json.dumps(whole).replace('"@DEEP@"', deep).encode())

        return draw()


class Content(bytes):
    """Bytes that show their beginning only, should they fail."""

    def __repr__(self) -> str:
        return bytes.__repr__(self[:500]) + f" and {len(self) - 500} more" * (len(self) > 500)


@contextlib.contextmanager
def within_limits() -> Iterator[None]:
    """AssertionError in what takes more CPU time, MemoryError (or its like) in what takes more memory, on Linux."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource
    import signal

    def hang(number: int, frame: object) -> None:
        raise AssertionError(f"more than {CPU_SECONDS} s of CPU time")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGPROF, hang)
    resource.setrlimit(resource.RLIMIT_AS, (now + GIGABYTES * 2**30, hard))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
