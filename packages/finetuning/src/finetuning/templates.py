"""How a conversation becomes a text: what stands before and after each role's words, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Template:
    """For each role what stands before its words, and after them; an answer ends with the end-of-text token.

    White space around the words is dropped. `assistant` begins an answer, and is what a prompt ends with (spaces at its
    end belong to the answer: " Paris" is one token). Raises ValueError for roles without a beginning of their own.
    """

    system: tuple[str, str] = ("", "\n")
    user: tuple[str, str] = ("User: ", "\n")
    assistant: str = "Assistant: "

    def __post_init__(self) -> None:
        if not self.assistant.strip():
            raise ValueError(
                f"template: wanted a text before an answer, got {self.assistant!r}; the model could not tell where to "
                f'begin: write one, such as "Assistant: "'
            )
        if self.user[0] == self.system[0] or self.user[0] == self.assistant:
            raise ValueError(
                f"template: wanted another text before the user's words than before others', got {self.user[0]!r}; "
                f'write one, such as "User: "'
            )

    def pieces(self, messages: Messages) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is an answer. Answers begin with the spaces that end `assistant`.

        Raises ValueError for a role that there is none of, an empty answer, and a conversation without any.
        """
        opening = self.assistant.rstrip()
        pieces, said = [], ""
        for message in messages:
            role, words = message["role"], message["content"].strip()
            if role == "assistant":
                if not words:
                    raise ValueError("wanted an answer of at least one word, got an empty one; leave the example out")
                pieces += [(said + opening, False), (self.assistant[len(opening) :] + words, True)]
                said = ""
            elif role in ("system", "user"):
                before, after = getattr(self, role)
                said += before + words + after
            else:
                raise ValueError(f"wanted the roles system, user and assistant, got {role!r}; rename it")
        if not pieces:
            raise ValueError("wanted an answer to learn from, got none; end with a message of the assistant")
        return pieces

    def prompt(self, messages: Messages) -> str:
        """The text after which the model writes its answer to the last of `messages`."""
        return self.pieces([*messages, {"role": "assistant", "content": "."}])[-2][0]
