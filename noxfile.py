"""Every check of the workspace is a session: `uv run nox` runs them all, `uv run nox -s tests-attention` one.

Each session has an environment of its own, filled by uv from the one lock file; files are linked from uv's cache, so an
environment with torch takes about a second. `-P 3.13` runs any session on another Python.
"""

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PACKAGES = [
    "workbench",
    "tensors",
    "dataio",
    "trainkit",
    "embeddings",
    "attention",
    "transformer",
    "gpt2",
    "decoding",
    "evaluation",
    "quantization",
    "finetuning",
    "interpretability",
    "serving",
]  # reading order
APPS = ["mnist_trainer", "gpt2_trainer", "experiments", "ladder"]
FOLDERS = {**{name: f"packages/{name}" for name in PACKAGES}, **{name: f"apps/{name}" for name in APPS}}

# What deptry cannot see: extras are imported by name, and gpt2 compares itself with transformers where that is there.
EXTRAS = (
    "scikit-learn|torchvision|pillow|matplotlib|umap-learn|safetensors|huggingface_hub|pyarrow"
    "|llguidance|lm-eval|jinja2|gguf|ctranslate2|quantization|finetuning"
)
DEPTRY_KNOWS = f"DEP002={EXTRAS},DEP004=transformers"
# What the session `lowest` leaves out, by name: tests of our code against itself. They ask nothing of a dependency that
# is not asked elsewhere: broken imitations that a contract must catch, kills, damaged files, the C library's memory.
SAME_ON_ANY_VERSION = "broken or kill or every_byte or flipped or allocator"
ENVIRONMENT = {
    # Tests use tensors of a few hundred numbers: a second thread waits for the first, a spinning one takes its core.
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    # The first import in a new environment compiles torch; keeping the result (some machines forbid it) halves every
    # later start. Compiling everything beforehand (UV_COMPILE_BYTECODE) takes longer than it ever gives back.
    "PYTHONDONTWRITEBYTECODE": None,
}

# What the tests of the page look for; elsewhere they skip, and say so.
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"]

CHECKS: list[str] = []  # the sessions that `all` runs
LONGEST = ["tests-decoding", "tests-gpt2", "workspace", "tests-mnist_trainer", "tests-serving", "lowest"]

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = True


def metadata(name: str) -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / FOLDERS[name] / "pyproject.toml").read_text("utf-8"))


def sync(session: nox.Session, *arguments: str) -> None:
    """Make the session's environment what uv.lock says for these arguments: what is not declared is not there."""
    session.env.update(ENVIRONMENT | {"UV_PROJECT_ENVIRONMENT": session.virtualenv.location})
    session.run_install("uv", "sync", "--quiet", f"--python={session.virtualenv.location}", *arguments)
    take_bytecode(Path(session.virtualenv.location))


def take_bytecode(environment: Path) -> None:
    """Link what another session's environment has compiled of the same torch: to compile it takes seconds in each."""
    mine = next(environment.glob("lib/python*/site-packages/torch"), None)
    theirs = next(environment.parent.glob("*/lib/python*/site-packages/torch/__pycache__"), Path()).parent
    if mine is None or theirs == Path() or (mine / "__pycache__").exists():
        return
    with contextlib.suppress(OSError):
        for compiled in theirs.rglob("*.pyc"):
            place = mine / compiled.relative_to(theirs)
            source = f"{compiled.name.partition('.')[0]}.py"
            if (compiled.parents[1] / source).samefile(place.parents[1] / source):  # of one file in uv's cache
                place.parent.mkdir(exist_ok=True)
                os.link(compiled, place)


