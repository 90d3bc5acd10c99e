"""Detokenizers lose nothing on text as it is published."""

import pytest

from evaluation import DETOKENIZERS
from evaluation.corpora.detokenizers import original_tokens

WIKITEXT = """ = Robert <unk> =

 Robert <unk> is an English film , television and theatre actor . 
 He had a guest @-@ starring role ( in 2000 ) , for $ 1 @,@ 500 .

 = = Career = =

 " It 's 3 @.@ 5 km " , he said ; they don 't agree : " no ! " [ sic ] .
"""
PTB = " the u.s. does n't pay $ 5 million for n shares of mr. vinken 's <unk> n.v. \n no it was n't black monday \n"
LAMBADA = "`` hi there , '' she said , `` it 's late . '' he did n't answer .\n"


@pytest.mark.parametrize(
    ("name", "text", "plain"),
    [
        ("wikitext", " a guest @-@ star ( in 2000 ) , for $ 1 @,@ 500 .", " a guest-star (in 2000), for $1,500."),
        ("wikitext", ' " It \'s 3 @.@ 5 km " , he said ; they don \'t', ' "It\'s 3.5 km", he said; they don\'t'),
        ("wikitext", " = = Career = = ", " == Career == "),
        ("ptb", "it was n't mr. vinken 's $ 5", "it wasn't mr. vinken's $5"),
        ("1bw", 'He said , " No . "', 'He said, "No."'),
        ("lambada", "`` hi , '' she did n't say .", '"hi," she didn\'t say.'),
    ],
)  # fmt: skip
def test_the_text_is_put_together_as_people_write_it(name, text, plain):
    assert DETOKENIZERS[name].apply(text) == plain
    assert DETOKENIZERS[name].invert(plain) == text


@pytest.mark.parametrize(
    ("name", "text"), [("wikitext", WIKITEXT), ("ptb", PTB), ("1bw", 'He said , " No . "\n'), ("lambada", LAMBADA)]
)
def test_on_published_text_every_line_comes_back(name, text):
    assert DETOKENIZERS[name].restored(text) == 1.0
    assert DETOKENIZERS[name].apply(text) != text


def test_a_line_that_does_not_come_back_is_counted():
    assert DETOKENIZERS["wikitext"].restored("Mr. Smith .\nhe sat .\n") == 0.5  # a period that is no token of its own


def test_original_tokens_are_words_and_ends_of_lines():
    assert original_tokens(" the cat \n sat \n") == 5
