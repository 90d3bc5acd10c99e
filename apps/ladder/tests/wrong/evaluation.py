"""Typical wrong solutions of the rungs about scores."""

WRONG = {
    "loss": [
        (
            "a mean",
            [
                """
                real = targets >= 0
                x, wanted = logits[real], targets[real]
                x = x - x.max(dim=-1, keepdim=True).values
                return (x.exp().sum(dim=-1).log() - x[torch.arange(len(x)), wanted]).mean(), real.sum()
                """
            ],
            "the mean comes out, not the sum",
        ),
        (
            "padding counts",
            [
                """
                x, wanted = logits.flatten(0, 1), targets.flatten().clamp(min=0)
                x = x - x.max(dim=-1, keepdim=True).values
                nats = x.exp().sum(dim=-1).log() - x[torch.arange(len(x)), wanted]
                return nats.sum(), torch.tensor(len(x))
                """
            ],
            "a negative target are counted in",
        ),
        (
            "no maximum",
            [
                """
                real = targets >= 0
                x, wanted = logits[real], targets[real]
                return (x.exp().sum(dim=-1).log() - x[torch.arange(len(x)), wanted]).sum(), real.sum()
                """
            ],
            "exp is taken of the logits as they are",
        ),
        (
            "softmax, then log",
            [
                """
                real = targets >= 0
                x, wanted = logits[real], targets[real]
                return -x.softmax(dim=-1)[torch.arange(len(x)), wanted].log().sum(), real.sum()
                """
            ],
            "exp is taken of the logits as they are|large logits stay finite",
        ),
        (
            "the wrong axis",
            [
                """
                real = targets >= 0
                x, wanted = logits[real], targets[real]
                return -x.softmax(dim=0)[torch.arange(len(x)), wanted].log().sum(), real.sum()
                """
            ],
            "softmax runs over the places|wanted",
        ),
        (
            "the count is off",
            [
                """
                real = targets >= 0
                x, wanted = logits[real], targets[real]
                x = x - x.max(dim=-1, keepdim=True).values
                nats = x.exp().sum(dim=-1).log() - x[torch.arange(len(x)), wanted]
                return nats.sum(), torch.tensor(targets.numel())
                """
            ],
            "not left out of the count",
        ),
        (
            "detached",
            [
                """
                real = targets >= 0
                x, wanted = logits[real].detach(), targets[real]
                x = x - x.max(dim=-1, keepdim=True).values
                return (x.exp().sum(dim=-1).log() - x[torch.arange(len(x)), wanted]).sum(), real.sum()
                """
            ],
            "the sum can be differentiated",
        ),
    ],
    "bits_per_byte": [
        ("letters", ["return -sum(log_probabilities) / math.log(2) / len(text)"], "letters are counted, not bytes"),
        ("nats", ["return -sum(log_probabilities) / len(text.encode())"], "nats are not turned into bits"),
        (
            "a mean",
            ["n = len(log_probabilities)\nreturn -sum(log_probabilities) / n / math.log(2) / len(text.encode())"],
            "the mean over tokens",
        ),
        ("a token", ["return -sum(log_probabilities) / math.log(2) / len(log_probabilities)"], "it is bits a token"),
        (
            "multiplied",
            ["return -sum(log_probabilities) * math.log(2) / len(text.encode())"],
            "multiplied by log\\(2\\)",
        ),
        ("negative", ["return sum(log_probabilities) / math.log(2) / len(text.encode())"], "the sign is wrong"),
    ],
    "perplexity": [
        (
            "side by side",
            [
                """
                logs = [x for i in range(0, len(ids), n_ctx) for x in score(ids[i : i + n_ctx])]
                return math.exp(-sum(logs) / len(logs))
                """
            ],
            "windows do not overlap",
        ),
        (
            "judged twice",
            [
                """
                logs, start = [], 0
                while True:
                    logs += score(ids[start : start + n_ctx])
                    if start + n_ctx >= len(ids):
                        return math.exp(-sum(logs) / len(logs))
                    start += stride
                """
            ],
            "judged again",
        ),
        (
            "divided by all",
            [
                """
                total, judged, start = 0.0, 1, 0
                while judged < len(ids):
                    stop = min(start + n_ctx, len(ids))
                    total += sum(score(ids[start:stop])[-(stop - judged) :])
                    judged, start = stop, start + stride
                return math.exp(-total / len(ids))
                """
            ],
            "divided by all tokens",
        ),
        (
            "no exp",
            [
                """
                total, judged, start = 0.0, 1, 0
                while judged < len(ids):
                    stop = min(start + n_ctx, len(ids))
                    total += sum(score(ids[start:stop])[-(stop - judged) :])
                    judged, start = stop, start + stride
                return -total / (len(ids) - 1)
                """
            ],
            "not exp of the mean, but the mean",
        ),
        (
            "one large window",
            ["logs = score(ids)\nreturn math.exp(-sum(logs) / len(logs))"],
            "judged once|n_ctx tokens at most",
        ),
    ],
}
