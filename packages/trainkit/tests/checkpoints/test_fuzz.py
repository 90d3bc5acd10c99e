"""Whatever a file of a checkpoint holds: an earlier good one is loaded, nothing is deleted, and errors are told; a log
keeps each line that is one."""

import hashlib
import json
import shutil

import torch
from hypothesis import strategies as st
from torch import nn

from trainkit import Checkpoints, MetricsLog, ModulePart, OptimizerPart, RandomPart, SpikeGuard
from trainkit.commands.reports import describe, differences
from trainkit.watching.log_cutting import cut_lines


def parts():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {
        "model": ModulePart(model),
        "optimizer": OptimizerPart(optimizer, model),
        "random": RandomPart(),
        "spikes": SpikeGuard(),
    }


def sign_again(folder):
    """The manifest of somebody who knows how: what is in the folder now, with its checksums."""
    files = [path for path in sorted(folder.iterdir()) if path.name != "manifest.json"]
    entries = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in files
    }
    content = {"version": 1, "files": entries}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**content, "sha256": digest}, indent=1, sort_keys=True))


def test_any_file_of_a_checkpoint_is_found_out_and_the_one_before_is_loaded(fuzz, tmp_path):
    kept, here = tmp_path / "kept", tmp_path / "run"
    checkpoints = Checkpoints(kept, parts())
    checkpoints.save(1, score=0.5)
    checkpoints.save(2, score=0.25)
    names = [path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()]
    wholes = {name: (kept / name).read_bytes() for name in names if "step-000001" not in name}

    def claim(changed):
        name, content = changed
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(kept, here)
        (here / name).write_bytes(content)
        for which in ("latest", "best"):
            saved = Checkpoints(here, parts()).load(which)
            spoiled = content != wholes[name] and "step-000002" in name
            assert saved.step == 1 if spoiled else saved.step in (1, 2)
        assert {path.name for path in kept.iterdir()} == {path.name for path in here.iterdir()}
        for path in (here, here / "step-000002"):
            with fuzz.answer():
                describe(path)
            with fuzz.answer():
                differences(path, here / "step-000001")

    contents = st.sampled_from(sorted(wholes)).flatmap(
        lambda name: st.tuples(st.just(name), fuzz.spoiled(wholes[name]))
    )
    fuzz(claim, 40, changed=contents)


def test_any_signed_file_of_a_checkpoint_loads_or_is_refused(fuzz, tmp_path):
    kept, here = tmp_path / "kept", tmp_path / "run"
    Checkpoints(kept, parts()).save(1, score=0.5, extra={"epoch": 3})
    folder = kept / "step-000001"
    plain = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json") if path.name != "manifest.json"}
    packed = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}

    def claim(changed):
        name, content = changed
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(kept, here)
        (here / "step-000001" / name).write_bytes(content)
        sign_again(here / "step-000001")
        for look in (Checkpoints(here, parts()).load, lambda: describe(here)):
            with fuzz.answer():
                look()

    def header(name):
        whole = packed[name]
        length = int.from_bytes(whole[:8], "little")
        entries, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
        return fuzz.changed(entries).map(lambda text: len(text).to_bytes(8, "little") + text + data)

    names = st.sampled_from([*sorted(plain), *sorted(packed)])
    contents = names.flatmap(
        lambda name: st.tuples(
            st.just(name),
            fuzz.changed(plain[name]) if name in plain else header(name) | fuzz.spoiled(packed[name]),
        )
    )
    fuzz(claim, 60, changed=contents)


def test_a_log_of_anything_keeps_each_line_that_is_one(fuzz, tmp_path):
    path = tmp_path / "metrics.jsonl"
    numbers = st.sampled_from([0, 1, 2, 3, -1, 1.0, 1e300, True, None, "1", 10**400, [], float("nan"), float("inf")])
    good = st.fixed_dictionaries({"step": numbers, "seconds": numbers}, optional={"loss": numbers})
    odd = st.binary(max_size=12) | st.sampled_from([b"[" * 100_000, b"\xff", b"null", b"\xe2\x80\xa8", b"9" * 5000])
    lines = st.lists(good.map(lambda line: json.dumps(line).encode()) | odd, max_size=6)

    def claim(content, torn):
        path.write_bytes(b"\n".join(content) + b"\n" * (not torn))
        want = []
        for line in path.read_bytes().split(b"\n"):
            try:
                found = json.loads(line.decode("utf-8"))
                step = found.get("step") if isinstance(found, dict) else None
            except (ValueError, RecursionError):
                continue
            if type(step) is int and step <= 2:
                want.append(line.rstrip(b"\r"))
        cut_lines(path, 2)
        left = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        assert [line.rstrip(b"\r") for line in left] == want
        with MetricsLog(tmp_path, start=2) as log:
            log.write(3, loss=1.0)
        assert json.loads(path.read_bytes().split(b"\n")[-2])["step"] == 3
        for events in tmp_path.glob("events*"):
            events.unlink()

    fuzz(claim, 25, content=lines, torn=st.booleans())
