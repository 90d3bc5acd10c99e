"""Whether a row's numbers are the same among neighbors on this machine: tried once, when a model is loaded."""

from collections.abc import Sequence

from decoding import Batch, GenerationSettings

TRIED = GenerationSettings(max_new_tokens=3, temperature=0, log_probabilities=2, stop_at_end_of_text=False)


def is_exact(batch: Batch) -> bool:
    """Compare, to the bit, the log-probabilities of a row alone with those of the row among others, of other lengths.

    How products are to be computed so that these are equal is `decoding.Batch`'s business; that the libraries beneath
    keep to it is measured here, for they promise nothing. It packs the weights on the way, so that no request waits.
    """
    size = batch.model.n_vocab
    length = max(1, min(5, batch.model.n_ctx // 2))
    prompts = [[(7 * place + 3 * length * other) % size for place in range(length + other)] for other in range(3)]
    alone = _written(batch, prompts[:1])
    return batch.max_rows == 1 or alone[0] == _written(batch, prompts[: batch.max_rows])[0]


def _written(batch: Batch, prompts: Sequence[Sequence[int]]) -> list[tuple[object, ...]]:
    rows = [batch.add(prompt, TRIED) for prompt in prompts]
    batch.run()
    return [(row.ids, row.log_probabilities, row.likeliest) for row in rows]
