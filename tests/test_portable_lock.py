"""The lock file: index-free, nothing of it lost, every difference that matters found."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "portable_lock.py"
HASH = "sha256:" + "a" * 64

WRITTEN = f"""version = 1
revision = 5
requires-python = ">=3.11"

[options]
exclude-newer = "2026-01-01"

[[package]]
name = "attention"
version = "2026.11.0"
source = {{ editable = "packages/attention" }}
dependencies = [
    {{ name = "torch", version = "2.9.0", source = {{ registry = "https://example.invalid/simple" }}, marker = "python_full_version < '3.12'" }},
]

[package.dev-dependencies]
test = [
    {{ name = "torch" }},
]

[package.metadata]
requires-dist = [{{ name = "torch", specifier = ">=2.9" }}]

[package.metadata.requires-dev]
test = [{{ name = "torch" }}]

[[package]]
name = "torch"
version = "2.9.0"
source = {{ registry = "https://example.invalid/simple" }}
sdist = {{ url = "https://example.invalid/ab/torch-2.9.0.tar.gz", hash = "{HASH}", size = 12, upload-time = "2026-01-01T00:00:00Z" }}
wheels = [
    {{ url = "https://example.invalid/cd/torch-2.9.0%2Bcpu-py3-none-any.whl?key=1", hash = "{HASH}", size = 34 }},
]
"""  # noqa: E501


def filtered(lock: str) -> str:
    run = subprocess.run([sys.executable, SCRIPT], input=lock.encode(), capture_output=True, check=True)
    return run.stdout.decode()


def compared(old: str, new: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "old").write_text(old, "utf-8", newline="\n")
    (folder / "new").write_text(new, "utf-8", newline="\n")
    command = [sys.executable, SCRIPT, "--compare", folder / "old", folder / "new"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_address_is_left_and_every_name_version_and_hash_stays() -> None:
    ours, theirs = tomllib.loads(filtered(WRITTEN)), tomllib.loads(WRITTEN)
    assert "://" not in filtered(WRITTEN)
    assert [p["version"] for p in ours["package"]] == [p["version"] for p in theirs["package"]]
    torch = ours["package"][1]
    assert torch["sdist"] == {"path": "torch-2.9.0.tar.gz", "hash": HASH}
    assert torch["wheels"] == [{"path": "torch-2.9.0+cpu-py3-none-any.whl", "hash": HASH}]
    assert ours["package"][0]["dependencies"][0]["marker"] == "python_full_version < '3.12'"
    assert ours["package"][0]["dev-dependencies"] == {"test": [{"name": "torch"}]}


def test_only_what_the_members_say_themselves_is_dropped() -> None:
    ours = tomllib.loads(filtered(WRITTEN))
    assert ours.keys() == {"version", "requires-python", "package"}
    assert ours["package"][0].keys() == {"name", "version", "source", "dependencies", "dev-dependencies"}


def test_filtering_twice_is_filtering_once() -> None:
    assert filtered(filtered(WRITTEN)) == filtered(WRITTEN)


def test_the_committed_lock_names_no_index() -> None:
    committed = subprocess.run(["git", "show", "HEAD:uv.lock"], cwd=ROOT, capture_output=True, check=False)
    lock = committed.stdout.decode() if committed.returncode == 0 else filtered((ROOT / "uv.lock").read_text("utf-8"))
    assert "://" not in lock
    assert filtered(lock) == lock
    assert lock.count("hash = ") > 1000


def test_a_lock_equals_its_own_index_free_form(tmp_path: Path) -> None:
    assert compared(filtered(WRITTEN), WRITTEN, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (WRITTEN.replace(HASH, "sha256:" + "b" * 64, 1), WRITTEN),  # a hash
        (WRITTEN, WRITTEN.replace('"2.9.0"', '"2.9.1"')),  # a version
        (WRITTEN, WRITTEN[: WRITTEN.index("sdist")]),  # files gone
        (WRITTEN[: WRITTEN.rindex("[[package]]")], WRITTEN),  # a package nobody committed
    ],
)
def test_what_was_changed_is_found_and_named(old: str, new: str, tmp_path: Path) -> None:
    result = compared(old, new, tmp_path)
    assert result.returncode == 1
    assert "torch" in result.stdout


def test_a_file_published_later_is_reported_and_accepted(tmp_path: Path) -> None:
    later = WRITTEN.replace("wheels = [\n", f'wheels = [\n    {{ url = "https://x/torch-9.whl", hash = "{HASH}" }},\n')
    result = compared(filtered(WRITTEN), later, tmp_path)
    assert result.returncode == 0
    assert f"published since: torch 2.9.0 torch-9.whl {HASH}" in result.stdout


def test_wrong_arguments_say_what_was_wanted() -> None:
    run = subprocess.run([sys.executable, SCRIPT, "--compare"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "wanted" in run.stderr