def run_first_block(session: nox.Session, name: str, *python: str) -> None:
    """Run the first fenced `python` block of a package's README: the one that needs the base install only."""
    readme = (ROOT / FOLDERS[name] / "README.md").read_text("utf-8")
    found = re.search(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    if found is None:
        session.error(f"wanted a fenced python block in the README of {name}, found none: write its smallest example")
    session.log(f"{' '.join(python)} -c <first block of {FOLDERS[name]}/README.md>")
    session.run(*python, "-c", found[1], external=True, log=False)


def expect_marked_tests(session: nox.Session, name: str) -> None:
    """READMEs count as marked (conftest.py), so pytest would not say that no test of an extra is left."""
    if not any("mark.extras" in path.read_text("utf-8") for path in (ROOT / FOLDERS[name] / "tests").rglob("*.py")):
        session.error(f"wanted tests of {name} that are marked extras, found none: mark those that need an extra of it")


def check(body: Callable[[nox.Session], None]) -> None:
    """Register a session that `all` runs."""
    define(body.__name__, body, body.__doc__ or "")


def define(name: str, body: Callable[[nox.Session], None], description: str) -> None:
    """Register `body` as the session `name`, one that `all` runs; nox shows the description in its list."""
    body.__doc__ = description
    nox.session(name=name, default=False)(body)
    CHECKS.append(name)


def define_member_sessions(name: str) -> None:
    def alone(session: nox.Session) -> None:
        sync(session, f"--package={name}", "--no-default-groups", "--group=test")
        run_first_block(session, name, "python")
        session.run("pytest", f"{FOLDERS[name]}/tests", "-m", "not slow and not extras", *session.posargs)

    def with_extras(session: nox.Session) -> None:
        expect_marked_tests(session, name)
        sync(session, f"--package={name}", "--no-default-groups", "--group=test", "--all-extras")
        session.run("pytest", FOLDERS[name], "-m", "extras and not slow", *session.posargs)

    define(f"tests-{name}", alone, f"{name}'s tests and first example, with nothing installed but what it declares")
    if "optional-dependencies" in metadata(name)["project"]:
        define(f"extras-{name}", with_extras, f"{name}'s README and the tests that need its extras")


@nox.session(name="all", venv_backend="none")
def every_check(session: nox.Session) -> None:
    """All sessions below but bench and slow: two at a time, where the machine has two cores and the memory."""
    session.run(sys.executable, "-m", "uv", "lock", "--quiet", external=True)  # so that no two sessions write it
    python = [f"--python={session.python}"] if isinstance(session.python, str) else []
    rest = [name for name in reversed(CHECKS) if name not in LONGEST]  # then the top of the house: a pair ends together
    names = [*LONGEST, *rest]
    session.run(sys.executable, ".ci/pairs.py", *python, *names, "--", *session.posargs, external=True)


for member in FOLDERS:
    define_member_sessions(member)


@check
def workspace(session: nox.Session) -> None:
    """What only the whole workspace can show: layers, sizes, reading path, README commands, lock file, parity."""
    sync(session)
    session.run("pytest", "tests", *session.posargs)


@check
def lessons(session: nox.Session) -> None:
    """Every fenced python block of every README that no extras session runs, one namespace a file."""
    sync(session)
    readmes = [f"{folder}/README.md" for name, folder in FOLDERS.items() if f"extras-{name}" not in CHECKS]
    session.run("pytest", "README.md", *readmes, *session.posargs)


@check
def lint(session: nox.Session) -> None:
    """Style, spelling, the order of the packages, and that each declares exactly what it imports."""
    sync(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("lint-imports")
    for folder in FOLDERS.values():
        with session.chdir(folder):
            session.run("deptry", "src", f"--per-rule-ignores={DEPTRY_KNOWS}")


@check
def types(session: nox.Session) -> None:
    """mypy over the sources of all members."""
    sync(session)
    session.run("mypy", *(f"{folder}/src" for folder in FOLDERS.values()), "noxfile.py", ".ci")


@check
def lowest(session: nox.Session) -> None:
    """The packages most often taken alone, with the lowest version of everything that they declare."""
    names = ["tensors", "attention", "trainkit"]
    session.env.update(ENVIRONMENT)
    groups = [f"--group={FOLDERS[name]}/pyproject.toml:test" for name in names]
    session.install("--resolution=lowest-direct", *groups, *(f"--editable={FOLDERS[name]}" for name in names))
    chosen = ["-m", "not slow and not extras", "-k", f"not ({SAME_ON_ANY_VERSION})"]
    session.run("pytest", *(f"{FOLDERS[name]}/tests" for name in names), *chosen, *session.posargs)


@check
def wheels(session: nox.Session) -> None:
    """Packages as a stranger gets them: one from a folder of wheels, one from git, each in a project of its own."""
    session.env.update(ENVIRONMENT | {"VIRTUAL_ENV": None})
    with tempfile.TemporaryDirectory() as temporary:
        wheel_folder, constraints = f"{temporary}/dist", f"{temporary}/constraints.txt"
        session.run("uv", "build", "--quiet", "--all-packages", "--wheel", f"--out-dir={wheel_folder}", external=True)
        export = ["uv", "export", "--quiet", "--all-packages", "--no-emit-workspace", "--no-hashes", "--no-annotate"]
        session.run(*export, f"--output-file={constraints}", external=True)  # saves a second download of torch
        version = metadata("attention")["project"]["version"]
        from_wheels = ["--find-links", wheel_folder, f"attention=={version}"]
        from_git = [f"transformer @ git+{ROOT.as_uri()}#subdirectory={FOLDERS['transformer']}"]
        attention = {"attention", "workbench"}
        for name, requirement, siblings in (
            ("attention", from_wheels, attention),
            ("transformer", from_git, attention | {"tensors", "transformer"}),
        ):
            project = Path(temporary, f"uses-{name}")
            project.mkdir()
            with session.chdir(project):
                session.run("uv", "init", "--quiet", "--bare", f"--python={session.virtualenv.location}", external=True)
                session.run("uv", "add", "--quiet", f"--constraints={constraints}", *requirement, external=True)
                run_first_block(session, name, "uv", "run", "--no-sync", "python")
                installed = session.run("uv", "pip", "list", "--quiet", "--format=json", external=True, silent=True)
                expect_only(session, siblings, {package["name"] for package in json.loads(str(installed))})


def expect_only(session: nox.Session, expected: set[str], installed: set[str]) -> None:
    """Of everything that the workspace builds, and of torchvision, exactly `expected` is there."""
    ours = {name.replace("_", "-") for name in FOLDERS} | {"torchvision"}
    if installed & ours != expected:
        session.error(
            f"wanted {sorted(expected)} installed, found {sorted(installed & ours)}: look at the dependencies"
        )
    session.log(f"Installed with {len(installed - ours)} packages of others: {', '.join(sorted(expected))}")


@check
def page(session: nox.Session) -> None:
    """The pages of `interpretability` and `experiments` in a browser: playwright and axe are this session's alone."""
    sync(session, "--package=interpretability", "--package=experiments", "--no-default-groups", "--group=test")
    session.install("playwright", "axe-playwright-python")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get") and not any(map(shutil.which, BROWSERS)):
        session.run("apt-get", "update", "-qq", external=True, success_codes=[0, 100])
        install = ["apt-get", "install", "-qq", "--no-install-recommends", "chromium"]
        session.run(*install, external=True, success_codes=[0, 100], env={"DEBIAN_FRONTEND": "noninteractive"})
    for tests in ("packages/interpretability/tests/page", "apps/experiments/tests/pictures"):  # each its own browser
        session.run("pytest", tests, *session.posargs)


@nox.session(default=False)
def site(session: nox.Session) -> None:
    """The lessons, reference pages, public names and sources as a website in .nox/site/html; strict, and offline."""
    sync(session, "--only-group=site")
    session.run("python", ".ci/build_site.py", *(session.posargs or [".nox/site"]))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The benchmarks of tests/benchmarks, one table each, on as many threads as torch likes."""
    sync(session)
    session.env.update({"OMP_NUM_THREADS": None})
    for script in sorted((ROOT / "tests" / "benchmarks").glob("*.py")):
        session.run("python", str(script), *session.posargs)


@nox.session(name="parity-interpretability", default=False)
def parity_interpretability(session: nox.Session) -> None:
    """interpretability beside TransformerLens and captum, which this environment alone has, past the lock file."""
    sync(session, "--package=interpretability", "--no-default-groups", "--group=test")
    session.run_install("uv", "pip", "install", "--quiet", "transformer-lens>=4,<5", "captum>=0.8", external=True)
    session.env["HF_HUB_OFFLINE"] = "1"
    session.run("pytest", "packages/interpretability/tests/oracles", "-W", "default", "-rA", *session.posargs)


@nox.session(name="parity-sae-lens", default=False)
def parity_sae_lens(session: nox.Session) -> None:
    """interpretability's features in SAELens, which pins an older transformer-lens: an environment of its own."""
    sync(session, "--package=interpretability", "--no-default-groups", "--group=test")
    session.run_install("uv", "pip", "install", "--quiet", "sae-lens>=6.54", external=True)
    session.env["HF_HUB_OFFLINE"] = "1"
    oracle = "packages/interpretability/tests/oracles/test_sae_lens.py"
    session.run("pytest", oracle, "-W", "default", "-rA", *session.posargs)


@nox.session(default=False)
def slow(session: nox.Session) -> None:
    """The tests that are marked slow, of all members and of the workspace."""
    sync(session)
    session.run("pytest", "-m", "slow", "packages", "apps", "tests", *session.posargs, success_codes=[0, 5])
