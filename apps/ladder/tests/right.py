"""Solutions that are right and unlike ours: loops, einsum, other libraries, other names for the same."""

RIGHT = [
    (
        "broadcasting",
        [
            """
            from itertools import zip_longest

            out = []
            for x, y in zip_longest(reversed(a), reversed(b), fillvalue=1):
                if x == 1:
                    out.insert(0, y)
                elif y in (1, x):
                    out.insert(0, x)
                else:
                    raise ValueError("no fit")
            return tuple(out)
            """,
        ],
    ),
    (
        "backward_softmax",
        [
            """
            import numpy as np

            out = np.zeros_like(p)
            for r in range(len(p)):
                out[r] = (np.diag(p[r]) - np.outer(p[r], p[r])) @ gradient[r]
            return out
            """,
        ],
    ),
    (
        "backward_softmax",
        [
            """
            import numpy as np

            return p * gradient - p * np.einsum("nm,nm->n", p, gradient)[:, None]
            """,
        ],
    ),
    (
        "resumable_shuffle",
        [
            """
            import numpy as np, math

            steps = math.ceil(n / batch_size)
            for s in range(start, stop):
                e, b = divmod(s, steps)
                yield (
                    np.random.default_rng([seed, e])
                    .permutation(n)[b * batch_size : (b + 1) * batch_size]
                    .tolist()
                )
            """,
        ],
    ),
    (
        "resumable_shuffle",
        [
            """
            import random, math

            steps = math.ceil(n / batch_size)
            order = list(range(n))
            for s in range(start, stop):
                e, b = divmod(s, steps)
                order = list(range(n))
                random.Random(f"{seed}/{e}").shuffle(order)
                yield order[b * batch_size : (b + 1) * batch_size]
            """,
        ],
    ),
    (
        "accumulation",
        [
            """
            model.zero_grad()
            pairs = [loss(model, m) for m in micro_batches]
            mean = sum(s for s, _ in pairs) / sum(c for _, c in pairs)
            mean.backward()
            return mean.item()
            """,
        ],
    ),
    (
        "adam",
        [
            """
            b1, b2 = betas
            m = mean.lerp(gradient, 1 - b1)
            v = square.mul(b2).addcmul(gradient, gradient.conj(), value=1 - b2)
            w = weight * (1 - rate * decay)
            denom = v.sqrt() / (1 - b2**t) ** 0.5 + epsilon
            return w.addcdiv(m, denom, value=-rate / (1 - b1**t)), m, v
            """,
        ],
    ),
    (
        "checkpoint",
        [
            """
            fd = os.open(str(path) + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(fd, view) :]
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(str(path) + ".new", path)
            """,
        ],
    ),
    (
        "checkpoint",
        [
            """
            import tempfile

            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as f:
                f.write(content)
                f.flush()
                os.fsync(f)
            os.replace(f.name, path)
            """,
        ],
    ),
    (
        "checkpoint",
        [
            """
            tmp = path.with_name(path.name + ".tmp")
            with open(tmp, "wb", buffering=0) as f:
                f.write(content)
                os.fsync(f.fileno())
            os.replace(tmp, path)
            d = os.open(path.parent, os.O_RDONLY)
            os.fsync(d)
            os.close(d)
            """,
        ],
    ),
    (
        "bigrams",
        [
            """
            c = (
                torch.bincount(ids[:-1] * n_vocab + ids[1:], minlength=n_vocab**2).reshape(
                    n_vocab, n_vocab
                )
                + 1
            )
            return c.log() - c.sum(1)[:, None].log()
            """,
        ],
    ),
    (
        "bigrams",
        [
            """
            h = torch.nn.functional.one_hot(ids, n_vocab).double()
            c = torch.einsum("ta,tb->ab", h[:-1], h[1:]) + 1
            return torch.log(c / c.sum(1, keepdim=True))
            """,
        ],
    ),
    (
        "rotary",
        [
            """
            D = x.shape[-1]
            f = 10000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
            z = torch.view_as_complex(x.double().reshape(*x.shape[:-1], D // 2, 2).contiguous())
            t = torch.polar(
                torch.ones(len(positions), D // 2, dtype=torch.float64), positions.double()[:, None] * f
            )
            return torch.view_as_real(z * t).flatten(-2).to(x.dtype)
            """,
        ],
    ),
    (
        "attention",
        [
            """
            s = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            if mask is not None:
                s = s.masked_fill(~mask, float("-inf"))
            return s.softmax(-1).nan_to_num() @ v
            """,
        ],
    ),
    (
        "cache",
        [
            """
            outs = []
            ks, vs = held if held is not None else (k[:, :, :0], v[:, :, :0])
            for t in range(q.shape[2]):
                ks = torch.cat([ks, k[:, :, t : t + 1]], 2)
                vs = torch.cat([vs, v[:, :, t : t + 1]], 2)
                outs.append(attend(q[:, :, t : t + 1], ks, vs, None))
            return torch.cat(outs, 2), (ks, vs)
            """,
        ],
    ),
    (
        "forward",
        [
            """
            B, T = tokens.shape
            if T > position_table.shape[0]:
                raise ValueError("too long")
            x = (
                torch.nn.functional.one_hot(tokens, token_table.shape[0]).to(token_table.dtype)
                @ token_table
            )
            x = x + position_table[None, :T]
            for b in blocks:
                x = b(x)
            return final_norm(x)
            """,
        ],
    ),
    (
        "learn_merges",
        [
            """
            parts = [([bytes([c]) for c in p], k) for p, k in counts.items()]
            for j in range(n):
                c = Counter()
                for p, k in parts:
                    for q in pairwise(p):
                        c[q] += k
                if not c:
                    return merges
                best = sorted(c, key=lambda q: (-c[q], age[q[0]], age[q[1]]))[0]
                merges.append(best)
                age.setdefault(best[0] + best[1], 256 + j)
                parts = [(merged(p, best), k) for p, k in parts]
            return merges
            """,
        ],
    ),
    (
        "top_p",
        [
            """
            order = sorted(range(len(probabilities)), key=lambda j: -probabilities[j])
            kept = []
            t = 0.0
            for j in order:
                kept.append(j)
                t += float(probabilities[j])
                if t >= p:
                    break
            x = u * t
            for j in kept:
                x -= float(probabilities[j])
                if x < 0:
                    return j
            return kept[-1]
            """,
        ],
    ),
    (
        "beam_search",
        [
            """
            import heapq

            beams = [(list(prompt), 0.0)]
            for _ in range(length):
                beams = heapq.nlargest(
                    n_beams,
                    [(t + [i], s + x) for t, s in beams for i, x in enumerate(step(t))],
                    key=lambda z: z[1],
                )
            return beams[0]
            """,
        ],
    ),
    (
        "int8",
        [
            """
            rows = []
            sc = []
            for r in weight:
                m = r.abs().max() / 127
                if m == 0:
                    m = torch.ones_like(m)
                rows.append(torch.round(r / m).char())
                sc.append(m)
            return torch.stack(rows), torch.stack(sc)[:, None]
            """,
            """
            return whole.float() * scale
            """,
        ],
    ),
    (
        "lora",
        [
            """
            import torch

            return torch.einsum("...c,nc->...n", x, weight + alpha / len(a) * b @ a) + bias
            """,
            """
            import torch

            return weight + torch.einsum("nr,rc->nc", b, a) * (alpha / len(a))
            """,
        ],
    ),
]
