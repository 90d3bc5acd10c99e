"""Typical wrong solutions of the rungs about writing."""

WRONG = {
    "temperature": [
        (
            "multiplied",
            [
                """
                if temperature == 0:
                    one_hot = torch.zeros_like(logits)
                    one_hot[logits.argmax()] = 1.0
                    return one_hot
                return (logits * temperature).softmax(dim=-1)
                """
            ],
            "multiplied by the temperature",
        ),
        (
            "after the softmax",
            [
                """
                if temperature == 0:
                    one_hot = torch.zeros_like(logits)
                    one_hot[logits.argmax()] = 1.0
                    return one_hot
                return logits.softmax(dim=-1) / temperature
                """
            ],
            "divides probabilities, not logits",
        ),
        (
            "no case for 0",
            ["return ((logits - logits.max()) / temperature).softmax(dim=-1)"],
            "zero is divided by zero|nan",
        ),
        (
            "all of the largest",
            [
                """
                if temperature == 0:
                    best = (logits == logits.max()).float()
                    return best / best.sum()
                return ((logits - logits.max()) / temperature).softmax(dim=-1)
                """
            ],
            "it is the first that gets all",
        ),
        (
            "overflow",
            [
                """
                if temperature == 0:
                    one_hot = torch.zeros_like(logits)
                    one_hot[logits.argmax()] = 1.0
                    return one_hot
                return (logits / temperature).softmax(dim=-1)
                """
            ],
            "1e-37",
        ),
        (
            "a tiny temperature",
            [
                """
                if temperature == 0:
                    out = torch.zeros_like(logits)
                    out[logits.argmax()] = 1
                    return out
                return (logits / temperature).softmax(-1)
                """,
            ],
            "are infinite: subtract the largest first",
        ),
        (
            "nothing for 0",
            [
                """
                e = torch.exp(logits / temperature)
                return e / e.sum()
                """,
            ],
            "something is divided by 0",
        ),
    ],
    "top_p": [
        (
            "the crossing token dropped",
            [
                """
                values, ids = probabilities.sort(descending=True, stable=True)
                kept = values[values.cumsum(0) <= p + 1e-6]
                kept = values[:1] if len(kept) == 0 else kept
                sums = kept.cumsum(0)
                return int(ids[min(int((sums <= u * sums[-1]).sum()), len(kept) - 1)])
                """
            ],
            "a token that passes p is dropped",
        ),
        (
            "not renormalized",
            [
                """
                values, ids = probabilities.double().sort(descending=True, stable=True)
                kept = values[values.cumsum(0) - values < p]
                return int(ids[min(int((kept.cumsum(0) <= u).sum()), len(kept) - 1)])
                """
            ],
            "u is not measured on the sum",
        ),
        (
            "the place, not the id",
            [
                """
                values, ids = probabilities.double().sort(descending=True, stable=True)
                kept = values[values.cumsum(0) - values < p]
                sums = kept.cumsum(0)
                return min(int((sums <= u * sums[-1]).sum()), len(kept) - 1)
                """
            ],
            "the place in the sorted list",
        ),
        (
            "nothing left out",
            [
                """
                values, ids = probabilities.double().sort(descending=True, stable=True)
                return int(ids[int((values.cumsum(0) <= u * values.sum()).sum())])
                """
            ],
            "nothing is left out",
        ),
        ("greedy", ["return int(probabilities.argmax())"], "the likeliest always comes"),
        (
            "in the order of ids",
            [
                """
                values, ids = probabilities.double().sort(descending=True, stable=True)
                kept = ids[values.cumsum(0) - values < p].sort().values
                sums = probabilities.double()[kept].cumsum(0)
                return int(kept[min(int((sums <= u * sums[-1]).sum()), len(kept) - 1)])
                """
            ],
            "from the likeliest on",
        ),
        (
            "one past end",
            [
                """
                s, i = probabilities.sort(descending=True, stable=True)
                c = s.cumsum(0)
                k = int((c < p).sum()) + 1
                c = c[:k]
                return int(i[int((c <= u * c[-1]).sum())])
                """,
            ],
            "rounded to the sum",
        ),
    ],
    "beam_search": [
        (
            "greedy",
            [
                """
                text, total = list(prompt), 0.0
                for _ in range(length):
                    logs = step(text)
                    i = max(range(len(logs)), key=logs.__getitem__)
                    text, total = text + [i], total + logs[i]
                return text, total
                """
            ],
            "the likeliest token is taken at each step",
        ),
        (
            "each beam its own",
            [
                """
                beams = [(list(prompt), 0.0)]
                for turn in range(length):
                    longer = [
                        sorted([(text + [i], total + p) for i, p in enumerate(step(text))], key=lambda beam: -beam[1])
                        for text, total in beams
                    ]
                    beams = longer[0][:n_beams] if turn == 0 else [one[0] for one in longer]
                return max(beams, key=lambda beam: beam[1])
                """
            ],
            "one continuation of its own|best continuations",
        ),
        (
            "the worst",
            [
                """
                beams = [(list(prompt), 0.0)]
                for _ in range(length):
                    longer = [(text + [i], total + p) for text, total in beams for i, p in enumerate(step(text))]
                    beams = sorted(longer, key=lambda beam: beam[1])[:n_beams]
                return beams[0]
                """
            ],
            "the worst is kept",
        ),
        (
            "without the prompt",
            [
                """
                beams = [(list(prompt), 0.0)]
                for _ in range(length):
                    longer = [(text + [i], total + p) for text, total in beams for i, p in enumerate(step(text))]
                    beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
                return beams[0][0][len(prompt) :], beams[0][1]
                """
            ],
            "the prompt is missing",
        ),
        (
            "all share one list",
            [
                """
                beams = [(prompt, 0.0)]
                for _ in range(length):
                    longer = []
                    for text, total in beams:
                        for i, p in enumerate(step(text)):
                            text.append(i)
                            longer.append((text, total + p))
                    beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
                return beams[0]
                """
            ],
            "best continuations",
        ),
        (
            "sort tuples (ties wrong)",
            [
                """
                beams = [(0.0, list(prompt))]
                for _ in range(length):
                    beams = sorted(
                        ((s + x, t + [i]) for s, t in beams for i, x in enumerate(step(t))), reverse=True
                    )[:n_beams]
                return beams[0][1], beams[0][0]
                """,
            ],
            "the later one is taken",
        ),
        (
            "products",
            [
                """
                import math

                beams = [(list(prompt), 1.0)]
                for _ in range(length):
                    beams = sorted(
                        ((t + [i], s * math.exp(x)) for t, s in beams for i, x in enumerate(step(t))),
                        key=lambda z: -z[1],
                    )[:n_beams]
                return beams[0][0], math.log(beams[0][1])
                """,
            ],
            "your code raised ValueError",
        ),
    ],
}
