"""Prompts as ids, in each of the forms that OpenAI's completions take."""

import pytest

from serving.protocol.limits import Limits
from serving.protocol.prompts import ids_of_prompts, ids_of_text
from serving.protocol.refusals import Refused


@pytest.fixture
def served(fakes):
    return fakes.served()


@pytest.mark.parametrize(
    ("prompt", "ids"),
    [
        ("hi", ((104, 105),)),
        (["hi", "a"], ((104, 105), (97,))),
        ([104, 105], ((104, 105),)),
        ([[104, 105], [97]], ((104, 105), (97,))),
        (["hi", [97]], ((104, 105), (97,))),
    ],
)
def test_texts_ids_and_lists_of_both_are_prompts(prompt, ids, served):
    assert ids_of_prompts(prompt, served, Limits()) == ids


def test_without_a_prompt_a_document_begins(served):
    assert ids_of_prompts(None, served, Limits()) == ((served.tokenizer.end_of_text,),)


@pytest.mark.parametrize("prompt", ["", [], [""], [[]], ["a", ""], ["a", 5], [[1], 5]])
def test_empty_and_mixed_up_prompts_are_refused(prompt, served):
    with pytest.raises(Refused, match="prompt") as caught:
        ids_of_prompts(prompt, served, Limits())
    assert (caught.value.status, caught.value.param) == (400, "prompt")


@pytest.mark.parametrize("token", [-1, 257, 10**30])
def test_ids_beyond_the_vocabulary_are_refused(token, served):
    with pytest.raises(Refused, match=r"wanted ids from 0 to 256, got .*out of vocabulary"):
        ids_of_text([1, token], served, "prompt")


def test_too_many_prompts_are_refused(served):
    with pytest.raises(Refused, match="at most 2 prompts, got 3"):
        ids_of_prompts(["a", "b", "c"], served, Limits(prompts=2))
