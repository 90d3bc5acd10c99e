"""The command `mnist-trainer`. Nothing here imports torch until there is work for it."""

import sys
from collections.abc import Sequence

from workbench import answered, parsed

from ..settings import PredictSettings, TrainSettings, check

COMMANDS = {"": TrainSettings, "predict": PredictSettings}
BARE = {"": "to read a digit: predict {word}; --help lists all"}


def main(arguments: Sequence[str] | None = None) -> None:
    """`mnist-trainer …` and `mnist-trainer predict IMAGE …`; exit codes as `workbench.answered` has them."""
    sys.exit(answered("mnist-trainer", lambda: _work(arguments)))


def _work(arguments: Sequence[str] | None) -> int:
    settings = parsed("mnist-trainer", None, COMMANDS, arguments, bare=BARE)
    if isinstance(settings, PredictSettings):
        from .predict import predict_images

        return predict_images(settings)
    check(settings)

    from .train import train

    return train(settings)
