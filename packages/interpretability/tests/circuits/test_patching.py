"""Patching against the model run by hand, one value at a time."""

import pytest
import torch

from interpretability import editing, patch, patch_path, trace_causally, tracing


@pytest.fixture
def prompts(tokens):
    """Two prompts that differ in tokens 2 and 3."""
    other = tokens[:1].clone()
    other[0, 2:4] = torch.tensor([11, 12])
    return tokens[:1], other


@torch.no_grad()
def test_each_cell_is_the_corrupted_run_with_one_value_of_the_clean_one(model, prompts):
    clean, corrupted = prompts
    places = ["embed", "1.resid_pre", "0.attention.out", "1.feed_forward.hidden", "0.attention.heads"]
    result = patch(model, clean, corrupted, 7, 9, places=places)
    with tracing(model) as found:
        logits = model(clean)[0, -1]
    heads = [f"0.head.{head}" for head in range(3)]
    assert result.names == ("embed", *heads, "0.attention.out", "1.resid_pre", "1.feed_forward.hidden")
    assert result.clean == pytest.approx((logits[7] - logits[9]).item(), abs=1e-5)
    plain = model(corrupted)[0, -1]
    assert result.corrupted == pytest.approx((plain[7] - plain[9]).item(), abs=1e-5)
    for row, name in enumerate(result.names):
        place, _, head = name.partition(".head.")
        place = f"{place}.attention.heads" if head else name
        for token in (0, 2, 5, 8):

            def put(x, place=place, head=head, token=token):
                where = (0, token, int(head)) if head else (0, token)
                x[where] = found[place][where]
                return x

            with editing(model, {place: put}):
                wanted = model(corrupted)[0, -1]
            assert result.patched[row, token].item() == pytest.approx((wanted[7] - wanted[9]).item(), abs=1e-4)


@torch.no_grad()
def test_what_differs_brings_all_back_and_what_does_not_nothing(model, prompts):
    result = patch(model, *prompts, 7, places=["0.resid_pre", "1.resid_post"])
    shares = dict(zip(result.names, result.recovered, strict=True))
    torch.testing.assert_close(shares["1.resid_post"][-1], torch.tensor(1.0), atol=1e-4, rtol=0)
    assert shares["1.resid_post"][:-1].abs().max() < 1e-4
    assert shares["0.resid_pre"][[0, 1, 4, 5, 6, 7, 8]].abs().max() < 1e-4
    assert shares["0.resid_pre"][2:4].abs().min() > 1e-3


def test_the_same_prompt_twice_has_nothing_to_bring_back(model, tokens):
    assert patch(model, tokens[:1], tokens[:1], 7, places="0.resid_pre").recovered.isnan().all()


@torch.no_grad()
def test_causal_tracing_restores_a_run_with_noise_on_the_subject(model, tokens):
    row, subject, samples = tokens[:1], [2, 3], 4

    def traced(places):
        generator = torch.Generator().manual_seed(5)
        return trace_causally(model, row, subject, 7, samples=samples, generator=generator, places=places)

    result = traced(["embed", "1.resid_pre"])
    draws = torch.randn(samples, 2, 24, generator=torch.Generator().manual_seed(5))
    noise = draws * 3.0 * model.token_embedding.weight.std()
    with tracing(model, "1.resid_pre") as found:
        clean = model(row).softmax(dim=-1)[0, -1, 7]
    assert result.clean == pytest.approx(clean.item(), abs=1e-6)

    def disturbed(x, sample):
        x[:, subject] += noise[sample]
        return x

    def restored(x):
        x[:, 3] = found["1.resid_pre"][:, 3]
        return x

    corrupted, back = [], []
    for sample in range(samples):
        with editing(model, {"embed": lambda x, s=sample: disturbed(x, s)}):
            corrupted.append(model(row).softmax(dim=-1)[0, -1, 7])
            with editing(model, {"1.resid_pre": restored}):
                back.append(model(row).softmax(dim=-1)[0, -1, 7])
    assert result.corrupted == pytest.approx(torch.stack(corrupted).mean().item(), abs=1e-6)
    assert result.patched[1, 3].item() == pytest.approx(torch.stack(back).mean().item(), abs=1e-6)
    torch.testing.assert_close(result.patched[0, 5], torch.tensor(result.corrupted))  # no noise there to take away


