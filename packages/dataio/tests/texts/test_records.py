"""Documents that are records of a file, held against json, gzip and pyarrow."""

import gzip
import json
import sys
from pathlib import Path

import pytest

import dataio


def write_jsonl(path: Path, records: list[object]) -> Path:
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


TEXTS = ["first", "naïve 日本\n", "", "third \U0001f600"]


BAD_LINES = {
    "broken": (
        '{"text": "a"',
        r"wanted a JSON object, got .* in line 3 of .* \(Expecting .* at character 13.; repair",
    ),
    "no object": ("[1]", r"wanted a JSON object, got '\[1\]' in line 3 of .*a.jsonl; write one"),
    "missing": (
        '{"body": 1}',
        r"wanted field 'text', got fields \['body'\] in line 3 of .*a.jsonl; give it by .*--field",
    ),
    "no text": (
        '{"text": null}',
        r"wanted text in field 'text', got NoneType in line 3 of .*a.jsonl; give one .*--field",
    ),
    "half a pair": ('{"text": "\\ud800"}', r"wanted text that UTF-8 can hold .* in line 3 of .*a.jsonl; repair"),
    "latin1": ("é", r"wanted UTF-8, got byte 0xe9 in line 3 of .*a.jsonl; convert"),
}


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz"])
def test_json_lines_give_a_document_a_record_under_its_line(tmp_path, name):
    path = write_jsonl(tmp_path / name, [{"text": text, "id": 7} for text in TEXTS])
    stream = dataio.stream_text(path)
    expected = [dataio.Document(f"{name}:{n}", text) for n, text in enumerate(TEXTS, start=1) if text]
    assert list(stream) == expected
    assert list(stream) == expected  # again
    write_jsonl(path, [{"body": "other"}])
    assert [d.text for d in dataio.stream_text(path, field="body")] == ["other"]


@pytest.mark.parametrize(("line", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_with_its_file(tmp_path, line, message):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "fine"}\n\n' + line.encode("latin-1") + b"\n")
    documents = iter(dataio.stream_text(tmp_path / "a.jsonl"))
    assert next(documents).text == "fine"
    with pytest.raises(ValueError, match=message):
        next(documents)


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow", reason="needs the extra dataio[hub]")


def write_parquet(path, columns, **options):
    pytest.importorskip("pyarrow.parquet").write_table(pytest.importorskip("pyarrow").table(columns), path, **options)
    return path


@pytest.mark.extras
@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_parquet_gives_a_document_a_row_across_row_groups(tmp_path, arrow, kind):
    texts = [f"text {n % 7} 日本" if n % 50 else "" for n in range(1000)]
    column = arrow.array(texts)
    column = column.dictionary_encode() if kind == "dictionary" else column.cast(getattr(arrow, kind)())
    path = write_parquet(tmp_path / "a.parquet", {"id": range(1000), "text": column}, row_group_size=130)
    expected = [dataio.Document(f"a.parquet:{n}", text) for n, text in enumerate(texts) if text]
    assert list(dataio.stream_text(path)) == expected
    assert list(dataio.stream_text(tmp_path)) == expected


@pytest.mark.extras
@pytest.mark.parametrize("row_group_size", [500, 30_000])
def test_memory_stays_flat_whatever_the_size_of_a_row_group(tmp_path, arrow, row_group_size):
    texts = [f"{n} ".ljust(2000, "x") for n in range(30_000)]  # 60 MB
    path = write_parquet(
        tmp_path / "a.parquet", {"text": texts}, row_group_size=row_group_size, use_dictionary=False, compression="none"
    )
    del texts
    before, most = arrow.total_allocated_bytes(), 0
    for document in dataio.stream_text(path):
        assert len(document.text) == 2000
        most = max(most, arrow.total_allocated_bytes())
    assert most - before < 10_000_000


@pytest.mark.extras
def test_bad_parquet_is_refused(tmp_path, monkeypatch):
    path = write_parquet(
        tmp_path / "a.parquet", {"text": ["one", None, "three"], "number": [1, 2, 3], "list": [["a"]] * 3}
    )
    with pytest.raises(
        ValueError, match=r"wanted column 'body' in .*a.parquet, got columns \['text', 'number', 'list'"
    ):
        list(dataio.stream_text(path, field="body"))
    for field, kind in (("number", "int64"), ("list", "list")):
        with pytest.raises(
            ValueError, match=rf"wanted text in column '{field}' of .*a.parquet, got {kind}.*give one of .*--field"
        ):
            list(dataio.stream_text(path, field=field))
    with pytest.raises(ValueError, match=r"wanted text in column 'text', row 1 of .*a.parquet, got null; leave out"):
        list(dataio.stream_text(path))
    whole = write_parquet(tmp_path / "b.parquet", {"text": [f"text {n}" for n in range(5000)]}, row_group_size=500)
    data = whole.read_bytes()
    for broken in (data[: len(data) // 2], b"PAR1", b"", data[:100] + bytes(3000) + data[3100:]):
        whole.write_bytes(broken)
        with pytest.raises(
            ValueError, match=r"wanted a whole Parquet file, but .*b.parquet .* it was cut short or chan"
        ):
            list(dataio.stream_text(whole))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"wanted pyarrow, but it cannot be .*; install the extra: dataio\[hub\]"):
        list(dataio.stream_text(path))


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("dataio.texts.records.LONGEST", 1000)
    path = tmp_path / f"a.{suffix}"
    content = b'{"text": "a"}\n{"text": "' + b"x" * 10**6
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(
        ValueError, match=rf"wanted lines of at most 1,000 bytes, got more in line 2 of .*{suffix}; cut"
    ):
        list(dataio.stream_text(path))
