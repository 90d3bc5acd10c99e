"""The command `gpt2` in a forked process: FILE for what it says, variables of its environment as JSON, then arguments.

READ_BY=N among the variables reads the text with N worker processes. SAY_TO=PATH says it there instead; a pipe whose
reader is gone if that is `left`.
"""

import json
import os
import sys
from functools import partial

import torch

import gpt2.texts.prepared
from dataio import Batches
from gpt2.commands.main import main

said = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(said, 1)
os.dup2(said, 2)
os.environ.update(json.loads(sys.argv.pop(1)))
if place := os.environ.get("SAY_TO"):
    if place == "left":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(place, os.O_WRONLY)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
torch.set_num_threads(1)
if "READ_BY" in os.environ:
    gpt2.texts.prepared.Batches = partial(Batches, num_workers=int(os.environ["READ_BY"]), start_method="fork")
main()
