"""What a page is made of, and what is refused, without a browser."""

import json
import re
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gpt2
from interpretability import write_page
from interpretability.commands.main import main
from interpretability.page.document import document, embedded_json
from interpretability.page.first_text import beginning, other_ids
from interpretability.page.packing import packed_int8, packed_states, rounded
from interpretability.page.runs import chosen
from interpretability.page.write import check_size

TEXT = "the cat sat on the mat </script> and there it sat\u2028 all day long" * 20


def saved(folder: Path, special: tuple[str, ...] = (), **changes: Any) -> Path:
    tokenizer = gpt2.Tokenizer.train([TEXT], 300, special=special, **changes)
    config = gpt2.GPT2Config(n_vocab=tokenizer.n_vocab, n_ctx=16, n_embd=8, n_head=2, n_layer=1)
    gpt2.save(folder, gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)), tokenizer)
    return folder


def facts_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_nothing_in_the_data_ends_its_script(tmp_path: Path) -> None:
    model = saved(tmp_path / "model", special=("</script><script>alert(1)</script>", "<!--\u2028"))
    written = write_page(model, tmp_path / "page.html", text="a</script>\u2029<!-- b")
    html = written.path.read_text("utf-8")
    assert html.count("<script") == html.count("</script>") == 4
    assert "\u2028" not in html
    assert "\u2029" not in html
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html
    found = facts_of(html)
    assert found["text"] == "a</script>\u2029<!-- b"
    assert found["special"][1:] == ["</script><script>alert(1)</script>", "<!--\u2028"]
    assert written.n_bytes == len(html.encode())


def test_json_survives_its_escapes() -> None:
    content = {"a": "</script>", "b": "\u2028\u2029 & <!--", "c": "\ud800 ü 世"}
    written = embedded_json(content)
    assert not re.search("[<>&\u2028\u2029\ud800]", written)
    assert json.loads(written) == content


def test_a_title_is_text() -> None:
    assert "<title>&#60;b&#62; &#38; &#34;</title>" in document('<b> & "', {}, {})


def test_int8_is_what_rounded_says() -> None:
    generator = torch.Generator().manual_seed(0)
    state = {
        "a": torch.randn(5, 7, generator=generator),
        "b": torch.randn(3, generator=generator),
        "z": torch.zeros(2, 3),
    }
    content = zlib.decompress(packed_int8(state))
    whole, scales = np.frombuffer(content[:41], np.int8), np.frombuffer(content[41:69], "<f4")
    theirs = rounded(state, "int8")
    np.testing.assert_array_equal(whole[:35].reshape(5, 7) * scales[:5, None], theirs["a"].numpy())
    assert (theirs["a"] - state["a"]).abs().max() <= state["a"].abs().max() / 254
    np.testing.assert_array_equal(np.frombuffer(content[69:], "<f4"), state["b"].numpy())
    assert np.isfinite(scales).all()


def test_states_are_the_sums_of_what_changed() -> None:
    generator = torch.Generator().manual_seed(0)
    states = [{"a": torch.randn(4, 6, generator=generator), "b": torch.ones(2)} for _ in range(3)]
    scales, written = packed_states(states)
    grid = np.frombuffer(zlib.decompress(scales), "<f4")[:, None]
    whole = np.zeros(24, dtype=np.uint8)
    for state, content in zip(states, written, strict=True):
        whole = whole + np.frombuffer(zlib.decompress(content)[:24], np.uint8)
        found = whole.view(np.int8).reshape(4, 6) * grid
        assert np.all(np.abs(found - state["a"].numpy()) <= grid * 0.501)


@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 9, 10, 14])
def test_checkpoints_are_chosen_evenly_in_the_logarithm(wanted: int) -> None:
    steps = [10 * number for number in range(1, 15)]
    found = chosen(steps, wanted)
    assert len(found) == wanted
    assert found == sorted(set(found))
    assert set(found) <= set(steps)
    assert found[0] == 10
    if wanted > 1:
        assert found[-1] == 140
    assert chosen([10, 20, 40, 80, 160], 3) == [10, 40, 160]
    assert chosen(steps, None) == steps


