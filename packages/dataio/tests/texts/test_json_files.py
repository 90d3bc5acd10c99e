"""`.json` files of records are read as records, others as text, and that is said."""

import gzip
import json

import pytest
from hypothesis import given, strategies as st

import dataio
from dataio.texts import json_files
from dataio.texts.streams import is_record_file

RECORDS = [{"id": 1, "text": "one é 日"}, {"id": 2, "text": 'two "]",{\u2028'}, {"text": ""}, {"text": "three"}]
TEXTS = [record["text"] for record in RECORDS if record["text"]]
FORMS = {
    "list": json.dumps(RECORDS),
    "list over lines": json.dumps(RECORDS, indent=2, ensure_ascii=False),
    "lines": "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS),
    "one line": json.dumps(RECORDS[0]),
}


@pytest.mark.parametrize("suffix", ["json", "JSON", "json.gz"])
@pytest.mark.parametrize("form", FORMS)
def test_records_are_read_as_records(tmp_path, form, suffix, caplog):
    path = tmp_path / f"a.{suffix}"
    content = FORMS[form].encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    found = list(dataio.stream_text(tmp_path))
    assert [document.text for document in found] == (TEXTS[:1] if form == "one line" else TEXTS)
    assert found[0].name == f"a.{suffix}:1"
    assert is_record_file(path)
    assert caplog.text == ""


@pytest.mark.parametrize("content", ['{\n "text": "a"\n}', "[1, 2]", '{"name": "x"}', "[", "", '["text"]', "[" * 10**5])
def test_other_json_is_text_and_that_is_said(tmp_path, content, caplog):
    (tmp_path / "a.json").write_text(content or " ")
    assert [document.text for document in dataio.stream_text(tmp_path)] == [content or " "]
    assert "1 JSON file without records that have a field 'text'" in caplog.text
    assert "read as plain text, braces and all" in caplog.text


def test_the_fields_that_there_are_are_said(tmp_path, caplog):
    (tmp_path / "a.json").write_text('[{"body": "x", "id": 1, "title": "y"}]')
    assert len(list(dataio.stream_text(tmp_path))) == 1
    assert "its records have the fields ['body', 'title']: give one" in caplog.text
    caplog.clear()
    assert [document.text for document in dataio.stream_text(tmp_path, field="body")] == ["x"]
    assert caplog.text == ""


@given(st.lists(st.dictionaries(st.text('ab\\"]}[{,: é'), st.text() | st.integers() | st.lists(st.integers()))))
def test_a_list_is_read_block_by_block_as_json_reads_it(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(values, ensure_ascii=False), "utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_files, "BLOCK", 3)
        try:
            expected = json.loads(path.read_text("utf-8"))
        except UnicodeDecodeError:
            return
        assert list(json_files._elements(path)) == expected


BROKEN = {
    "cut": '[{"text": "a"}, {"text": "b"',
    "no comma": '[{"text": "a"} {"text": "b"}]',
    "no end": '[{"text": "a"}',
    "no object": '[{"text": "a"}, 3]',
    "no text": '[{"text": "a"}, {"text": 3}]',
    "deep": '[{"text": "a"}, ' + "[" * 10**5,
    "digits": '[{"text": "a"}, ' + "1" * 10**4 + "]",
    "no UTF-8": b'[{"text": "a"}, {"text": "\xff"}]',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_list_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"^wanted .*a\.json.*; \w"):
        list(dataio.stream_text(tmp_path))