@torch.no_grad()
def test_a_path_to_the_logit_alone_is_linear_in_what_the_sender_wrote(model, prompts):
    """The direct path: the sender's other words added to the last stream of the corrupted run."""
    clean, corrupted = prompts
    before, after, changed = patch_path(model, clean, corrupted, (0, 1), None, 7)
    with tracing(model, ["0.attention.heads", "1.resid_post"]) as was:
        assert after == pytest.approx(model(corrupted)[0, -1, 7].item(), abs=1e-5)
    with tracing(model, "0.attention.heads") as said:
        assert before == pytest.approx(model(clean)[0, -1, 7].item(), abs=1e-5)
    rows = model.decoder.blocks[0].attention.out.weight[:, 8:16]
    difference = (said["0.attention.heads"] - was["0.attention.heads"])[0, -1, 1] @ rows.T
    state = model.final_norm(was["1.resid_post"][0, -1] + difference)
    assert changed == pytest.approx((state @ model.token_embedding.weight[7]).item(), abs=1e-4)


@torch.no_grad()
def test_a_path_to_a_query_changes_that_query_alone(model, prompts):
    clean, corrupted = prompts
    _, _, changed = patch_path(model, clean, corrupted, (0, 1), (1, 2, "query"), 7)
    with tracing(model, ["0.attention.heads", "0.feed_forward.out", "0.resid_pre"]) as was:
        model(corrupted)
    with tracing(model, "0.attention.heads") as said:
        model(clean)
    block, attention = model.decoder.blocks[1], model.decoder.blocks[0].attention
    heads = was["0.attention.heads"].clone()
    heads[:, :, 1] = said["0.attention.heads"][:, :, 1]
    stream = was["0.resid_pre"] + attention.out(heads.flatten(2)) + was["0.feed_forward.out"]
    heard = block.attention.qkv(block.attention_norm(stream))[..., 16:24]

    def put(x):
        x[:, :, 2] = heard
        return x

    with editing(model, {"1.attention.query": put}):
        assert changed == pytest.approx(model(corrupted)[0, -1, 7].item(), abs=1e-5)


def test_wrong_input_is_refused(model, tokens, prompts):
    draws = torch.Generator()
    with pytest.raises(ValueError, match="wanted two prompts of as many tokens, got 9 and 8"):
        patch(model, tokens[:1], tokens[:1, :8], 7)
    with pytest.raises(ValueError, match="wanted ids from 0 to 299, got 300"):
        patch(model, *prompts, 300)
    with pytest.raises(ValueError, match=r"such as have a value for each token, got 0.attention.pattern"):
        patch(model, *prompts, 7, places="0.attention.pattern")
    with pytest.raises(ValueError, match="subject: wanted tokens 0 to 8 of one row, got"):
        trace_causally(model, tokens[:1], [9], 7, generator=draws)
    with pytest.raises(ValueError, match=r"at least 1 sample, got noise=3.0, samples=0"):
        trace_causally(model, tokens[:1], [1], 7, samples=0, generator=draws)
    with pytest.raises(ValueError, match="got layer 0, head 3"):
        patch_path(model, *prompts, (0, 3), None, 7)
    with pytest.raises(ValueError, match="receiver: wanted query, key or value of a head in a layer after 1"):
        patch_path(model, *prompts, (1, 0), (1, 1, "query"), 7)
    with pytest.raises(ValueError, match="prompts of as many tokens, got 9 and 8"):
        patch_path(model, tokens[:1], tokens[:1, :8], (0, 0), None, 7)
