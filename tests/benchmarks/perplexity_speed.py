"""Perplexity with a sliding window: `evaluation.score_tokens` against the recipe on transformers' page.

    uv run python tests/benchmarks/perplexity_speed.py [TOKENS] [--processor-time]

GPT-2 124M's shape with random weights, windows of 1,024 tokens at stride 512, both sides in turn on pieces of the same
random tokens (default 100,000; a piece is 32 windows); the nats must agree. Medians over the pieces. Where
other programs run, OMP_NUM_THREADS=1 and --processor-time leave out the time that they take.
"""

import logging
import statistics
import sys
import tempfile
import time

import torch

import gpt2
from evaluation import score_tokens

PIECE, CONTEXT, STRIDE = 16_896, 1024, 512


def recipe(model, ids):
    """The loop of transformers' documentation ("Perplexity of fixed-length models")."""
    total, count, previous_end = 0.0, 0, 0
    for begin in range(0, len(ids), STRIDE):
        end = min(begin + CONTEXT, len(ids))
        inputs = ids[None, begin:end]
        labels = inputs.clone()
        labels[:, : -(end - previous_end)] = -100
        with torch.no_grad():
            loss = model(inputs, labels=labels).loss
        valid = int((labels != -100).sum()) - 1
        total, count, previous_end = total + loss.item() * valid, count + valid, end
        if end == len(ids):
            return total / count
    raise AssertionError("the last window ends with the text")


def timed(clock, function, *arguments):
    began = clock()
    result = function(*arguments)
    return clock() - began, result


def both_models():
    from transformers import GPT2LMHeadModel

    config = gpt2.GPT2Config(n_vocab=50257, n_ctx=CONTEXT, n_embd=768, n_head=12, n_layer=12)
    ours = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    with tempfile.TemporaryDirectory() as folder:
        gpt2.save(folder, ours, gpt2.Tokenizer.train(["a b"], 258))
        return ours, GPT2LMHeadModel.from_pretrained(folder).eval()


def main():
    logging.getLogger("transformers").setLevel(logging.ERROR)
    clock = time.process_time if "--processor-time" in sys.argv else time.perf_counter
    n_tokens = next((int(word) for word in sys.argv[1:] if word.isdigit()), 100_000)
    ours, theirs = both_models()
    tokens = torch.randint(50257, (n_tokens,), generator=torch.Generator().manual_seed(1))
    pieces = [piece for piece in tokens.split(PIECE) if len(piece) == PIECE]
    recipe(theirs, pieces[0][:CONTEXT]), score_tokens(ours, pieces[0][:CONTEXT])
    seconds = {"transformers": [], "evaluation": []}
    for piece in pieces:
        spent, expected = timed(clock, recipe, theirs, piece)
        seconds["transformers"].append(spent)
        spent, scores = timed(clock, lambda piece=piece: score_tokens(ours, piece, stride=STRIDE))
        seconds["evaluation"].append(spent)
        ratio = scores.recipe_perplexity / torch.tensor(expected).exp().item()
        assert abs(ratio - 1) < 1e-4, f"the sides disagree: {ratio}"
    print(f"{len(pieces)} pieces of {PIECE} tokens, {torch.get_num_threads()} threads, {clock.__name__}")
    for side, times in seconds.items():
        print(f"{side:14} {PIECE / statistics.median(times):8.0f} tokens/s")
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    print(f"evaluation is {statistics.median(ratios):.2f}x as fast (pieces: {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
