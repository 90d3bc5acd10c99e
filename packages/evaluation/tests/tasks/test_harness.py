"""Without the extra, the way to lm-eval says what to install."""

import sys

import pytest

from evaluation import lm_eval_model


def test_a_missing_extra_is_named(monkeypatch, models, tokenizer):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(ImportError, match=r"wanted lm_eval, .*; install the extra: evaluation\[lm-eval\]"):
        lm_eval_model(models.random(257, 8, scale=1), tokenizer)
