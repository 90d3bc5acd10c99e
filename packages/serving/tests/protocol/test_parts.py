"""Parts of answers: whole answers are their sums, in whatever pieces they came."""

import json

from hypothesis import HealthCheck, given, settings, strategies as st

from serving.jobs import Piece, PromptScores, Usage
from serving.protocol.limits import Limits
from serving.protocol.parts import Parts, together
from serving.protocol.plans import plan_completion
from serving.protocol.reading import read_with_settings
from serving.protocol.requests import CompletionRequest

USAGE = Usage(2, 3, 0.0, None, 0.1)


def planned(fakes, **body):
    asked, given_ = read_with_settings(json.dumps({"prompt": "hi", **body}).encode(), CompletionRequest)
    return plan_completion(asked, given_, fakes.served(), Limits())


def told(plan, events):
    parts = Parts(plan)
    found = [part for event in events for part in parts.of(event)]
    return together([*found, *parts.rest(USAGE)], plan.rows)


def test_text_and_reasons_add_up(fakes):
    texts = told(
        planned(fakes, n=2),
        [
            Piece(1, (97,), "a"),
            Piece(0, (98,), "b", finish_reason="end_of_text"),
            Piece(1, (), "", finish_reason="length"),
        ],
    )
    assert [(one.text, one.finish_reason) for one in texts] == [("b", "stop"), ("a", "length")]


def test_cancelled_keeps_its_name(fakes):
    for reason in ("cancelled", "deadline"):
        assert told(planned(fakes), [Piece(0, (), "", finish_reason=reason)])[0].finish_reason == reason


def test_an_echo_comes_once_with_its_scores_and_offsets_go_on(fakes):
    plan = planned(fakes, echo=True, logprobs=1, n=2)
    scores = PromptScores(0, (None, -1.0), ((), ((5, -0.5),)))
    pieces = [Piece(row, (97,), "a", (-2.0,), ((),), reason) for reason in (None, "length") for row in (0, 1)]
    for one in told(plan, [scores, *pieces]):
        assert one.text == "hiaa"
        assert [score.value for score in one.scores] == [None, -1.0, -2.0, -2.0]
        assert [score.offset for score in one.scores] == [0, 1, 2, 3]


def test_scoring_alone_gives_the_prompt(fakes):
    plan = planned(fakes, echo=True, logprobs=0, max_tokens=0)
    (one,) = told(plan, [PromptScores(0, (None, -1.0), ((), ()))])
    assert (one.text, one.finish_reason, len(one.scores)) == ("hi", "length", 2)


def test_a_text_that_the_engine_never_told_of_ends_as_cancelled(fakes):
    texts = told(planned(fakes, n=2, beams=2, temperature=0), [Piece(0, (97,), "a", finish_reason="length")])
    assert [one.finish_reason for one in texts] == ["length", "cancelled"]
    (one,) = told(planned(fakes, echo=True, logprobs=0, max_tokens=0), [])
    assert (one.text, one.finish_reason) == ("", "cancelled")


def test_tokens_behind_a_stop_string_are_never_told(fakes):
    plan = planned(fakes, logprobs=0, stop="bc")
    events = [
        Piece(0, (97,), "a", (-1.0,), ((),)),
        Piece(0, (98,), "", (-1.0,), ((),)),
        Piece(0, (99,), "", (-1.0,), ((),), "stop"),
    ]
    (one,) = told(plan, events)
    assert (one.text, [score.token for score in one.scores]) == ("a", [97])


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(min_size=1, max_size=20),
    cuts=st.lists(st.integers(1, 5), min_size=1, max_size=40),
    lag=st.integers(0, 3),
)
def test_however_a_text_is_cut_into_pieces_the_sum_is_the_same(fakes, text, cuts, lag):
    ids = tuple(text.encode())
    plan = planned(fakes, logprobs=0)

    def pieces(sizes):
        """Ids at once; text as whole characters and `lag` characters late, as before a stop string."""
        place, shown = 0, 0
        while place < len(ids):
            size = next(sizes)
            new = ids[place : place + size]
            place += size
            ended = place >= len(ids)
            whole = len(bytes(ids[:place]).decode(errors="ignore"))
            safe = len(text) if ended else max(shown, whole - lag)
            reason = "max_new_tokens" if ended else None
            yield Piece(0, new, text[shown:safe], (-1.0,) * len(new), ((),) * len(new), reason)
            shown = safe

    def endless():
        while True:
            yield from cuts

    one, whole = told(plan, pieces(endless())), told(plan, pieces(iter([len(ids)])))
    assert one == whole
    assert one[0].text == text
