"""A step from ids to logits as one call gives what the parts give one by one."""

import random

import pytest
import torch
from torch import nn

from attention import KeyValueCache
from transformer import DecoderStack, LayerNorm
from transformer.kernels import native
from transformer.kernels.fused import FusedDecoder
from transformer.kernels.whole_step import NewIds, WholeStep

N_CTX = 40
ROWS = (
    ([1, 2, 3, 4, 5], [6, 7], [8, 9, 10]),
    ([1], [2], [3]),
    ([7], [30], [0]),
    ([1, 2], [3, 4], [5]),
    ([9], [9], [9]),
)


class Table(nn.Module):
    def __init__(self, rows, columns):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) * 0.3)


class Model(nn.Module):
    def __init__(self, n_vocab=37, n_embd=64, n_head=4, eps=1e-5):
        super().__init__()
        self.table, self.positions = Table(n_vocab, n_embd), Table(N_CTX, n_embd)
        self.stack = DecoderStack(3, n_embd, n_head, eps=eps)
        self.norm = LayerNorm(n_embd, eps=eps)
        with torch.no_grad():
            for parameter in [*self.stack.parameters(), *self.norm.parameters()]:
                parameter.add_(torch.randn(parameter.shape) * 0.05)
        self.eval()

    def forward(self, rows, cache):
        lengths = torch.tensor([len(row) for row in rows])
        tokens = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        x = self.table.weight[tokens] + self.positions.weight[cache.positions(tokens.shape[1])]
        state = self.norm(self.stack(x, cache))
        cache.advance(tokens.shape[1], lengths)
        return state @ self.table.weight.T


def step_of(model):
    stack = FusedDecoder(model.stack)
    return WholeStep(model, table=model.table, positions=model.positions, stack=stack, norm=model.norm)


def new_cache(model, rows=3, dtype=torch.float32, length=N_CTX):
    attention = model.stack.blocks[0].attention
    return KeyValueCache(3, rows, attention.n_head, length, attention.head_size, dtype=dtype)


@torch.inference_mode()
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int8], ids=str)
@pytest.mark.parametrize("shape", [(37, 64, 4), (5, 128, 2), (101, 33, 3), (16, 96, 1)], ids=str)
def test_logits_and_likeliest_ids_are_those_of_the_parts(instructions, shape, dtype, threads):
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model = Model(*shape)
        step, ours, theirs = step_of(model), new_cache(model, dtype=dtype), new_cache(model, dtype=dtype)
        for number, rows in enumerate(ROWS):
            rows = [[token % shape[0] for token in row] for row in rows]
            wanted = model(rows, theirs)
            last_only = number != 3
            found, likeliest = step(rows, ours, last_only=last_only)
            real = [one[: len(row)] for one, row in zip(wanted, rows, strict=True)]
            if last_only:
                off = found - torch.stack([one[-1] for one in real])
            else:
                off = torch.cat([one[: len(r)] - r for one, r in zip(found, real, strict=True)])
            # A key half-way between two whole numbers may become either.
            assert off.abs().max() < (1e-5 if dtype == torch.float32 else 1e-2) * wanted.abs().max()
            each = found if last_only else torch.cat([one[: len(row)] for one, row in zip(found, rows, strict=True)])
            assert likeliest == each.argmax(-1).tolist()
            assert ours.lengths.tolist() == theirs.lengths.tolist()
    finally:
        torch.set_num_threads(before)


def memory_of(cache, row, held):
    """What a cache holds of a row."""
    return [stored[row, :, :held].clone() for stored in cache.whole]


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.int8], ids=str)
@pytest.mark.parametrize("shape", [(37, 64, 4), (101, 33, 3), (16, 96, 1)], ids=str)
def test_a_row_gets_the_same_bits_however_its_ids_are_cut_and_whoever_stands_beside_it(instructions, shape, dtype):
    torch.manual_seed(0)
    model, chance = Model(*shape), random.Random(shape[1])
    texts = [[chance.randrange(shape[0]) for _ in range(length)] for length in (N_CTX, 1, 19, 33, 8, 26, 2, N_CTX)]
    step, alone = step_of(model), []
    for text in texts:
        cache = new_cache(model, 1, dtype)
        one_by_one = [step.together([NewIds(0, i, [id], False)], cache) for i, id in enumerate(text)]
        found = torch.cat([logits for logits, _ in one_by_one]), [likeliest for _, (likeliest,) in one_by_one]
        alone.append((*found, memory_of(cache, 0, len(text))))
    for _ in range(4):
        cache, held, calls = new_cache(model, len(texts), dtype), [0] * len(texts), 0
        while any(has < len(text) for has, text in zip(held, texts, strict=True)):
            rows = [row for row, text in enumerate(texts) if held[row] < len(text) and chance.random() < 0.7]
            chance.shuffle(rows)
            several = [
                NewIds(
                    row,
                    held[row],
                    texts[row][held[row] :][: chance.choice([1, 1, 2, 5, 17, N_CTX])],
                    chance.random() < 0.5,
                )
                for row in rows
            ]
            if not several:
                continue
            logits, likeliest = step.together(several, cache)
            at, calls = 0, calls + 1
            for row, has, ids, every in several:
                held[row] = end = has + len(ids)
                wanted = slice(has if every else end - 1, end)
                count = wanted.stop - wanted.start
                assert torch.equal(logits[at : at + count], alone[row][0][wanted])
                assert likeliest[at : at + count] == alone[row][1][wanted]
                at += count
            assert at == len(logits) == len(likeliest)
        assert calls > 3
        for row, text in enumerate(texts):
            for ours, theirs in zip(memory_of(cache, row, len(text)), alone[row][2], strict=True):
                assert torch.equal(ours, theirs)
    assert cache.lengths.tolist() == [0] * len(texts)  # who calls so counts by itself


