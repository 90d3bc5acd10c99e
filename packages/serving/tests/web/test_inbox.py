"""Events from other threads, and what grows together of those that nobody took."""

import asyncio
import threading
from types import SimpleNamespace

from serving.jobs import Finished, Piece, PromptScores, Usage
from serving.web.inbox import MOST_IDS, Inbox, Mail

END = Finished(Usage(1, 2, 0.0, None, 0.0))


def taken(events, times=1):
    async def all_of_it():
        inbox = Inbox()
        thread = threading.Thread(target=lambda: [inbox.tell(event) for event in events])
        thread.start()
        await asyncio.to_thread(thread.join)
        await asyncio.sleep(0)
        return [list(await inbox.take()) for _ in range(times)]

    return asyncio.run(all_of_it())


def test_pieces_of_a_row_that_nobody_took_are_one():
    pieces = [Piece(0, (1,), "a", (-1.0,), ((),)), Piece(1, (5,), "x"), Piece(0, (2,), "b", (-2.0,), ((),), "stop")]
    scores = PromptScores(0, (None,), ((),))
    assert taken([scores, *pieces, END]) == [
        [scores, Piece(0, (1, 2), "ab", (-1.0, -2.0), ((), ()), "stop"), Piece(1, (5,), "x"), END]
    ]


def test_much_is_taken_in_portions_and_the_end_comes_last():
    pieces = [Piece(row, (place,), "a") for place in range(2 * MOST_IDS) for row in (0, 1)]
    portions = taken([*pieces, END], times=4)
    ids = [[token for one in portion if isinstance(one, Piece) for token in one.ids] for portion in portions]
    assert [len(some) for some in ids] == [MOST_IDS] * 4
    assert [portion[-1] == END for portion in portions] == [False, False, False, True]
    for row in (0, 1):
        told = [
            token
            for portion in portions
            for one in portion
            if isinstance(one, Piece) and one.row == row
            for token in one.ids
        ]
        assert told == list(range(2 * MOST_IDS))


def test_what_comes_together_wakes_the_loop_once():
    async def made():
        return Mail()

    mail, calls, seen = asyncio.run(made()), [], []
    mail.loop = SimpleNamespace(call_soon_threadsafe=calls.append)
    for number in range(3):
        mail.send(seen.append, Piece(number, (), ""))
    assert (len(calls), seen) == (1, [])
    calls[0]()
    assert [piece.row for piece in seen] == [0, 1, 2]
    mail.send(seen.append, END)
    assert len(calls) == 2


def test_what_comes_while_mail_is_handed_out_waits_for_the_others_turns():
    async def counted():
        mail, seen, counts = Mail(), [], []

        def put(event):
            seen.append(event)
            if len(seen) < 4:
                mail.send(put, END)

        mail.send(put, END)
        for _ in range(4):
            await asyncio.sleep(0)
            counts.append(len(seen))
        return counts

    assert asyncio.run(counted()) == [1, 2, 3, 4]


def test_what_comes_after_the_loop_was_closed_is_lost_without_a_word():
    async def made():
        return Inbox()

    asyncio.run(made()).tell(END)
