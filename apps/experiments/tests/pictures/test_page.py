"""The page: one file, nothing to load, every run in it, and names that are no markup."""

import json
import re

from experiments import read_results
from experiments.pictures.page import write_page


def test_the_page_holds_every_run_and_loads_nothing(swept, tmp_path):
    results = read_results(swept)
    page = write_page(results, tmp_path / "page.html", "a </script> plan").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert len(data["runs"]) == len(results) == 6
    by_key = {(one["recipe"], one["text"], one["seed"]): one for one in data["runs"]}
    for one in results:
        assert by_key[one.key]["curve"] == [[cpu, bits] for _, cpu, bits in one.curve]
        assert [step for step, _, _ in one.curve] == [3, 6]
    assert data["differs"]["decay"] == {"weight_decay": [0.1, 0.5]}
    assert data["differs"]["base"] == {}
    addresses = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert addresses == []
    assert "a &lt;/script&gt; plan" in page
    rows = re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL)
    assert len(rows) == 3
    for row in rows:  # a narrow screen shows a row as a list: each cell says what it is
        assert row.count("<td") == row.count("data-name=") == 8
