import pytest

import dataio
import dataio.texts.corpora


def test_embedded_text_holds_prose_and_code_in_a_fixed_order():
    corpus = dataio.embedded_text()
    names = [document.name for document in corpus.documents]
    assert corpus == dataio.embedded_text()
    assert len(set(names)) == len(names)
    assert "topics/lambda" in names
    assert "json/decoder.py" in names
    assert not any("/tests/" in name or name.startswith("_") for name in names)
    assert 4_000_000 < corpus.n_bytes < 8_000_000
    assert corpus.n_bytes == sum(len(document.text.encode("utf-8")) for document in corpus.documents)


def test_embedded_text_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(dataio.texts.corpora.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"lacks Python sources in .*read text of your own"):
        dataio.embedded_text()


def test_fingerprint_depends_on_names_texts_and_order_but_not_on_the_corpus_name():
    first, second = dataio.Document("a", "x"), dataio.Document("b", "y")
    corpus = dataio.Corpus("c", (first, second))
    assert corpus.fingerprint == dataio.Corpus("other", (first, second)).fingerprint
    others = [
        (second, first),
        (first,),
        (dataio.Document("a", "xb"), dataio.Document("", "y")),
        (first, dataio.Document("b", "Y")),
    ]
    prints = {dataio.Corpus("c", documents).fingerprint for documents in others}
    assert len(prints | {corpus.fingerprint}) == 5


def test_file_folder_and_pattern_read_the_same_bytes(tmp_path):
    folder = tmp_path / "books" / "deep"
    folder.mkdir(parents=True)
    (folder.parent / "one.txt").write_bytes("naïve\r\n".encode())
    (folder / "two.md").write_bytes(b"second")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "picture.png").write_bytes(b"\0\1")
    (folder / ".hidden.txt").write_bytes(b"no")
    whole = dataio.read_text(tmp_path / "books")
    assert whole.documents == (dataio.Document("deep/two.md", "second"), dataio.Document("one.txt", "naïve\r\n"))
    assert dataio.read_text(f"{tmp_path}/books/**/*.[tm][xd]*").documents == whole.documents
    assert dataio.read_text(str(folder / "two.md")).documents == (dataio.Document("two.md", "second"),)
    assert whole.n_bytes == len("naïve\r\nsecond".encode())
