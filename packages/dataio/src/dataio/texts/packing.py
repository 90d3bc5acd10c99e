"""Several documents in one row of tokens: which one each token belongs to, and its place in there."""

import torch
from jaxtyping import Int64
from torch import Tensor


def document_places(
    tokens: Int64[Tensor, "*B T"], end_of_text: int
) -> tuple[Int64[Tensor, "*B T"], Int64[Tensor, "*B T"]]:
    """Number the documents of each row from left to right, and the tokens of each document from 0: (ids, positions).

    An end-of-text token opens the next document: it is its token 0, and all that its first word is predicted from. With
    `attention.documents(ids)` nothing is seen of other documents. Runs on the device of the tokens.
    """
    opens = tokens == end_of_text
    places = torch.arange(tokens.shape[-1], device=tokens.device).expand(tokens.shape)
    opened_at = torch.where(opens, places, 0).cummax(dim=-1).values
    return opens.cumsum(dim=-1), places - opened_at
