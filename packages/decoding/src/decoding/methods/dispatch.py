"""Prompts whose settings ask for another method than the loop go to the module that has it."""

from collections.abc import Sequence

from tensors import PackedWeights

from ..protocols import LanguageModel
from ..requests.methods import method_of as method_of
from ..rows import Constraint, Generated
from ..settings.stop_strings import DecodeBytes
from ..settings.values import GenerationSettings
from ..settings.vocabulary import EndOfText
from .beams import beam_search
from .contrastive import contrastive_search
from .drafts import PromptLookup
from .hypotheses import best_hypotheses
from .speculation import generate_speculatively


def generate_by_method(
    model: LanguageModel,
    ids: Sequence[Sequence[int]],
    each: Sequence[GenerationSettings],
    end_of_text: EndOfText,
    decode_bytes: DecodeBytes | None,
    constraints: Sequence[Constraint | None] | None,
    pack: bool | PackedWeights,
    first_row: int,
) -> list[Generated]:
    """`generate_ids` for beams, contrastive search and prompt look-up. ValueError where settings differ by prompt, and
    for constraints with the last two, which could not keep them."""
    settings = each[0]
    if any(one != settings for one in each):
        raise ValueError(
            f"wanted the same settings for every prompt with {method_of(settings)}, got {len(set(each))} different "
            "ones; call once for each"
        )
    if method_of(settings) != "beams" and any(constraint is not None for constraint in constraints or ()):
        name = "penalty_alpha" if method_of(settings) == "contrastive" else "prompt_lookup_tokens"
        raise ValueError(f"wanted no constraint with {name}, got one; use the plain loop or beams for bound forms")
    if method_of(settings) == "beams":
        searches = beam_search(
            model,
            ids,
            settings,
            end_of_text=end_of_text,
            decode_bytes=decode_bytes,
            constraints=constraints,
            pack=pack,
            first_row=first_row,
        )
        return [best_hypotheses(one, settings) for one in searches]
    if method_of(settings) == "contrastive":
        return [contrastive_search(model, prompt, settings, end_of_text=end_of_text, pack=pack) for prompt in ids]
    return generate_speculatively(
        model,
        PromptLookup(settings.prompt_lookup_tokens),
        ids,
        settings,
        end_of_text=end_of_text,
        decode_bytes=decode_bytes,
        pack=pack,
        first_row=first_row,
    )
