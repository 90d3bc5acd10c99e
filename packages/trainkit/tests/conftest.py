"""Scripts as processes of their own, forked from a server that has imported torch already."""

import multiprocessing
import runpy
import sys

import pytest


@pytest.fixture
def start_script():
    context = multiprocessing.get_context("forkserver")
    ours = [
        "trainkit.checkpoints.checkpoints",
        "trainkit.optimizers.groups",
        "trainkit.loop",
        "trainkit.checkpoints.sharded_part",
    ]
    slow_to_import = [
        "torch.utils.tensorboard",
        "torch.distributed.fsdp",
        "torch.distributed.checkpoint",
        "torch._dynamo",
    ]
    context.set_forkserver_preload([*ours, *slow_to_import])

    def start(script, *arguments):
        ours, sys.argv = sys.argv, [str(script), *map(str, arguments)]
        try:
            process = context.Process(target=runpy.run_path, args=(str(script),), kwargs={"run_name": "__main__"})
            process.start()
        finally:
            sys.argv = ours
        return process

    return start


@pytest.fixture
def finish():
    def finish_one(process):
        process.join(120)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        return code

    return finish_one
