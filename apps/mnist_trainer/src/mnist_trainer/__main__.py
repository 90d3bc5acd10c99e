"""`python -m mnist_trainer` is the command `mnist-trainer`."""

from .command import main

main()
