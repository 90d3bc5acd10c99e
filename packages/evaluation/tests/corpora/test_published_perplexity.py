"""Each perplexity of a published corpus is what its name says."""

import math

import pytest

import gpt2
from evaluation import DETOKENIZERS, named_perplexities, score_tokens

WIKITEXT = """ = Robert <unk> =

 He had a guest @-@ starring role ( in 2000 ) , for $ 1 @,@ 500 .
"""


def test_each_perplexity_is_what_its_name_says(models):
    tokenizer = gpt2.Tokenizer.train([WIKITEXT], 300)
    model = models.random(tokenizer.n_vocab, 32, scale=1, n_layer=1)
    rules = DETOKENIZERS["wikitext"]
    results = {r.name: r for r in named_perplexities(model, tokenizer, WIKITEXT, rules, stride=8)}
    raw, plain = (
        score_tokens(model, [tokenizer.end_of_text, *tokenizer.encode(text)], stride=8)
        for text in (WIKITEXT, rules.apply(WIKITEXT))
    )
    words = len(WIKITEXT.split()) + WIKITEXT.count("\n")
    assert results["raw"].perplexity == pytest.approx(raw.perplexity)
    assert results["raw_words"].perplexity == pytest.approx(math.exp(raw.total / words))
    assert results["published"].perplexity == pytest.approx(math.exp(plain.total / words))
    assert results["published"].text == "detokenized (wikitext)"
