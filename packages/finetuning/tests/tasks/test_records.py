"""Any number of tasks, the same for the same seed."""

import pytest

from finetuning import TaskNames, read_records, task_records


def test_a_name_in_the_place_of_a_file_gives_that_many_tasks():
    records = [record for _, record in read_records("tasks:reverse,sort:101:3")]
    assert records == [record for _, record in task_records(TaskNames(("reverse", "sort"), 101, 3))]
    assert [record["task"] for record in records] == ["reverse", "sort"] * 50 + ["reverse"]
    assert len(list(read_records("tasks:copy"))) == 2000


def test_a_kind_draws_the_same_whatever_stands_beside_it():
    def prompts(text):
        return [record["prompt"] for _, record in read_records(text) if record["task"] == "sort"]

    assert prompts("tasks:reverse,sort:100") == prompts("tasks:sort:50")
    assert prompts("tasks:sort:50") == prompts("tasks:sort:80")[:50]
    assert not set(prompts("tasks:sort:50")) & set(prompts("tasks:sort:50:1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks:", r"wanted some of copy, reverse, .*, got ''"),
        ("tasks:reverse,srot", "got 'srot'"),
        ("tasks:sort:many", "wanted tasks:KIND,KIND:COUNT:SEED"),
        ("tasks:sort:-1", "wanted tasks:KIND,KIND:COUNT:SEED"),
        ("tasks:sort:1:2:3", "wanted tasks:KIND,KIND:COUNT:SEED"),
        ("tasks:sort:0", "wanted at least one task, got 0"),
        ("tasks:convert:5000", "wanted 5000 different tasks, got .* hardly more of convert"),
    ],
)
def test_other_names_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        list(read_records(text))
