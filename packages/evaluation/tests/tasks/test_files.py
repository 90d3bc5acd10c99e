"""Lines of a task come from a file, or by name from the hub."""

import re

import pytest

from evaluation import BLIMP, CHOICE, HELLASWAG, LAMBADA, Choice, Cloze, read_items
from evaluation.tasks import files

SWAG = {
    "activity_label": "Cooking", "ctx_a": "A man cooks [step] eggs.", "ctx_b": "he", "ctx": "unused",
    "endings": ["eats [title] them.", "flies  away."], "label": "0", "ind": 4,
}  # fmt: skip
QUESTION = Choice("Cooking: A man cooks eggs. He", (" eats. them.", " flies away."), 0)


class Hub:
    """Stands for huggingface_hub: the same call, the file written here where the hub has it."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def snapshot_download(self, repo_id, *, repo_type, revision, allow_patterns):
        import pyarrow
        import pyarrow.parquet

        self.asked.append((repo_id, *allow_patterns, repo_type, revision))
        if repo_id == HELLASWAG.repository:
            path = self.folder / allow_patterns[0]
            path.parent.mkdir(parents=True)
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist([SWAG] * 2), path)
        return str(self.folder)


@pytest.mark.extras
def test_published_data_come_by_name(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="needs the extra hub")
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    hub = Hub(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    path = files.download(HELLASWAG.repository, HELLASWAG.configuration, HELLASWAG.split)
    assert hub.asked == [("Rowan/hellaswag", "default/validation/0000.parquet", "dataset", "refs/convert/parquet")]
    assert read_items(HELLASWAG, path) == [QUESTION] * 2
    with pytest.raises(OSError, match=r"wanted a/b \(c, d\) from the hub, got no such part; see the data set's page"):
        files.download("a/b", "c", "d")


@pytest.mark.extras
def test_a_hub_out_of_reach_is_named(monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs the extra hub")

    def unreachable(*arguments, **options):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(OSError, match=r"wanted a/b \(c, d\) from the hub, got ConnectionError: no route; go online"):
        files.download("a/b", "c", "d")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"wanted huggingface_hub, .* install the extra: evaluation\[hub\]"):
        files.download("a/b", "c", "d")


def test_a_line_is_named_by_its_number_in_the_file(tmp_path):
    """Empty lines count, a separator within a text ends no line, and lines beyond the limit are not read."""
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "the\u2028 cat"}\n\n{"text": "word"}\n', encoding="utf-8")
    assert read_items(LAMBADA, path, limit=1) == [Cloze("the\u2028", " cat")]
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 3: wanted a passage of at least two words")):
        read_items(LAMBADA, path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", r"wanted a JSON object, got '{' in line 1 of .*data\.jsonl \(.*\); repair the line"),
        ("[1]", r"wanted a JSON object, got '\[1\]' in line 1 of .*; write one object a line"),
        ("", "wanted at least one line of blimp in .*, got none"),
    ],
)
def test_lines_that_are_no_objects_are_refused(line, words, tmp_path):
    (tmp_path / "data.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        read_items(BLIMP, tmp_path / "data.jsonl")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(OSError, match=r"wanted a file of questions, got .*; check the path"):
        read_items(CHOICE, tmp_path / "none.jsonl")
    (tmp_path / "data.jsonl").write_bytes(b"ab\xff")
    with pytest.raises(ValueError, match=r"wanted UTF-8, got byte 0xff in line 1 of .*; convert the file"):
        read_items(CHOICE, tmp_path / "data.jsonl")
