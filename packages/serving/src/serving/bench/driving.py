"""Clients that ask a server, or two servers in turns, for a bounded number of completions."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .addresses import Address
from .client import Answer, complete, get

TEXT = """after another because before between black book car children city class come country day different down earth
every family find first food friend good great group hand head help home house idea important kind land large last light
little long man many might mother mountain name never night number often old open other page part people picture"""
WORDS = TEXT.split()


@dataclass(frozen=True)
class Load:
    """What a server is asked for in one turn."""

    clients: int = 8
    requests: int = 32
    tokens: int = 64
    words: int = 12
    temperature: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)
    timeout: float = 600.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("clients", "requests", "tokens", "words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1, got {getattr(self, name)}; set it to one")
        if not self.timeout > 0:
            raise ValueError(f"timeout: wanted seconds above 0, got {self.timeout}; set it to some")


@dataclass(frozen=True)
class Turn:
    """What a server answered in one turn."""

    answers: list[Answer]
    seconds: float

    @property
    def good(self) -> list[Answer]:
        """Answers that came whole."""
        return [answer for answer in self.answers if answer.status == 200 and answer.whole and not answer.error]

    @property
    def tokens_a_second(self) -> float:
        return sum(answer.tokens for answer in self.good) / self.seconds


def prompt(seed: int, turn: int, number: int, words: int) -> str:
    """A prompt that no other request of the run has, so that no server gains from having read it before."""
    draws = random.Random(f"{seed} {turn} {number}")
    return " ".join(draws.choice(WORDS) for _ in range(words))


async def model_of(at: Address, key: str | None) -> str:
    """The first model that a server lists; ValueError where it lists none."""
    status, body = await get(at, "/v1/models", key)
    try:
        return str(json.loads(body)["data"][0]["id"])
    except (ValueError, LookupError, TypeError):
        raise ValueError(
            f"{at.url}: wanted a list of models from /v1/models, got status {status}; name one with --model, or give "
            f"--key-file"
        ) from None


async def one_turn(at: Address, model: str, load: Load, turn: int, key: str | None) -> Turn:
    """All requests of a turn; each client sends its next one as soon as its last is answered."""
    numbers, answers = iter(range(load.requests)), list[Answer]()

    async def client() -> None:
        for number in numbers:
            request = {
                "model": model,
                "prompt": prompt(load.seed, turn, number, load.words),
                "max_tokens": load.tokens,
                "temperature": load.temperature,
                **load.fields,
            }
            answers.append(await complete(at, request, key, load.timeout))

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(min(load.clients, load.requests))))
    return Turn(answers, time.perf_counter() - began)


async def drive(
    servers: Sequence[Address],
    load: Load,
    turns: int,
    *,
    model: str | None = None,
    key: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[Turn]]:
    """For each server its turns. Each is asked once beforehand, untimed; who begins changes from turn to turn.

    Raises ValueError where a server answers none of a turn's requests, OSError where there is none.
    """
    models = [model or await model_of(at, key) for at in servers]
    found: list[list[Turn]] = [[] for _ in servers]
    for at, name in zip(servers, models, strict=True):
        await one_turn(at, name, Load(1, 1, min(load.tokens, 8), load.words, fields=load.fields), -1, key)
    order = list(range(len(servers)))
    for turn in range(turns):
        for place, side in enumerate(order if turn % 2 == 0 else order[::-1]):
            progress(turn * len(order) + place, turns * len(order))
            found[side].append(await one_turn(servers[side], models[side], load, turn, key))
            if not found[side][-1].good:
                first = found[side][-1].answers[0]
                raise ValueError(
                    f"{servers[side].url}: wanted completions, got status {first.status} "
                    f"({' '.join(first.error.split()) or 'an answer cut short'}); try one with curl"
                )
    return found
