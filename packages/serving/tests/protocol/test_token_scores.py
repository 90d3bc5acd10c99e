"""Tokens as clients read them: texts, half characters, and where each begins."""

from serving.protocol.token_scores import Tokens, TokenScore, shown_text


def test_half_a_character_is_shown_by_its_bytes(fakes):
    tokenizer = fakes.tokenizer()
    assert shown_text(tokenizer, 97) == "a"
    assert shown_text(tokenizer, "“".encode()[0]) == "bytes:\\xe2"
    assert shown_text(tokenizer, tokenizer.end_of_text) == "<|endoftext|>"


def test_offsets_count_characters_and_never_fall(fakes):
    tokens = Tokens(fakes.tokenizer())
    ids = list("aü“b".encode())
    tokens.read(ids, [None] * len(ids), [()] * len(ids))
    assert [one.offset for one in tokens.tell(4, all_of_it=True)] == [0, 1, 1, 2, 2, 2, 3]


def test_a_token_is_told_when_its_first_character_is(fakes):
    tokens = Tokens(fakes.tokenizer())
    tokens.read([97, 98, 99], [-1.0, -2.0, -3.0], [()] * 3)
    assert [one.token for one in tokens.tell(0, all_of_it=False)] == []
    assert [one.token for one in tokens.tell(2, all_of_it=False)] == [97, 98]
    assert [one.token for one in tokens.tell(0, all_of_it=False)] == []
    assert [one.token for one in tokens.tell(0, all_of_it=True)] == [99]


def test_the_chosen_token_is_always_among_the_likely_ones():
    assert TokenScore(5, 0, -3.0, ((1, -1.0),)).likely() == [(1, -1.0), (5, -3.0)]
    assert TokenScore(1, 0, -1.0, ((1, -1.0),)).likely() == [(1, -1.0)]
    assert TokenScore(5, 0, -3.0, ()).likely() == [(5, -3.0)]
    assert TokenScore(5, 0, None, ()).likely() == []
