"""Of files that come in pieces their ends are held out; of many files whole ones."""

import dataio
from dataio.texts import files as text_files

LINE = "a line of the book, number {:06}\n"


def written(folder, lengths, monkeypatch):
    """Files of so many lines, read in pieces of 10 kB."""
    plain = text_files.text_pieces
    monkeypatch.setattr("dataio.texts.streams.text_pieces", lambda path: plain(path, 10_000))
    for number, length in enumerate(lengths):
        lines = (LINE.format(1_000 * number + line) for line in range(length))
        (folder / f"{number:02}.txt").write_text("".join(lines), encoding="utf-8")
    return dataio.stream_text(folder)


def test_the_last_pieces_of_each_long_file_are_held_out(tmp_path, monkeypatch):
    stream = written(tmp_path, (9_000, 30, 4_000), monkeypatch)
    train, held = ([*side] for side in dataio.split_stream(stream, 0.1, "end"))
    assert sorted(document.text for document in stream) == sorted(document.text for document in (*train, *held))
    for name, text in (("00.txt", (tmp_path / "00.txt").read_text()), ("02.txt", (tmp_path / "02.txt").read_text())):
        mine = [document.text for document in held if document.name.startswith(name)]
        assert text.endswith("".join(mine)), "contiguous, and the end"
        assert 0.05 < len("".join(mine)) / len(text) < 0.15
    assert not [document for document in held if document.name.startswith("01.txt")]
    scattered = [document.name for document in dataio.split_stream(stream, 0.1)[1]]
    assert scattered != [document.name for document in held]


def test_of_many_files_whole_ones_are_held_out(tmp_path, monkeypatch):
    stream = written(tmp_path, (700,) * 40, monkeypatch)
    train, held = ([*side] for side in dataio.split_stream(stream, 0.2, "end"))
    names = [{document.name.partition("#")[0] for document in side} for side in (train, held)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {f"{number:02}.txt" for number in range(40)}
    assert 3 <= len(names[1]) <= 16
    assert any("#" in document.name for document in held), "of several pieces each"


def test_records_are_held_out_as_before(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"text": "record {n}"}}\n' for n in range(300)), encoding="utf-8")
    stream = dataio.stream_text(tmp_path / "a.jsonl")
    assert [*dataio.split_stream(stream, 0.1, "end")[1]] == [*dataio.split_stream(stream, 0.1)[1]]
