from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import dataio
import dataio.texts.corpora


def texts(least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.text("ab \né", min_size=1, max_size=60), min_size=least, max_size=most)


def corpus_of(all_texts: list[str]) -> dataio.Corpus:
    return dataio.Corpus("c", tuple(dataio.Document(f"{i}", text) for i, text in enumerate(all_texts)))


@given(texts(1, 30), st.floats(0.01, 0.99))
def test_split_loses_and_doubles_no_byte(all_texts, held_out):
    corpus = corpus_of(all_texts)
    if len(set(all_texts)) == 1 or all(len(text) == 1 or len(text) * (1 - held_out) < 1 for text in all_texts):
        return  # may be too little for two sides
    train, tail = dataio.split_corpus(corpus, held_out)
    pieces = {document.name: "" for document in corpus.documents}
    for document in (*train.documents, *tail.documents):
        pieces[document.name] += document.text
    assert pieces == {document.name: document.text for document in corpus.documents}
    assert train.n_bytes + tail.n_bytes == corpus.n_bytes
    assert min(train.n_bytes, tail.n_bytes) > 0


@given(texts(20, 40), st.floats(0.01, 0.99))
def test_equal_documents_stay_on_one_side(all_texts, held_out):
    corpus = corpus_of(all_texts)
    if len({document.text for document in corpus.documents}) > 1:
        train, tail = dataio.split_corpus(corpus, held_out)
        parts = [{document.name: document.text for document in side.documents} for side in (train, tail)]
        cuts = {document.text: {} for document in corpus.documents}
        for document in corpus.documents:
            cuts[document.text][document.name] = tuple(side.get(document.name, "") for side in parts)
        assert all(len(set(places.values())) == 1 for places in cuts.values()), "whole or cut, all in the same way"


def test_a_document_keeps_its_side_when_others_come():
    documents = tuple(dataio.Document(f"{i}", f"text {i}") for i in range(200))
    _, before = dataio.split_corpus(dataio.Corpus("small", documents[:100]), 0.2)
    _, after = dataio.split_corpus(dataio.Corpus("large", documents), 0.2)
    assert set(before.documents) == set(after.documents) & set(documents[:100])
    assert 20 <= len(after.documents) <= 60
    renamed = dataio.Corpus("renamed", tuple(dataio.Document(f"other {d.name}", d.text) for d in documents))
    assert [d.text for d in dataio.split_corpus(renamed, 0.2)[1].documents] == [d.text for d in after.documents]


@given(texts(1, 8), st.floats(0.01, 0.99))
def test_pieces_from_everywhere_lose_and_double_no_byte(all_texts, held_out):
    corpus = corpus_of(["".join(f"{n} {text}" for n in range(200)) for text in all_texts])
    if corpus.n_bytes < 3 * dataio.texts.splits.PIECE:
        return  # may be too little for two sides
    train, tail = dataio.split_corpus(corpus, held_out, "everywhere")
    assert train.n_bytes + tail.n_bytes == corpus.n_bytes
    assert min(train.n_bytes, tail.n_bytes) > 0
    for document in corpus.documents:
        rest = document.text
        mine = [[one.text for one in side.documents if one.name == document.name] for side in (train, tail)]
        while rest:  # it is what the two sides say in turn
            [side] = [side for side in mine if side and rest.startswith(side[0])][:1]
            rest = rest.removeprefix(side.pop(0))
        assert not any(mine)


def test_pieces_come_from_all_over_and_the_end_from_the_end():
    text = "".join(f"line {number:05}\n" for number in range(20_000))
    corpus = dataio.Corpus("long", (dataio.Document("a", text),))
    places = {}
    for how in ("end", "everywhere"):
        train, tail = dataio.split_corpus(corpus, 0.05, how)
        assert 0.045 < tail.n_bytes / corpus.n_bytes < 0.055
        places[how] = [text.index(document.text) / len(text) for document in tail.documents]
        assert all(document.text.endswith("\n") for document in (*train.documents, *tail.documents))
        assert dataio.how_it_was_split(train, tail) == {"end": "the end of the text"}.get(how, "pieces from all over")
    assert places["end"] == [pytest.approx(0.95, abs=0.01)]
    assert max(b - a for a, b in pairwise([0.0, *places["everywhere"], 1.0])) < 0.2
    many = dataio.Corpus("many", tuple(dataio.Document(f"{i}", f"{i} " * 99) for i in range(40)))
    few = dataio.Corpus("few", many.documents[:3])
    assert dataio.how_it_was_split(*dataio.split_corpus(many)) == "whole documents"
    assert dataio.how_it_was_split(*dataio.split_corpus(few)) == "the end of each document"


def test_few_documents_are_cut_after_a_line_end(tmp_path):
    (tmp_path / "lines.txt").write_text("".join(f"line {i}\n" for i in range(100)))
    train, tail = dataio.split_corpus(dataio.read_text(tmp_path / "lines.txt"), 0.1)
    assert train.documents[0].text.endswith("\n")
    assert tail.documents[0].text.startswith("line 9")
    assert 0.08 < tail.n_bytes / (train.n_bytes + tail.n_bytes) < 0.12


def test_whole_documents_come_near_the_share_where_chance_does_not():
    for seed in range(20):
        texts = [f"text {seed} {i} " * (1 + 2 * (i % 3 == 0)) for i in range(30)]
        corpus = dataio.Corpus("c", tuple(dataio.Document(f"{i}", text) for i, text in enumerate(texts)))
        train, tail = dataio.split_corpus(corpus, 0.05)
        assert 0.025 <= tail.n_bytes / corpus.n_bytes <= 0.1
        assert {*train.documents, *tail.documents} == set(corpus.documents), "whole ones"


def test_documents_of_very_different_size_are_cut_each():
    """Where whole ones chosen by chance would come to a share far from the one asked for."""
    short = tuple(dataio.Document(f"{i}", f"short text {i}\n" * 3) for i in range(30))
    long = tuple(dataio.Document(f"long {i}", "".join(f"line {n} of {i}\n" for n in range(3000))) for i in range(3))
    corpus = dataio.Corpus("uneven", short + long)
    train, tail = dataio.split_corpus(corpus, 0.05)
    assert 0.04 < tail.n_bytes / corpus.n_bytes < 0.06
    assert train.n_bytes + tail.n_bytes == corpus.n_bytes
    assert {document.name for document in long} <= {document.name for document in tail.documents}


def test_one_long_line_is_cut_near_the_wanted_place():
    text = "\n" + "word " * 1000
    train, tail = dataio.split_corpus(dataio.Corpus("line", (dataio.Document("a", text),)), 0.1)
    assert train.documents[0].text + tail.documents[0].text == text
    assert tail.documents[0].text.startswith("word ")
    assert 0.09 < tail.n_bytes / len(text) < 0.11


def test_text_that_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match=r"wanted enough text to hold out 5%, got 1 document of 1 byte in .* add text"):
        dataio.split_corpus(dataio.Corpus("tiny", (dataio.Document("a", "x"),)))
    with pytest.raises(ValueError, match=r"wanted a held-out fraction between 0 and 1, got 1.5"):
        dataio.split_corpus(dataio.embedded_text(), 1.5)


def test_embedded_text_splits_by_whole_documents():
    train, tail = dataio.split_corpus(dataio.embedded_text())
    assert {Path(document.name) for document in train.documents}.isdisjoint(
        {Path(document.name) for document in tail.documents}
    )
    assert 0.02 < tail.n_bytes / (train.n_bytes + tail.n_bytes) < 0.1
