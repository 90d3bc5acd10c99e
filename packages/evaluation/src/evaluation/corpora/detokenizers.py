"""Corpora that were published in pieces (`don 't`, `1 @,@ 000`), put together again as GPT-2 knows text, and back.

Radford et al. 2019, section 3.1: figures on WikiText, PTB, LAMBADA and the One Billion Word corpus are taken on text
whose tokenisation was undone by invertible rules. Since nothing is lost, the text has the same probability, and may be
normalized by the count of its original tokens. OpenAI's rules are unpublished. Each rule here has its inverse, and
`restored` tells for which share of the lines the inverse gives back what was there.
"""

import re
from dataclasses import dataclass

Rule = tuple[str, str, str, str]
"""Pattern and replacement, then pattern and replacement of the way back."""

CLITICS, CLITIC_T = r"'(?:s|re|ve|ll|d|m)\b", r"'t\b"
NUMBERS: Rule = (r" @([,.])@ ", r"\1", r"(?<=\d)([,.])(?=\d)", r" @\1@ ")
HYPHENS: Rule = (r" @-@ ", "-", r"(?<=\w)-(?=\w)", " @-@ ")
HEADINGS: Rule = (r"= (?==)", "=", r"=(?==)", "= ")
CLOSING: Rule = (r" ([,.;:!?)\]}])(?=\s|$)", r"\1", r"(?<=\S)([,.;:!?)\]}])(?=[,.;:!?)\]}]*(?:\s|$))", r" \1")
OPENING: Rule = (r"([(\[{$#]) (?=\S)", r"\1", r"([(\[{$#])(?=\S)", r"\1 ")
ENDINGS: Rule = (rf"(?<=\w) (?={CLITICS})", "", rf"(?<=\w)(?={CLITICS})", " ")
TS: Rule = (rf"(?<=\w) (?={CLITIC_T})", "", rf"(?<=\w)(?={CLITIC_T})", " ")
NEGATIONS: Rule = (r"(?<=\w) (?=n't\b)", "", r"(?<=\w)(?=n't\b)", " ")
QUOTES: Rule = (r'" ([^"\n]*?) "', r'"\1"', r'"([^"\n]*?)"', r'" \1 "')
TEX_QUOTES: Rule = (r"`` ([^`\n]*?) ''", r'"\1"', r'"([^"\n]*?)"', r"`` \1 ''")


@dataclass(frozen=True)
class Detokenizer:
    """Rules for one corpus, in the order in which they are applied; the way back goes through them from the end."""

    name: str
    rules: tuple[Rule, ...]

    def apply(self, text: str) -> str:
        """The text as people write it."""
        for pattern, replacement, _, _ in self.rules:
            text = re.sub(pattern, replacement, text)
        return text

    def invert(self, text: str) -> str:
        """Back to the corpus's own tokens."""
        for _, _, pattern, replacement in reversed(self.rules):
            text = re.sub(pattern, replacement, text)
        return text

    def restored(self, text: str) -> float:
        """Share of the lines that `apply` and then `invert` leave as they were; 1 is what "invertible" promises."""
        lines = text.splitlines() or [""]
        return sum(self.invert(self.apply(line)) == line for line in lines) / len(lines)


WIKITEXT = Detokenizer("wikitext", (NUMBERS, HYPHENS, HEADINGS, CLOSING, OPENING, ENDINGS, TS, QUOTES))
PENN_TREEBANK = Detokenizer("ptb", (OPENING, NEGATIONS, ENDINGS))
ONE_BILLION_WORDS = Detokenizer("1bw", (CLOSING, OPENING, ENDINGS, TS, QUOTES))
LAMBADA_TOKENS = Detokenizer("lambada", (CLOSING, NEGATIONS, ENDINGS, TEX_QUOTES))
DETOKENIZERS = {rules.name: rules for rules in (WIKITEXT, PENN_TREEBANK, ONE_BILLION_WORDS, LAMBADA_TOKENS)}


def original_tokens(text: str) -> int:
    """Words between white space, and one end-of-sentence mark a line: the count that published figures divide by."""
    return len(text.split()) + len(text.splitlines())
