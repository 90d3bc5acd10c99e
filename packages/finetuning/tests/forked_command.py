"""The command `finetuning` in a forked process: FILE for what it says, then arguments."""

import os
import sys

import torch

from finetuning.commands.main import main
from finetuning.running import forgetting

said = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(said, 1)
os.dup2(said, 2)
forgetting.old_documents = lambda: ("The lazy dog is quick.", "A fox, of course.")
torch.set_num_threads(1)
sys.exit(main())
