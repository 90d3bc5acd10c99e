"""`interpretability features`: a place as sparse features, what they are worth, and what they are about."""

from functools import partial
from typing import TYPE_CHECKING, Any

from workbench import check_picture, counted, shown_token

from .answers import PROG, answer, answer_next, save_picture
from .histories import History, run_history
from .inputs import loaded, windows
from .measure_settings import Features
from .neurons import passage_lines

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer

    from ..features.autoencoder import SparseAutoencoder
    from ..features.measures import FeatureReport
    from ..features.passages import TopPassages

LEARNED_AT_ONCE, JUDGED_AT_ONCE = 2048, 1024
"""Tokens of a step, and tokens that are judged at a time."""
OFTEN = 1e-3
"""Share of tokens that a feature must be on to be shown: what comes once shows no pattern."""
SEARCHED = 40_000
"""Tokens, at most, that are searched for passages: the last ones."""


def run(settings: Features) -> None:
    """Do the work of the command; ValueError for what is wrong."""
    check_picture(settings.out, PROG)
    for name in ("steps", "top"):
        if getattr(settings, name) < 1:
            raise ValueError(f"--{name}: wanted at least 1, got {getattr(settings, name)}; leave it out")
    if settings.load is not None and settings.save is not None:
        raise ValueError("--load, --save: wanted one of them, got both; --save keeps what is learned now")
    if settings.load is not None and (settings.place or settings.features) is not None:
        raise ValueError("--load: wanted the place and the features that are in the folder, got others; leave them out")
    if settings.checkpoints is not None:
        again = ["features", settings.model, *([] if settings.load is None else ["--load", str(settings.load)])]
        return run_history(settings, settings.checkpoints, partial(history, settings), again)
    model, tokenizer = loaded(settings.model, settings.device)
    rows, judge, autoencoder = _learned(settings, model, tokenizer)
    from ..features.measures import judge_features

    report = judge_features(model, autoencoder, judge)
    few = rows[-max(1, SEARCHED // rows.shape[1]) :]
    top = _passages(model, autoencoder, few.split(max(1, JUDGED_AT_ONCE // rows.shape[1])))
    strong = top.values.mean(dim=1).masked_fill(top.active < OFTEN, 0.0)
    order = strong.topk(min(settings.top, top.n_units)).indices.tolist()
    lines = [*_worth(autoencoder, report), ""]
    for feature in order:
        lines += [f"Feature {feature}: on {float(top.active[feature]):.2%} of tokens"]
        lines += [*passage_lines(top.of(feature)[:3], tokenizer), ""]
    if settings.save is not None:
        lines.append(f"Features: {settings.save} (SAELens opens it: SAE.load_from_disk)")
    if settings.out is not None:
        from ..pictures.lines import plot_bars

        losses = [report.loss, report.loss_with_features, report.loss_without]
        title = f"The model on features of {autoencoder.place}"
        figure = plot_bars(["as it is", "on features", "without"], {"loss": losses}, title=title, ylabel="nats a token")
        lines += save_picture(figure, settings.out)
    answer(_facts(settings, autoencoder, report, top, order, tokenizer), lines, settings.json)
    if settings.save is None and settings.load is None:
        answer_next(["features", settings.model, "--save", "features"], settings.json)
    else:
        answer_next(["probe", settings.model, "--place", autoencoder.place], settings.json)
    return None


def history(settings: Features, model: "GPT2", tokenizer: "Tokenizer") -> History:
    """What the features of the last checkpoint, or of --load, are worth at each: whether the directions were there."""
    from ..features.measures import judge_features

    _, judge, autoencoder = _learned(settings, model, tokenizer)

    def measure(model: "GPT2") -> dict[str, float]:
        report = judge_features(model, autoencoder, judge)
        losses = {"as it is": report.loss, "on features": report.loss_with_features, "without": report.loss_without}
        return losses | {"recovered": report.recovered, "explained": report.explained, "active": report.active}

    source = "learned at the last checkpoint" if settings.load is None else f"of {settings.load.name}"
    return History(
        measure,
        f"Loss on features of {autoencoder.place} {source}",
        "loss (nats a token)",
        spec=".3f",
        beside=("recovered", "explained", "active"),
        facts={"place": autoencoder.place, "features": autoencoder.n_features},
    )


def _learned(
    settings: Features, model: "GPT2", tokenizer: "Tokenizer"
) -> "tuple[Tensor, tuple[Tensor, ...], SparseAutoencoder]":
    """The windows of the text, batches of the last tenth of them to judge by, and the features, kept if they shall."""
    from ..features.folders import save_features

    rows = windows(model, tokenizer, settings.text, settings.tokens, None)
    held = max(1, len(rows) // 10)
    judge = rows[-held:].split(max(1, JUDGED_AT_ONCE // rows.shape[1]))
    autoencoder = _autoencoder(settings, model, rows[:-held])
    if settings.save is not None:
        save_features(settings.save, autoencoder, model, model_name=settings.model)
    return rows, judge, autoencoder


def _autoencoder(settings: Features, model: "GPT2", learn: "Tensor") -> "SparseAutoencoder":
    """The features of --load, or those that are learned now."""
    from ..features.folders import load_features
    from ..features.training import train_features

    if settings.load is not None:
        return load_features(settings.load, model)
    place = settings.place or f"{(model.config.n_layer - 1) // 2}.resid_post"
    if settings.active < 1:
        raise ValueError(f"--active: wanted at least 1 feature a token, got {settings.active}; leave it out")
    if settings.features is not None and not settings.active <= settings.features:
        raise ValueError(
            f"--features: wanted at least the {settings.active} that are used for a token (--active), got "
            f"{settings.features}; give more"
        )
    steps = train_features(
        model,
        place,
        learn.split(max(1, LEARNED_AT_ONCE // learn.shape[1])),
        n_features=settings.features,
        k=settings.active,
        steps=settings.steps,
        seed=settings.seed,
    )
    last = None
    for last in counted(steps, settings.steps):  # noqa: B007, the last one is the result
        pass
    assert last is not None
    return last.autoencoder()


def _passages(model: "GPT2", autoencoder: "SparseAutoencoder", batches: "tuple[Tensor, ...]") -> "TopPassages":
    """What each feature is about: the passages on which it is strongest."""
    import torch

    from ..features.passages import TopPassages
    from ..trace import tracing

    top = TopPassages(autoencoder.n_features, 3)
    with torch.no_grad(), tracing(model, autoencoder.place) as record:
        for tokens in counted(batches, len(batches), unit="piece"):
            model.hidden(tokens)
            values, used = autoencoder.encode(record[autoencoder.place].float())
            dense = torch.zeros(*used.shape[:-1], autoencoder.n_features, device=used.device)
            top.add(dense.scatter(-1, used, values), tokens)
    return top


def _worth(autoencoder: "SparseAutoencoder", report: "FeatureReport") -> list[str]:
    return [
        f"{report.n_features:,} features of {autoencoder.place}, {report.active:.1f} active a token of at most "
        f"{autoencoder.k}, {report.never_used:,} never used",
        f"Loss {report.loss:.3f} nats a token as it is, {report.loss_with_features:.3f} on features alone, "
        f"{report.loss_without:.3f} without",
        f"{report.recovered:.1%} of the loss recovered, {report.explained:.1%} of the variance explained, on "
        f"{report.n_tokens:,} tokens",
    ]


def _facts(
    settings: Features,
    autoencoder: "SparseAutoencoder",
    report: "FeatureReport",
    top: "TopPassages",
    order: list[int],
    tokenizer: "Tokenizer",
) -> dict[str, Any]:
    shown = [
        {
            "feature": feature,
            "share": float(top.active[feature]),
            "passages": [
                {
                    "strength": passage.activation,
                    "text": shown_token(tokenizer.decode_bytes(passage.tokens), " "),
                    "token": shown_token(tokenizer.decode_bytes([passage.tokens[passage.peak]])),
                }
                for passage in top.of(feature)
            ],
        }
        for feature in order
    ]
    return {
        "model": settings.model,
        "place": autoencoder.place,
        "features": report.n_features,
        "active": report.active,
        "loss": report.loss,
        "loss_with_features": report.loss_with_features,
        "loss_without": report.loss_without,
        "recovered": report.recovered,
        "explained": report.explained,
        "never_used": report.never_used,
        "tokens": report.n_tokens,
        "shown": shown,
    }
