"""One of several processes that train together: `rank_script.py SAID RANK SIZE FOLDER JOBS.json`; for test_processes.

Each job is [name, settings, stop after this step or null]; the first process notes steps and losses by name.
"""

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist

import gpt2


def train(settings, stop):
    if "resume" in settings:
        settings["resume"] = Path(settings["resume"])
    else:
        settings["out"] = Path(settings["out"])
    done = []
    run = gpt2.run(gpt2.TrainSettings(**settings), lambda: len(done) + 1 == stop)
    for step in run:
        done.append((step.number, step.loss, step.items))
    return {"steps": done, "validation": None if run.validation is None else run.validation.loss}


def main(said, rank, size, folder, jobs):
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    torch.set_num_threads(1)
    rank, size, jobs = int(rank), int(size), Path(jobs)
    if size > 1:
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        dist.init_process_group("gloo", init_method=f"file://{folder}/meeting-{jobs.stem}", rank=rank, world_size=size)
    told = {name: train(settings, stop) for name, settings, stop in json.loads(jobs.read_text())}
    (Path(folder) / f"{jobs.stem}-{rank}.json").write_text(json.dumps(told))
    if size > 1:
        dist.destroy_process_group()


main(*sys.argv[1:])
