"""The page in a browser without a network, held to Python: ids, logits, maps, attributions, draws, switches, time."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch

import decoding
import gpt2
from interpretability import editing, tracing, write_page
from interpretability.page.packing import GRID, rounded

TEXT = (
    "The cat sat on the mat, and the other cat's hat sat there too. It'll say: 12 cats, 3 hats!\n\n  Café 世界 🙂\n"
    * 40
)
TYPED = "The other cat sat on the hat, and it'll say 12 more."


def made(seed: int = 0, **changes: Any) -> tuple[gpt2.GPT2, gpt2.Tokenizer]:
    """A model with weights large enough that its parts do something."""
    special = changes.pop("special", ())
    tokenizer = gpt2.Tokenizer.train([TEXT], 320, special=special)
    if changes.pop("always", False):
        tokenizer = gpt2.Tokenizer(tokenizer.ranks, special=special, always=special)
    shape = {"n_vocab": tokenizer.n_vocab, "n_ctx": 48, "n_embd": 24, "n_head": 3, "n_layer": 2} | changes
    model = gpt2.GPT2(gpt2.GPT2Config(**shape), generator=torch.Generator().manual_seed(seed)).eval()
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise * (0.2 if parameter.ndim == 2 else 0.1)) if "position" not in name else None
    return model, tokenizer


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with two checkpoints, and a last one that is the model."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    model, tokenizer = made()
    gpt2.save(folder / "model", model, tokenizer)
    for number, step in enumerate((10, 20, 40)):
        gpt2.save(folder / "checkpoints" / f"step-{step:06}", made(seed=0 if step == 40 else 5 + number)[0], tokenizer)
    (folder / "run.json").write_text(json.dumps({"format": 1, "recipe": {"steps": 40, "held_out": 0.05}, "text": None}))
    lines = [{"step": step, "loss": 6.0 - step / 20} for step in range(10, 41, 10)] + [
        {"step": 40, "validation_loss": 4.5}
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def chromium() -> str | None:
    """The program of a Chrome, Chromium or Edge on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome")
    places = [
        *filter(None, map(shutil.which, names)),
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ]
    return next((place for place in [os.environ.get("CHROME", ""), *places] if Path(place).is_file()), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the session `page` of nox brings playwright")
    program = chromium()
    if program is None:
        pytest.skip("found no Chrome, Chromium or Edge on the path, nor in CHROME")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def opened(browser: Any, path: Path, *, address: str = "", width: int = 1280, dark: bool = False) -> Iterator[Any]:
    """The page in a browser without a network; whatever it asks for or complains about fails the test."""
    context = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    context.set_default_timeout(120_000)
    context.set_offline(True)
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri() + address)
    page.wait_for_selector("html[data-ready]")
    try:
        yield page
        assert wrong == []
    finally:
        context.close()


