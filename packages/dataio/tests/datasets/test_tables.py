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
