"""Documents within a row of tokens, held against a loop over the tokens."""

import torch
from hypothesis import given, strategies as st

import dataio

END = 7


def one_by_one(row: list[int]) -> tuple[list[int], list[int]]:
    ids, positions = [], []
    document, place = 0, -1
    for token in row:
        place += 1
        if token == END:
            document, place = document + 1, 0
        ids.append(document)
        positions.append(place)
    return ids, positions


@given(st.integers(1, 12).flatmap(lambda t: st.lists(st.lists(st.integers(5, 8), min_size=t, max_size=t), min_size=1)))
def test_documents_and_places_are_those_of_a_count_by_hand(rows):
    ids, positions = dataio.document_places(torch.tensor(rows), END)
    expected = [one_by_one(row) for row in rows]
    assert ids.tolist() == [row[0] for row in expected]
    assert positions.tolist() == [row[1] for row in expected]
    assert dataio.document_places(torch.tensor(rows[0]), END)[0].tolist() == expected[0][0]


def test_packed_documents_see_only_themselves():
    """What `attention.documents` makes of the ids, by hand: a token sees the same document's earlier tokens alone."""
    texts = [[END, 1, 2], [END, 3], [END, 4, 5, 6]]
    row = torch.tensor([token for text in texts for token in text])
    ids, positions = dataio.document_places(row, END)
    sees = (ids[:, None] == ids) & torch.ones(len(row), len(row)).tril().bool()
    expected = torch.block_diag(*(torch.ones(len(text), len(text)).tril() for text in texts)).bool()
    assert torch.equal(sees, expected)
    assert positions.tolist() == [place for text in texts for place in range(len(text))]
