"""Names of models: said, or those of their folders."""

import pytest

from serving.commands.sources import name_of, named_adapters, named_sources


@pytest.mark.parametrize(
    ("place", "name"),
    [("small", "small"), ("runs/001", "001"), ("runs/001/model", "001"), ("runs/001/checkpoints/step-000200", "001")],
)
def test_a_model_is_called_as_its_run_or_folder(tmp_path, place, name):
    (tmp_path / place).mkdir(parents=True)
    assert name_of(str(tmp_path / place)) == name
    assert named_sources(f"{tmp_path / place}/", []) == {name: f"{tmp_path / place}/"}


def test_a_link_is_called_as_it_was_written(tmp_path, monkeypatch):
    (tmp_path / "runs/001/model").mkdir(parents=True)
    (tmp_path / "RUN").symlink_to(tmp_path / "runs/001")
    monkeypatch.chdir(tmp_path)
    assert [name_of(place) for place in ("RUN", "RUN/model", "runs/../runs/001")] == ["RUN", "RUN", "001"]


def test_a_file_is_called_without_its_suffix_and_a_name_on_the_hub_as_it_is(tmp_path):
    (tmp_path / "ckpt.pt").touch()
    assert name_of(str(tmp_path / "ckpt.pt")) == "ckpt"
    assert name_of("openai-community/gpt2") == "openai-community/gpt2"


def test_several_models_have_names(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert named_sources("a", ["b=c", "d=~/e=f"]) == {"a": "a", "b": "c", "d": "/home/me/e=f"}


@pytest.mark.parametrize("named", ["b", "=c", "b=", ""])
def test_another_form_is_refused(named):
    with pytest.raises(ValueError, match="--model: wanted NAME=SOURCE, got"):
        named_sources(None, [named])


def test_no_model_and_one_name_for_two_are_refused():
    with pytest.raises(ValueError, match="wanted a model to serve, got none"):
        named_sources(None, [])
    with pytest.raises(ValueError, match="got 'a' twice"):
        named_sources("a", ["a=b"])


def test_adapters_have_names_of_their_own_and_folders_that_exist(tmp_path):
    assert named_adapters([f"a={tmp_path}", f"b={tmp_path}"], ["small"]) == {"a": str(tmp_path), "b": str(tmp_path)}
    for named, words in (
        (["a"], "--adapter: wanted NAME=DIR, got 'a'"),
        ([f"small={tmp_path}"], "--adapter: wanted a name for each adapter, got 'small' twice"),
        ([f"a={tmp_path}", f"a={tmp_path}"], "got 'a' twice"),
        ([f"a={tmp_path}/none"], "--adapter a: wanted the folder of an adapter, got .*none"),
    ):
        with pytest.raises(ValueError, match=words):
            named_adapters(named, ["small"])