@pytest.fixture(scope="session")
def written(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's page in 16 bits, with its checkpoints."""
    return write_page(run, tmp_path_factory.mktemp("pages") / "page.html", checkpoints=None, text=TYPED).path


@pytest.fixture(scope="session")
def page(browser: Any, written: Path) -> Iterator[Any]:
    with opened(browser, written) as shown:
        yield shown


PIECES = [
    *"aZ09 .,'\"<>&\\/-_\t\n\r\x0b\x0c\x1c\x1f\x7f\x85\xa0\u1680\u180e\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff",
    *"éß٣Ⅻ²½世界ไทยअन्तर्\u0301\u200d🙂👩‍🚀\U0001d518\U0001e900\U000323af\ud800\udfff\ue000\U0010ffff",
    *[
        "'s",
        "'ll",
        "'LL",
        " 's",
        "don't",
        "  ",
        "\n\n",
        " \n ",
        "</script>",
        "<!--",
        "<|endoftext|>",
        "<|pad|>",
        "cat",
        " sat",
    ],
]


def rounded_model(kind: str = "float16", **changes: Any) -> tuple[gpt2.GPT2, gpt2.Tokenizer]:
    """The model as a page of that kind holds it."""
    model, tokenizer = made(**changes)
    with torch.no_grad():
        for name, tensor in rounded(dict(model.named_parameters()), kind).items():
            model.get_parameter(name).copy_(tensor)
    return model, tokenizer


def ids_of(tokenizer: gpt2.Tokenizer, text: str = TYPED) -> list[int]:
    return [tokenizer.end_of_text, *tokenizer.encode(text)]


LOGITS = """() => { const { inside, state } = window.page, found = [];
    for (let place = 1; place <= inside.ids.length; place++) found.push([...inside.reading.logitsOf(place)]);
    return found; }"""


def test_ids_are_those_of_python_on_hostile_texts(browser: Any, tmp_path: Path) -> None:
    model, tokenizer = made(special=["<|pad|>", "</script><b>"], always=True)
    gpt2.save(tmp_path / "model", model, tokenizer)
    chance = random.Random(0)
    texts = ["".join(chance.choices(PIECES, k=chance.randint(1, 40))) for _ in range(1000)]
    texts += ["".join(map(chr, range(first, first + 64))) for first in (0, 0x80, 0x300, 0x1F600, 0x16D40, 0x1CCD6)]
    page = write_page(tmp_path / "model", tmp_path / "page.html", text="x").path
    with opened(browser, page) as shown:
        # Half surrogates do not survive the way to the browser: its strings go there as numbers.
        units = [list(memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")) for text in texts]
        asked = "units => units.map(one => [...window.page.inside.tokenizer.encode(String.fromCharCode(...one))])"
        found = shown.evaluate(asked, units)
        back = shown.evaluate("ids => ids.map(one => window.page.inside.tokenizer.decode(one))", found[:100])
    assert found == [tokenizer.encode(text) for text in texts]
    assert back == [tokenizer.decode(ids).removeprefix("\ufeff") for ids in found[:100]]


@pytest.mark.parametrize("activation", ["gelu_tanh", "gelu"])
@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_logits_and_maps_are_those_of_python(browser: Any, tmp_path: Path, activation: str, kind: str) -> None:
    # 96 wide, rows are cut in groups that share a scale; 18 wide they are not.
    width = 96 if kind == "int8" and activation == "gelu" else 18
    changes: dict[str, Any] = {"activation": activation, "n_vocab": 331, "n_embd": width, "n_layer": 3}
    gpt2.save(tmp_path / "model", *made(**changes))
    page = write_page(tmp_path / "model", tmp_path / "page.html", int8=kind == "int8", text=TYPED).path
    model, tokenizer = rounded_model(kind, **changes)
    exact = made(**changes)[0]
    ids = torch.tensor([ids_of(tokenizer)])
    inside = gpt2.look_inside(model, ids)
    with opened(browser, page) as shown:
        logits = torch.tensor(shown.evaluate(LOGITS))
        maps = shown.evaluate("() => window.page.inside.reading.maps.map(l => l.map(h => h.map(row => [...row])))")
    torch.testing.assert_close(logits, inside.logits[0].detach(), atol=2e-4 if width == 18 else 5e-3, rtol=0)
    if kind == "float16":
        assert (logits - exact(ids)[0].detach()).abs().max() < 0.01
    for layer, heads in enumerate(maps):
        for head, rows in enumerate(heads):
            for time, row in enumerate(rows):
                theirs = inside.maps[layer][0, head, time, : time + 1].tolist()
                assert row == pytest.approx(theirs, abs=1e-5 if width == 18 else 2e-4)


def test_typing_more_computes_only_what_is_new_and_the_same(page: Any) -> None:
    model, tokenizer = rounded_model()
    text = TYPED + " The cat"
    rows = page.evaluate(
        """text => { const p = window.page, typed = document.getElementById("typed"), rows = [];
        const read = p.Reading.prototype.rows;
        p.Reading.prototype.rows = function (from, count, off) {
            rows.push(count);
            return read.call(this, from, count, off);
        };
        typed.value = text;
        typed.dispatchEvent(new Event("input"));
        p.Reading.prototype.rows = read;
        return rows; }""",
        text,
    )
    assert sum(rows) <= 4
    with torch.no_grad():
        theirs = model(torch.tensor([ids_of(tokenizer, text)]))[0]
    torch.testing.assert_close(torch.tensor(page.evaluate(LOGITS)), theirs, atol=2e-4, rtol=0)
    page.evaluate("text => { window.page.state.text = text; window.page.changed(); }", TYPED)


def test_what_is_out_of_sight_is_drawn_when_it_comes_in_sight_or_typing_rests(browser: Any, written: Path) -> None:
    def shown(page: Any) -> list[str]:
        return [page.locator(f"#{name}").inner_text() for name in ("place-title", "odds")]

    with opened(browser, written) as page:
        before = shown(page)
        page.evaluate(
            """text => { const typed = document.getElementById("typed");
            window.setTimeout = () => 0; // typing never rests
            typed.value = text;
            typed.setSelectionRange(text.length, text.length);
            typed.dispatchEvent(new Event("input")); }""",
            TYPED + " The",
        )
        typed = shown(page)
        assert typed[0] != before[0]  # in sight
        assert typed[1] == before[1]
        page.evaluate("() => document.getElementById('odds').scrollIntoView()")
        page.wait_for_function("old => document.getElementById('odds').innerText !== old", arg=before[1])
    with opened(browser, written) as page:
        page.focus("#typed")
        page.keyboard.press("Control+End")
        page.keyboard.type(" The")
        page.wait_for_function("old => document.getElementById('odds').innerText !== old", arg=before[1])


def test_a_switch_computes_only_what_comes_after_it(page: Any) -> None:
    rows = page.evaluate(
        """() => { const p = window.page, own = new p.Reading(p.inside.model), found = [], rows = own.rows;
        own.rows = function (from, count, off, first = 0) {
            found.push([from, count, first]);
            return rows.call(this, from, count, off, first);
        };
        own.read(p.inside.ids);
        own.read(p.inside.ids, ["1.2"]);
        own.read([...p.inside.ids, 7], ["0.n3"]);
        own.read([...p.inside.ids, 7], ["0.n3"]);
        return found; }"""
    )
    length = page.evaluate("() => window.page.inside.ids.length")
    assert rows == [[0, length, 0], [0, length, 1], [0, length, 0], [length, 1, 0]]


def test_what_was_kept_of_another_text_or_of_other_switches_is_not_used(page: Any) -> None:
    found = page.evaluate(
        """() => { const p = window.page, ids = p.inside.ids, kept = new p.Reading(p.inside.model), pairs = [];
        for (const [text, off] of [[ids, []], [[...ids.slice(0, 2), 7, ...ids.slice(3)], []], [ids, ["0.ff"]]]) {
            const fresh = new p.Reading(p.inside.model);
            for (const reading of [kept, fresh]) reading.read(text, off);
            pairs.push([kept, fresh].map(one => [...one.surprise.slice(1, text.length)]));
            for (const place of [1, 2, 3, 4]) kept.logitsOf(place);
        }
        return pairs; }"""
    )
    ours, theirs = torch.tensor(found).unbind(dim=1)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_a_text_longer_than_the_context_is_read_at_its_end(page: Any) -> None:
    model, tokenizer = rounded_model()
    text = TYPED * 5
    page.evaluate("text => { window.page.state.text = text; window.page.changed(); }", text)
    ids, start = page.evaluate("[window.page.inside.ids, window.page.inside.from]")
    assert len(ids) <= model.n_ctx
    assert ids == ids_of(tokenizer, text)[start:]
    with torch.no_grad():
        torch.testing.assert_close(
            torch.tensor(page.evaluate(LOGITS)), model(torch.tensor([ids]))[0], atol=2e-4, rtol=0
        )
    page.evaluate("text => { window.page.state.text = text; window.page.changed(); }", TYPED)


def written_by_parts(model: gpt2.GPT2, ids: list[int], place: int, direction: torch.Tensor) -> dict[str, float]:
    """The same sum by hooks: every part's vector through the final norm, whose scale is frozen."""
    kept: dict[str, torch.Tensor] = {}
    handles = []

    def keep(key: str) -> Any:
        return lambda module, given, out: kept.__setitem__(key, given[0][0, place - 1])

    for number, block in enumerate(model.decoder.blocks):
        handles.append(block.attention.out.register_forward_hook(keep(f"{number}.heads")))
        handles.append(block.feed_forward.down.register_forward_hook(keep(f"{number}.hidden")))
    handles.append(model.final_norm.register_forward_hook(keep("end")))
    model(torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    scale = (kept["end"].var(unbiased=False) + model.config.layer_norm_epsilon).rsqrt()

    def through(part: torch.Tensor) -> float:
        return float((part - part.mean()) * scale * model.final_norm.weight @ direction)

    size = model.config.n_embd // model.config.n_head
    parts = {
        "embedding": through(model.token_embedding.weight[ids[place - 1]]),
        "position": through(model.position_embedding.weight[place - 1]),
        "biases": float(model.final_norm.bias @ direction),
    }
    for number, block in enumerate(model.decoder.blocks):
        for head in range(model.config.n_head):
            own = slice(head * size, (head + 1) * size)
            parts[f"{number}.{head}"] = through(block.attention.out.weight[:, own] @ kept[f"{number}.heads"][own])
        parts[f"{number}.ff"] = through(block.feed_forward.down.weight @ kept[f"{number}.hidden"])
        parts["biases"] += through(block.attention.out.bias) + through(block.feed_forward.down.bias)
    return parts


def test_who_wrote_a_logit_adds_up_and_is_what_python_says(page: Any) -> None:
    model, tokenizer = rounded_model()
    ids = ids_of(tokenizer)
    table = model.token_embedding.weight.detach()
    for place, target, against in ((3, ids[3], None), (len(ids), 300, 41)):
        found = page.evaluate(
            "([p, t, a]) => window.page.attribution(window.page.inside.reading, p, t, a)", [place, target, against]
        )
        direction = table[target] - (0 if against is None else table[against])
        theirs = written_by_parts(model, ids, place, direction)
        assert {part["name"]: part["value"] for part in found["parts"]} == pytest.approx(theirs, abs=1e-4)
        with torch.no_grad():
            logits = model(torch.tensor([ids]))[0, place - 1]
        assert found["total"] == pytest.approx(
            float(logits[target] - (0 if against is None else logits[against])), abs=1e-4
        )
        neurons = {one["name"]: one["value"] for one in found["neurons"]}
        assert abs(neurons[max(neurons, key=lambda name: abs(neurons[name]))]) > 0


def test_the_lens_ends_each_layer_early(page: Any) -> None:
    model, tokenizer = rounded_model()
    ids = ids_of(tokenizer)
    rows = page.evaluate("() => window.page.lens(window.page.inside.reading, 5, 40, 3)")
    states = gpt2.look_inside(model, torch.tensor([ids]), maps=False).states
    assert [row["name"] for row in rows[::2]] == ["embedding", "feed-forward 0", "feed-forward 1"]
    for row, state in zip(rows[::2], states, strict=True):
        normed = state if state is states[-1] else model.final_norm(state)
        p = model.token_embedding.logits(normed)[0, 4].softmax(dim=-1)
        assert [id for id, _ in row["top"]] == p.topk(3).indices.tolist()
        assert row["target"] == pytest.approx(float(p[40]), abs=1e-5)


@pytest.mark.parametrize("name", ["1.2", "0.ff", "1", "0.n17"])
def test_what_is_switched_off_writes_nothing(page: Any, name: str) -> None:
    model, tokenizer = rounded_model()
    layer, _, part = name.partition(".")
    block = model.decoder.blocks[int(layer)]
    size = model.config.n_embd // model.config.n_head
    with torch.no_grad():
        if part == "2":
            block.attention.out.weight[:, 2 * size : 3 * size] = 0
        elif part == "n17":
            block.feed_forward.down.weight[:, 17] = 0
        for module in (block.feed_forward.down, block.attention.out)[: {"ff": 1, "": 2}.get(part, 0)]:
            module.weight.zero_()
            module.bias.zero_()
        logits = model(torch.tensor([ids_of(tokenizer)]))[0]
    page.evaluate("name => window.page.flip(name)", name)
    ours = torch.tensor(page.evaluate(LOGITS))
    effect = page.inner_text("#effect")
    page.evaluate("name => window.page.flip(name)", name)
    torch.testing.assert_close(ours, logits, atol=2e-4, rtol=0)
    assert "loss of the text" in effect


@pytest.mark.parametrize("name", ["1.2", "0.ff", "1", "0.n17"])
@pytest.mark.parametrize("how", ["mean", "resample"])
def test_what_stands_in_its_place_is_of_another_text(page: Any, how: str, name: str) -> None:
    model, tokenizer = rounded_model()
    other = page.evaluate("() => window.page.facts.other")
    with tracing(model) as found:
        model(torch.tensor([other]))
    ids = ids_of(tokenizer)
    rows = torch.arange(len(ids)) % len(other)

    def put(place: str, *columns: Any) -> Any:
        value = found[place].mean(dim=1, keepdim=True).expand(-1, len(ids), *found[place].shape[2:])
        value = found[place][:, rows] if how == "resample" else value

        def edit(x: torch.Tensor) -> torch.Tensor:
            x[(slice(None), slice(None), *columns)] = value[(slice(None), slice(None), *columns)]
            return x

        return {place: edit}

    edits = {
        "1.2": put("1.attention.heads", 2),
        "0.ff": put("0.feed_forward.out"),
        "1": put("1.attention.out") | put("1.feed_forward.out"),
        "0.n17": put("0.feed_forward.hidden", 17),
    }
    with editing(model, edits[name]):
        logits = model(torch.tensor([ids]))[0]
    ours, total, kept, fresh = page.evaluate(
        """([how, name]) => { const p = window.page, ids = p.inside.ids, model = p.inside.model, logits = [];
        p.state.how = how;
        p.flip(name);
        for (let place = 1; place <= ids.length; place++) logits.push([...p.inside.reading.logitsOf(place)]);
        const { total, parts } = p.attribution(p.inside.reading, 5, 40);
        const kept = new p.Reading(model), fresh = new p.Reading(model), put = p.replacement(model, how);
        kept.read(ids.slice(0, 4), [name], p.replacement(model, how === "mean" ? "resample" : "mean"));
        kept.read(ids.slice(0, 6), [name], put);
        for (const reading of [kept, fresh]) reading.read(ids, [name], put);
        p.state.how = "zero";
        p.flip(name);
        return [logits, total, [...kept.surprise], [...fresh.surprise]]; }""",
        [how, name],
    )
    torch.testing.assert_close(torch.tensor(ours), logits, atol=2e-4, rtol=0)
    assert total == pytest.approx(float(logits[4, 40]), abs=1e-4)
    assert kept == pytest.approx(fresh, abs=1e-5)


def test_the_odds_are_those_of_decoding(page: Any) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(40, 60, generator=generator).mul(2).round(decimals=1)  # with ties
    settings = [
        {"temperature": 0.7},
        {"temperature": 1.3, "topK": 5},
        {"topP": 0.8},
        {"minP": 0.1},
        {"temperature": 1.5, "topK": 20, "topP": 0.9, "minP": 0.05},
    ]
    for one in settings:
        theirs = decoding.temperature(logits, one.get("temperature", 1.0))
        theirs = decoding.top_k(theirs, int(one["topK"])) if "topK" in one else theirs
        theirs = decoding.top_p(theirs, one["topP"]) if "topP" in one else theirs
        theirs = decoding.min_p(theirs, one["minP"]) if "minP" in one else theirs
        ours = page.evaluate(
            """([rows, s]) => rows.map(row =>
                [...window.page.softmax(window.page.chosenFrom(Float32Array.from(row), s))])""",
            [logits.tolist(), one],
        )
        torch.testing.assert_close(torch.tensor(ours), theirs.softmax(dim=-1), atol=1e-6, rtol=0)


def test_the_same_seed_writes_what_decoding_writes(page: Any) -> None:
    model, tokenizer = rounded_model()
    ids = ids_of(tokenizer)
    for seed in (0, 1, 999):
        for changes in ({"temperature": 0.8, "top_k": 50}, {"temperature": 1.2, "top_p": 0.9, "min_p": 0.02}):
            settings = decoding.GenerationSettings(max_new_tokens=12, seed=seed, **changes)  # type: ignore[arg-type]
            theirs = decoding.generate_ids(model, [ids], settings, end_of_text=tokenizer.end_of_text)[0].ids
            ours = page.evaluate(
                """([seed, s]) => { const p = window.page; p.state.seed = seed; p.state.sampling = s;
                return p.writeOn(12); }""",
                [seed, {{"top_k": "topK", "top_p": "topP", "min_p": "minP"}.get(k, k): v for k, v in changes.items()}],
            )
            assert ours == list(theirs)


def test_the_slider_goes_through_the_run(page: Any) -> None:
    model, tokenizer = made()
    ids = torch.tensor([ids_of(tokenizer)])
    states = [dict(made(seed=seed)[0].named_parameters()) for seed in (5, 6)]
    for number, state in enumerate(states):
        with torch.no_grad():
            for name, tensor in state.items():
                if tensor.ndim == 2:
                    scale = torch.stack([one[name].abs().amax(dim=1) for one in states]).amax(dim=0)[:, None] / GRID
                    tensor = (tensor / scale).round() * scale
                model.get_parameter(name).copy_(tensor.half().float() if tensor.ndim == 1 else tensor)
            theirs = model(ids)[0]
        page.evaluate("step => window.page.chooseStep(step)", number)
        torch.testing.assert_close(torch.tensor(page.evaluate(LOGITS)), theirs, atol=5e-4, rtol=0)
        assert page.locator("#step").get_attribute("aria-valuetext").startswith(f"after step {10 * (number + 1)}: ")
    page.evaluate("() => window.page.chooseStep(2)")


def test_most_alike_are_the_nearest_rows(page: Any) -> None:
    embeddings = import_module("embeddings")
    table = rounded_model()[0].token_embedding.weight.detach()
    rows, cosines = embeddings.nearest_rows(table[[70]], table, 5, without=torch.tensor([[70]]))
    found = page.evaluate(
        "() => { const p = window.page; return p.alike(p.inside.model, 70, 5, p.inside.tokenizer.size); }"
    )
    assert [row for row, _ in found] == rows[0].tolist()
    assert [cosine for _, cosine in found] == pytest.approx(cosines[0].tolist(), abs=1e-5)


def test_an_address_brings_back_what_was_seen(browser: Any, written: Path) -> None:
    with opened(browser, written) as first:
        first.fill("#typed", "The hat & the <b>cat</b>\n")
        first.evaluate(
            """() => { const p = window.page; p.state.how = 'mean';
            p.flip('1.ff'); p.choosePlace(3); p.state.head = [1, 2]; p.draw(); }"""
        )
        first.evaluate("() => window.page.chooseStep(1).then(() => window.page.drawWaiting())")
        address = first.evaluate("() => window.page.addressed()")
        wanted = first.inner_text("#place-title"), first.inner_text("#effect")
    with opened(browser, written, address=address) as second:
        assert second.input_value("#typed") == "The hat & the <b>cat</b>\n"
        assert second.inner_text("#place-title") == wanted[0]
        assert second.inner_text("#effect").split("\n")[:2] == wanted[1].split("\n")[:2]
        assert second.evaluate("() => window.page.state.head") == [1, 2]
        assert second.input_value("#how") == "mean"


def test_keys_do_what_the_list_says(page: Any) -> None:
    place = page.evaluate("() => { document.activeElement.blur(); return window.page.state.place; }")
    page.evaluate("() => { window.page.state.head = [0, 0]; window.page.draw(); }")
    for key, expression, expected in (
        ("ArrowLeft", "state.place", place - 1),
        ("ArrowRight", "state.place", place),
        ("]", "state.head.join()", "0,1"),
        ("o", "state.off.size", 1),
        ("a", "state.off.size", 0),
        ("[", "state.head.join()", "0,0"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(f"() => window.page.{expression}") == expected, key
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")


def test_a_picture_is_svg_that_others_read(page: Any) -> None:
    for name in ("#text", "#candidates", "#heads", "#page"):
        found = page.evaluate("name => window.page.picture(document.querySelector(name))", name)
        root = ElementTree.fromstring(found["text"])
        assert root.tag.endswith("svg")
        words = "".join(root.itertext())
        assert page.inner_text(f"{name} h2")[:8] in words
        assert float(root.attrib["width"]) == found["width"] > 200


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280, 2560])
def test_it_fits_and_axe_finds_nothing(browser: Any, written: Path, width: int, dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the session `page` of nox brings axe")
    with opened(browser, written, width=width, dark=dark) as page:
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        page.evaluate("() => window.page.flip('0.1')")
        found = axe.Axe().run(page)
        assert [
            (one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]
        ] == []
        dialog = page.evaluate(
            "() => { document.getElementById('help').click(); return document.getElementById('keys').open; }"
        )
        assert dialog
