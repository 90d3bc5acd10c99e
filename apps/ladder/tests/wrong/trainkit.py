"""Typical wrong solutions of the rungs about training."""

WRONG = {
    "training_step": [
        (
            "never cleared",
            ["value = loss(model, batch)\nvalue.backward()\noptimizer.step()\nreturn float(value)"],
            "gradients of earlier steps are still there",
        ),
        (
            "a tensor comes back",
            ["optimizer.zero_grad()\nvalue = loss(model, batch)\nvalue.backward()\noptimizer.step()\nreturn value"],
            "the loss comes back as a float",
        ),
        (
            "step before backward",
            ["v = loss(model, batch)\noptimizer.zero_grad()\noptimizer.step()\nv.backward()\nreturn float(v)"],
            "comes before the gradient",
        ),
        (
            "cleared in between",
            ["v = loss(model, batch)\nv.backward()\noptimizer.zero_grad()\noptimizer.step()\nreturn float(v)"],
            "the weights were not moved",
        ),
        (
            "the loss after the step",
            ["model.zero_grad()\nloss(model, batch).backward()\noptimizer.step()\nreturn float(loss(model, batch))"],
            "computed again after the step",
        ),
    ],
    "accumulation": [
        (
            "a mean of means",
            [
                """
                model.zero_grad()
                result = 0.0
                for batch in micro_batches:
                    total, count = loss(model, batch)
                    part = total / max(1, count) / len(micro_batches)
                    part.backward()
                    result += float(part)
                return result
                """
            ],
            "each piece counts equally",
        ),
        (
            "old gradients stay",
            [
                """
                summed, items = 0.0, 0
                for batch in micro_batches:
                    total, count = loss(model, batch)
                    total.backward()
                    summed, items = summed + float(total), items + count
                for weight in model.parameters():
                    if weight.grad is not None:
                        weight.grad /= items
                return summed / items
                """
            ],
            "gradients that were there before are counted in",
        ),
        (
            "cleared for each piece",
            [
                """
                summed, items = 0.0, 0
                for batch in micro_batches:
                    model.zero_grad()
                    total, count = loss(model, batch)
                    total.backward()
                    summed, items = summed + float(total), items + count
                for weight in model.parameters():
                    if weight.grad is not None:
                        weight.grad /= items
                return summed / items
                """
            ],
            "the gradient is that of the mean over all items",
        ),
        (
            "gradients not divided",
            [
                """
                model.zero_grad()
                summed, items = 0.0, 0
                for batch in micro_batches:
                    total, count = loss(model, batch)
                    total.backward()
                    summed, items = summed + float(total), items + count
                return summed / items
                """
            ],
            "the gradients are not divided by the count|the sum is not divided",
        ),
        (
            "a weight without gradient",
            [
                """
                model.zero_grad()
                summed, items = 0.0, 0
                for batch in micro_batches:
                    total, count = loss(model, batch)
                    total.backward()
                    summed, items = summed + float(total), items + count
                for weight in model.parameters():
                    weight.grad /= items
                return summed / items
                """
            ],
            "weight.grad /= items",
        ),
        (
            "None grads",
            [
                """
                model.zero_grad()
                total = 0.0
                n = 0
                for m in micro_batches:
                    s, c = loss(model, m)
                    s.backward()
                    total += s.item()
                    n += int(c)
                for p in model.parameters():
                    p.grad /= n
                return total / n
                """,
            ],
            "whose .grad is None",
        ),
    ],
    "adam": [
        (
            "not corrected",
            [
                """
                mean = betas[0] * mean + (1 - betas[0]) * gradient
                square = betas[1] * square + (1 - betas[1]) * gradient**2
                return weight * (1 - rate * decay) - rate * mean / (square.sqrt() + epsilon), mean, square
                """
            ],
            "the means are not corrected",
        ),
        (
            "the corrected means are kept",
            [
                """
                mean = (betas[0] * mean + (1 - betas[0]) * gradient) / (1 - betas[0] ** t)
                square = (betas[1] * square + (1 - betas[1]) * gradient**2) / (1 - betas[1] ** t)
                return weight * (1 - rate * decay) - rate * mean / (square.sqrt() + epsilon), mean, square
                """
            ],
            "the corrected mean comes back",
        ),
        (
            "no root",
            [
                """
                mean = betas[0] * mean + (1 - betas[0]) * gradient
                square = betas[1] * square + (1 - betas[1]) * gradient**2
                m, s = mean / (1 - betas[0] ** t), square / (1 - betas[1] ** t)
                return weight * (1 - rate * decay) - rate * m / (s + epsilon), mean, square
                """
            ],
            "there is no root over the square",
        ),
        (
            "decay without rate",
            [
                """
                mean = betas[0] * mean + (1 - betas[0]) * gradient
                square = betas[1] * square + (1 - betas[1]) * gradient**2
                m, s = mean / (1 - betas[0] ** t), square / (1 - betas[1] ** t)
                return weight * (1 - decay) - rate * m / (s.sqrt() + epsilon), mean, square
                """
            ],
            "the decay is not multiplied by the rate",
        ),
        (
            "in place",
            [
                """
                mean.mul_(betas[0]).add_(gradient, alpha=1 - betas[0])
                square.mul_(betas[1]).add_(gradient**2, alpha=1 - betas[1])
                m, s = mean / (1 - betas[0] ** t), square / (1 - betas[1] ** t)
                return weight * (1 - rate * decay) - rate * m / (s.sqrt() + epsilon), mean, square
                """
            ],
            "the mean that was given stays as it was",
        ),
        (
            "eps in root",
            [
                """
                b1, b2 = betas
                m = b1 * mean + (1 - b1) * gradient
                v = b2 * square + (1 - b2) * gradient**2
                mh = m / (1 - b1**t)
                vh = v / (1 - b2**t)
                return weight - rate * mh / (vh + epsilon).sqrt() - rate * decay * weight, m, v
                """,
            ],
            "epsilon is added under the root",
        ),
        (
            "L2 through gradient",
            [
                """
                b1, b2 = betas
                gradient = gradient + decay * weight
                m = b1 * mean + (1 - b1) * gradient
                v = b2 * square + (1 - b2) * gradient**2
                mh = m / (1 - b1**t)
                vh = v / (1 - b2**t)
                return weight - rate * mh / (vh.sqrt() + epsilon), m, v
                """,
            ],
            "the decay goes through the gradient",
        ),
        (
            "decay after",
            [
                """
                b1, b2 = betas
                m = b1 * mean + (1 - b1) * gradient
                v = b2 * square + (1 - b2) * gradient**2
                mh = m / (1 - b1**t)
                vh = v / (1 - b2**t)
                return (weight - rate * mh / (vh.sqrt() + epsilon)) * (1 - rate * decay), m, v
                """,
            ],
            "shrinks after it has moved",
        ),
        (
            "t from 0",
            [
                """
                b1, b2 = betas
                m = b1 * mean + (1 - b1) * gradient
                v = b2 * square + (1 - b2) * gradient**2
                mh = m / (1 - b1 ** (t + 1))
                vh = v / (1 - b2 ** (t + 1))
                return weight - rate * mh / (vh.sqrt() + epsilon) - rate * decay * weight, m, v
                """,
            ],
            "one too far",
        ),
    ],
    "cosine": [
        (
            "begins at 0",
            [
                """
                if s < warmup:
                    return s / warmup
                p = min(1.0, (s - warmup) / (n - warmup))
                return floor + (1 - floor) * (1 + math.cos(math.pi * p)) / 2
                """
            ],
            "the first step of the warm-up has the rate 0",
        ),
        (
            "comes up again",
            [
                """
                if s < warmup:
                    return (s + 1) / warmup
                p = (s - warmup) / (n - warmup)
                return floor + (1 - floor) * (1 + math.cos(math.pi * p)) / 2
                """
            ],
            "goes up again after step n",
        ),
        (
            "from step 0",
            [
                """
                if s < warmup:
                    return (s + 1) / warmup
                p = min(1.0, s / n)
                return floor + (1 - floor) * (1 + math.cos(math.pi * p)) / 2
                """
            ],
            "the wave begins at step 0",
        ),
        (
            "no floor",
            [
                """
                if s < warmup:
                    return (s + 1) / warmup
                p = min(1.0, (s - warmup) / (n - warmup))
                return (1 + math.cos(math.pi * p)) / 2
                """
            ],
            "the wave ends at 0",
        ),
        (
            "a line",
            [
                """
                if s < warmup:
                    return (s + 1) / warmup
                return floor + (1 - floor) * (1 - min(1.0, (s - warmup) / (n - warmup)))
                """
            ],
            "it falls on a line",
        ),
    ],
}
