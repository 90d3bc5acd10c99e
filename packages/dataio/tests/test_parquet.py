"""Parquet files, written here by pyarrow itself."""

import sys

import pytest

import dataio

arrow = pytest.importorskip("pyarrow", reason="needs the extra dataio[hub]")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path, columns, **options):
    parquet.write_table(arrow.table(columns), path, **options)
    return path


@pytest.mark.parametrize(
    "kind", [arrow.string(), arrow.large_string(), arrow.dictionary(arrow.int32(), arrow.string())]
)
def test_parquet_gives_a_document_a_row_across_row_groups(tmp_path, kind):
    texts = [f"text {n % 7} 日本" if n % 50 else "" for n in range(1000)]
    path = write(tmp_path / "a.parquet", {"id": range(1000), "text": arrow.array(texts).cast(kind)}, row_group_size=130)
    expected = [dataio.Document(f"a.parquet:{n}", text) for n, text in enumerate(texts) if text]
    assert list(dataio.stream_text(path)) == expected
    assert list(dataio.stream_text(tmp_path)) == expected


@pytest.mark.parametrize("row_group_size", [500, 30_000])
def test_memory_stays_flat_whatever_the_size_of_a_row_group(tmp_path, row_group_size):
    texts = [f"{n} ".ljust(2000, "x") for n in range(30_000)]  # 60 MB
    path = write(
        tmp_path / "a.parquet", {"text": texts}, row_group_size=row_group_size, use_dictionary=False, compression="none"
    )
    del texts
    before, most = arrow.total_allocated_bytes(), 0
    for document in dataio.stream_text(path):
        assert len(document.text) == 2000
        most = max(most, arrow.total_allocated_bytes())
    assert most - before < 10_000_000


def test_bad_parquet_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", {"text": ["one", None, "three"], "number": [1, 2, 3], "list": [["a"]] * 3})
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
    whole = write(tmp_path / "b.parquet", {"text": [f"text {n}" for n in range(5000)]}, row_group_size=500)
    data = whole.read_bytes()
    for broken in (data[: len(data) // 2], b"PAR1", b"", data[:100] + bytes(3000) + data[3100:]):
        whole.write_bytes(broken)
        with pytest.raises(
            ValueError, match=r"wanted a whole Parquet file, but .*b.parquet .* it was cut short or chan"
        ):
            list(dataio.stream_text(whole))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"wanted pyarrow, but it is not installed; install the extra: dataio\[hub\]"):
        list(dataio.stream_text(path))
