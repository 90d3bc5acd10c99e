"""`python -m mnist_trainer` is the command `mnist-trainer`."""

from .commands.main import main

main()