def test_the_other_text_is_another_one_as_long_as_it_may_be(tmp_path: Path) -> None:
    model, tokenizer = gpt2.load(saved(tmp_path / "model"))
    shown, other = "the cat sat", "on the mat and there it sat all day long, " * 9
    found = other_ids(model, tokenizer, ["so the  cat\nsat.", "short", other, "never read " * 99], shown)
    assert found == [tokenizer.end_of_text, *tokenizer.encode(other)][: model.n_ctx]
    own = other_ids(model, tokenizer, ["so the cat sat " * 9], shown)
    assert own[0] == tokenizer.end_of_text
    assert 1 < len(own) <= model.n_ctx


def test_a_passage_ends_with_a_sentence() -> None:
    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    text = "This is a sentence of some length. Here is another one. And a third one that is longer."
    assert beginning(text, tokenizer, 60) == "This is a sentence of some length. Here is another one."
    assert beginning("def f(x): return {x: [1, 2, 3]} # " * 3 + ".", tokenizer, 200) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"checkpoints": 3, "required": True}, "wanted a run with checkpoints"),
        ({"text": "a b c d e f g h i j k l m n o p q r"}, "wanted 1 to 15 tokens"),
        ({"text": ""}, "wanted 1 to 15 tokens"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        write_page(saved(tmp_path / "model"), tmp_path / "page.html", **changes)
    assert not (tmp_path / "page.html").exists()


def test_a_pattern_of_its_own_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"wanted GPT-2's pattern.*\\S\+"):
        write_page(saved(tmp_path / "model", pattern=r"\S+|\s+"), tmp_path / "page.html")


def test_weights_beyond_16_bits_are_refused_by_name(tmp_path: Path) -> None:
    model, tokenizer = gpt2.load(saved(tmp_path / "model"))
    with torch.no_grad():
        model.decoder.blocks[0].feed_forward.up.weight[0, 0] = 1e6
    gpt2.save(tmp_path / "loud", model, tokenizer)
    with pytest.raises(ValueError, match=r"feed_forward\.up\.weight: wanted weights up to 65504.*--int8"):
        write_page(tmp_path / "loud", tmp_path / "page.html", text="the")
    write_page(tmp_path / "loud", tmp_path / "page.html", text="the", int8=True)


def test_a_page_of_124m_says_how_large_it_would_be() -> None:
    with pytest.raises(
        ValueError, match=r"got 124 million weights, which make about 332 MB \(166 MB with --int8.*train"
    ):
        check_size(gpt2.PUBLISHED["gpt2"].n_parameters, 0, False)


def test_a_model_that_int8_makes_small_enough_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"take --int8 and --checkpoints \d+$"):
        check_size(30_000_000, 10, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["page"], "RUN_OR_MODEL"),
        (["page", "MODEL", "--out", "page.pdf"], "--out: wanted a file .html"),
        (["page", "MODEL", "--checkpoints", "ten"], "--checkpoints: wanted all, or a whole number, got 'ten'"),
        (["page", "MODEL", "--checkpoints", "2"], "--checkpoints: wanted a run with checkpoints"),
        (["page", "nowhere/at/all", "--out", "page.html"], "nowhere/at/all: wanted a model folder"),
    ],
)
def test_the_command_refuses_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "MODEL")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_the_command_says_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "runs" / "first" / "model")
    assert main(["page", "runs/first/model", "--out", "new/page.html", "--int8"]) == 0
    assert "new/page.html: 0." in capsys.readouterr().out
    html = (tmp_path / "new" / "page.html").read_text("utf-8")
    assert "<title>Inside first</title>" in html
    assert facts_of(html)["kind"] == "int8"
    assert b64decode(html.split('id="weights">')[1].split("<")[0])
