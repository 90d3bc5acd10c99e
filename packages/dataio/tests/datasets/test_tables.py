import pytest
import torch

import dataio

BAD_TABLES = {
    "missing": (None, FileNotFoundError, "wanted a CSV file, but .* does not exist"),
    "empty": ("", ValueError, "wanted a header line and at least one row .*got 0 line"),
    "header only": ("a,y\n", ValueError, "got 1 line"),
    "no such column": ("a,b\n1,2\n", ValueError, r"wanted one column 'y' .*got columns \['a', 'b'\]; pass"),
    "ragged": ("a,y\n1,2\n1,2,3\n", ValueError, "wanted 2 cells in line 3 .*got 3; repair"),
    "text": ("a,y\n1,2\nx,3\n", ValueError, "wanted a finite number in column 'a', line 3 .*got 'x'; fill"),
    "nan": ("a,y\nnan,2\n", ValueError, "wanted a finite number in column 'a', line 2 .*got 'nan'"),
    "too large": ("a,y\n1,2\n1e300,2\n", ValueError, "wanted a number of float32, at most 3.402823e.38, in .*line 3"),
    "too small": ("a,y\n-3.5e38,2\n", ValueError, "wanted a number of float32, .* got '-3.5e38'; write the column"),
    "infinite": ("a,y\n1e400,2\n", ValueError, "wanted a finite number in column 'a', line 2"),
    "Python's": ("a,y\n1_000,2\n", ValueError, "wanted a finite number in column 'a', line 2 .*got '1_000'"),
    "after empty lines": ("a,y\n\n\n1,2\nx,3\n", ValueError, "in column 'a', line 5 "),
    "after a cell of two lines": ('a,y\n1,"2\n"\nx,3\n', ValueError, "in column 'a', line 4 "),
    "endless": ("a,y\n1," + "2" * 200_000, ValueError, r"wanted cells in line \d .*field larger than field limit"),
    "hole": ("a,y\n,2\n", ValueError, "got ''; fill it in"),
}


def test_tables_hold_numbers_and_classes(tmp_path):
    (tmp_path / "irises.csv").write_text('length,kind,width\n1.5,"rose, wild",2\n\n-3e1,aster,4\n')
    table = dataio.read_table(tmp_path / "irises.csv", "kind")
    assert table.feature_names == ("length", "width")
    assert table.classes == ("aster", "rose, wild")
    features, labels = table.fetch([0, 1])
    assert features.tolist() == [[1.5, 2.0], [-30.0, 4.0]]
    assert features.dtype == torch.float32
    assert labels.tolist() == [1, 0]
    (tmp_path / "prices.csv").write_text("a;price\n1;2.5\n")
    prices = dataio.read_table(tmp_path / "prices.csv", "price", numeric_target=True, delimiter=";")
    assert [value.tolist() for value in prices[0]] == [[1.0], 2.5]
    assert prices.classes is None


@pytest.mark.parametrize(("content", "kind", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables_are_refused(tmp_path, content, kind, message):
    if content is not None:
        (tmp_path / "table.csv").write_text(content)
    with pytest.raises(kind, match=message):
        dataio.read_table(tmp_path / "table.csv", "y")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_spreadsheets_are_read(tmp_path, end):
    (tmp_path / "table.csv").write_bytes(end.join(["\ufeffspecies,a", "x\u2028y,1", "", "z,3.4e38", ""]).encode())
    table = dataio.read_table(tmp_path / "table.csv", "species")
    assert table.classes == ("x\u2028y", "z")
    assert table.feature_names == ("a",)
    assert table.fetch([1])[0].item() == pytest.approx(3.4e38)


def test_a_target_that_float32_cannot_hold_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("a,y\n1,2\n1,-1e39\n")
    with pytest.raises(ValueError, match=r"wanted a number of float32, .*column 'y', line 3"):
        dataio.read_table(tmp_path / "table.csv", "y", numeric_target=True)


@pytest.mark.parametrize(("content", "message"), [(b"a,y\n\xe9,2\n", "0xe9 at offset 4"), (b"\xff\xfea", "UTF-16")])
def test_other_encodings_are_named(tmp_path, content, message):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"wanted UTF-8 text, but .*{message}"):
        dataio.read_table(tmp_path / "table.csv", "y")


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", '"'])
def test_a_delimiter_is_one_character(tmp_path, delimiter):
    (tmp_path / "table.csv").write_text("a,y\n1,2\n")
    with pytest.raises(ValueError, match="wanted one character between cells"):
        dataio.read_table(tmp_path / "table.csv", "y", delimiter=delimiter)