@torch.inference_mode()
def test_rows_that_bring_ids_together_are_those_of_the_parts(instructions):
    torch.manual_seed(1)
    model = Model()
    step, ours = step_of(model), new_cache(model, 4)
    held = [0, 0, 0, 0]
    theirs = [new_cache(model, 1) for _ in held]
    for brought in ({2: [5] * 20, 0: [1, 2, 3]}, {0: [4], 2: [6], 3: [7, 8, 9, 10]}, {3: [1] * 30, 1: [2], 0: [3, 3]}):
        several = [NewIds(row, held[row], ids, row != 2) for row, ids in brought.items()]
        found, _ = step.together(several, ours)
        wanted = {row: model([ids], theirs[row])[0] for row, ids in brought.items()}
        expected = torch.cat([logits[-1:] if row == 2 else logits for row, logits in wanted.items()])
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
        held = [has + len(brought.get(row, ())) for row, has in enumerate(held)]


@torch.inference_mode()
def test_rows_and_places_that_are_not_there_are_left_to_torch(instructions):
    model = Model()
    step, cache = step_of(model), new_cache(model, 2, length=6)
    for wrong in (
        [NewIds(2, 0, [1], False)],
        [NewIds(-1, 0, [1], False)],
        [NewIds(0, 6, [1], False)],
        [NewIds(0, -1, [1], False)],
        [NewIds(0, 3, [1] * 4, False)],
        [NewIds(0, 0, [], False)],
        [NewIds(0, 0, [37], False)],
        [NewIds(0, 0, [1], False), NewIds(0, 1, [1], False)],
        [],
    ):
        assert step.together(wrong, cache) is None
    assert not any(stored.any() for stored in cache.whole)
    assert step.together([NewIds(0, 2, [1] * 4, True)], cache)[0].shape == (4, 37)


@torch.inference_mode()
def test_of_equally_likely_ids_the_lowest_counts_and_what_is_no_number_is_said(instructions):
    model = Model(n_vocab=70)
    model.table.weight[50:] = model.table.weight[20:40]
    step = step_of(model)
    for token in range(40):
        found, likeliest = step([[token]], new_cache(model, 1), last_only=True)
        assert likeliest[0] < 50
        assert found[0].argmax() == likeliest[0]
    for place, wrong in ((3, float("nan")), (60, float("nan")), (69, float("inf"))):
        other = Model(n_vocab=70)
        other.table.weight[place] = wrong
        assert step_of(other)([[1]], new_cache(other, 1), last_only=True)[1] == [-1]


@torch.inference_mode()
def test_weights_that_were_changed_are_noticed_when_the_next_text_begins(instructions):
    model = Model()
    step = step_of(model)
    for change in (
        lambda: model.table.weight.mul_(-1),
        lambda: setattr(model.table, "weight", nn.Parameter(torch.randn(37, 64))),
        lambda: setattr(model.positions, "weight", nn.Parameter(torch.randn(N_CTX, 64))),
        lambda: setattr(model.norm, "bias", nn.Parameter(torch.randn(64))),
        lambda: setattr(model.stack.blocks[1].feed_forward, "up", nn.Linear(64, 256)),
        lambda: setattr(model.stack.blocks[2].attention.qkv.weight, "data", torch.randn(192, 64) * 0.1),
    ):
        cache = new_cache(model, 1)
        step([[1, 2, 3]], cache, last_only=True)
        change()
        step([[4]], cache, last_only=True)  # of the text that has begun, nothing is promised but that it goes on
        found, _ = step([[1, 2, 3]], new_cache(model, 1), last_only=True)
        wanted = model([[1, 2, 3]], new_cache(model, 1))[:, -1]
        assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


@torch.inference_mode()
@pytest.mark.parametrize("where", ["", "table", "stack.blocks.1", "stack.blocks.1.feed_forward.up", "norm"])
def test_hooks_that_come_while_a_text_is_written_are_left_to_torch(instructions, where):
    model = Model()
    step, cache, watched = step_of(model), new_cache(model, 1), model.get_submodule(where)
    assert step([[1, 2]], cache, last_only=True) is not None
    handle = watched.register_forward_hook(lambda *given: None)
    assert step([[3]], cache, last_only=True) is None
    handle.remove()
    watched.forward = watched.forward
    assert step([[3]], cache, last_only=True) is None
    del watched.forward
    everywhere = nn.modules.module.register_module_forward_hook(lambda *given: None)
    assert step([[3]], cache, last_only=True) is None
    everywhere.remove()
    assert cache.lengths.tolist() == [2]
    assert step([[3]], cache, last_only=True) is not None


@torch.inference_mode()
def test_what_is_wrong_or_unknown_is_left_to_torch_and_changes_nothing(instructions, monkeypatch):
    model = Model()
    step, cache = step_of(model), new_cache(model, 2, length=6)
    for rows in ([[1], [37]], [[1], [-1]], [[1], []], [[1]], [[1] * 7, [1]]):
        assert step(rows, cache, last_only=True) is None
    assert step([[1], [2]], new_cache(model, 2, torch.bfloat16), last_only=True) is None
    assert step([[1], [2]], object(), last_only=True) is None
    assert cache.lengths.tolist() == [0, 0]
    half = Model().bfloat16()
    assert step_of(half)([[1]], new_cache(half, 1), last_only=True) is None
    other = Model(eps=1e-5)
    other.norm.eps = 1e-3
    assert step_of(other)([[1]], new_cache(other, 1), last_only=True) is None
    monkeypatch.setenv(native.SWITCH, "torch")
    assert step([[1], [2]], cache, last_only=True) is None
