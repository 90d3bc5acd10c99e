"""How varied generated texts are: numbers that need no reference text.

High where a model rambles, low where it repeats itself; good text lies where people's text of that kind lies, so
compare with that, not with 0 or 1.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench import check_several

Words = Sequence[str]
SMOOTHING = 0.1
"""Stands for no match at all, so that one missing n-gram length does not make BLEU zero (Chen and Cherry 2014, method
1; sacrebleu's "floor")."""


@dataclass(frozen=True)
class QualityReport:
    """`distinct_n` by n, `self_bleu` (None for a single text), `repetition_rate`, and how much was read."""

    distinct: dict[int, float]
    self_bleu: float | None
    repetition_rate: float
    n_texts: int
    n_words: int


def quality_report(texts: Sequence[str]) -> QualityReport:
    """All measures of some texts, over their words between white space. ValueError where there are no words, TypeError
    for a text in place of a list of them."""
    check_several(texts, "texts")
    rows = [text.split() for text in texts]
    n_words = sum(map(len, rows))
    if n_words == 0:
        raise ValueError(f"wanted texts with words in them, got {len(rows)} texts without any; generate some first")
    return QualityReport(
        {n: distinct_n(rows, n) for n in (1, 2, 3)},
        self_bleu(rows) if len(rows) > 1 else None,
        repetition_rate(rows),
        len(rows),
        n_words,
    )


def ngrams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    """Every run of n words with the number of times it stands there."""
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def distinct_n(texts: Sequence[Words], n: int) -> float:
    """Different n-grams over all texts / n-grams (Li et al. 2016, arXiv 1510.03055): 1 if none comes twice."""
    counts: Counter[tuple[str, ...]] = sum((ngrams(words, n) for words in texts), Counter())
    return len(counts) / counts.total() if counts else 0.0


def repetition_rate(texts: Sequence[Words], n: int = 4) -> float:
    """Share of a text's n-grams that stood in it before, over all texts (seq-rep-4, Welleck et al. 2020, arXiv
    1908.04319, equation 12): 0 without repetition, towards 1 in a loop."""
    counts = [ngrams(words, n) for words in texts]
    total = sum(each.total() for each in counts)
    return 1 - sum(map(len, counts)) / total if total else 0.0


def self_bleu(texts: Sequence[Words], n: int = 4) -> float:
    """Mean BLEU of each text against all others (Zhu et al. 2018, arXiv 1802.01886), 0 to 1: 1 if all are the same.

    Raises ValueError for fewer than two texts and for one without words.
    """
    if len(texts) < 2 or not all(texts):
        raise ValueError(
            f"wanted at least 2 texts, all with words, got {len(texts)} of which {sum(not t for t in texts)} are "
            "empty; generate more, or leave the empty ones out"
        )
    scores = [bleu(text, [*texts[:number], *texts[number + 1 :]], n) for number, text in enumerate(texts)]
    return sum(scores) / len(scores)


def bleu(text: Words, references: Sequence[Words], n: int = 4) -> float:
    """Sentence BLEU (Papineni et al. 2002): geometric mean of clipped n-gram precisions, brevity penalty for the
    nearest reference length; lengths of n-gram that the text is too short for are left out, as sacrebleu's effective
    order does."""
    order = min(n, len(text))
    logs = [math.log(_precision(text, references, length)) for length in range(1, order + 1)]
    nearest = min((abs(len(reference) - len(text)), len(reference)) for reference in references)[1]
    penalty = min(0.0, 1 - nearest / len(text))
    return math.exp(sum(logs) / order + penalty)


def _precision(text: Words, references: Sequence[Words], n: int) -> float:
    found = ngrams(text, n)
    most: Counter[tuple[str, ...]] = Counter()
    for reference in references:
        most |= ngrams(reference, n)
    return max((found & most).total(), SMOOTHING) / found.total()
