"""Our blocks with other libraries' weights: the same outputs and the same gradients, masks included."""

from functools import partial

import pytest
import torch
from torch import nn

from attention import MultiHeadAttention, causal, padding
from transformer import CrossBlock, DecoderBlock, EncoderBlock, EncoderDecoder, FeedForward, RMSNorm

C, H, HIDDEN, B, T, S = 12, 3, 20, 2, 5, 7
LENGTHS = torch.tensor([4, S])
ACTIVATIONS = {"relu": nn.ReLU(), "gelu": nn.GELU()}


def same_weights(theirs, names):
    """Random weights for theirs, copied into ours. `names` says where each of their parts lives in ours: part name to
    our module, or to (our module, slice of its output)."""
    pairs = []
    for name, weight in theirs.named_parameters():
        nn.init.normal_(weight, std=0.3)
        part = max((p for p in names if name.startswith(p)), key=len)
        ours, rows = names[part] if isinstance(names[part], tuple) else (names[part], slice(None))
        own = getattr(ours, name.removeprefix(part).lstrip("._"))
        pairs.append((weight, own, rows, weight.shape != own[rows].shape))
    with torch.no_grad():
        for weight, own, rows, turned in pairs:
            own[rows] = weight.T if turned else weight
    return pairs


def agree(ours, theirs, pairs, inputs):
    """Outputs within 1e-5, gradients of inputs and of all weights within 1e-4; double precision keeps noise away."""
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    upstream = torch.randn_like(ours)
    got = torch.autograd.grad(ours, [*inputs, *(own for _, own, _, _ in pairs)], upstream)
    wanted = torch.autograd.grad(theirs, [*inputs, *(weight for weight, *_ in pairs)], upstream)
    cut = [slice(None)] * len(inputs) + [rows for *_, rows, _ in pairs]
    turned = [False] * len(inputs) + [turned for *_, turned in pairs]
    for a, b, rows, turn in zip(got, wanted, cut, turned, strict=True):
        torch.testing.assert_close(a[rows], b.T if turn else b, atol=1e-4, rtol=1e-4)


def stream(length=T):
    return torch.randn(B, length, C, dtype=torch.float64, requires_grad=True)


def torch_attention(name, ours):
    return {f"{name}.in_proj": ours.qkv, f"{name}.out_proj": ours.out}


def torch_encoder_names(block, at=""):
    return {
        **torch_attention(f"{at}self_attn", block.attention),
        f"{at}norm1": block.attention_norm,
        f"{at}norm2": block.feed_forward_norm,
        f"{at}linear1": block.feed_forward.up,
        f"{at}linear2": block.feed_forward.down,
    }


def torch_decoder_names(block, at=""):
    return {
        **torch_encoder_names(block, at),
        **torch_attention(f"{at}multihead_attn", block.cross_attention),
        f"{at}norm2": block.cross_norm,
        f"{at}norm3": block.feed_forward_norm,
    }


def options(wiring, activation):
    ours = {"wiring": wiring, "feed_forward": partial(FeedForward, hidden=HIDDEN, activation=activation)}
    theirs = {"dim_feedforward": HIDDEN, "dropout": 0.0, "batch_first": True, "norm_first": wiring == "pre"}
    return ours, theirs | {"activation": ACTIVATIONS[activation]}


@pytest.mark.parametrize("wiring", ["pre", "post"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("masked", ["nothing", "causal", "padding"])
def test_torch_s_encoder_layer(wiring, activation, masked):
    our_options, their_options = options(wiring, activation)
    ours, theirs = (
        EncoderBlock(C, H, **our_options).double(),
        nn.TransformerEncoderLayer(C, H, **their_options).double(),
    )
    pairs, x = same_weights(theirs, torch_encoder_names(ours)), stream(S)
    mask = {"nothing": None, "causal": causal(), "padding": padding(LENGTHS)}[masked]
    hidden = {
        "nothing": {},
        "causal": {"src_mask": torch.ones(S, S, dtype=torch.bool).triu(1)},
        "padding": {"src_key_padding_mask": torch.arange(S) >= LENGTHS[:, None]},
    }[masked]
    agree(ours(x, mask), theirs(x, **hidden), pairs, [x])


@pytest.mark.parametrize("wiring", ["pre", "post"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_torch_s_decoder_layer(wiring, activation):
    our_options, their_options = options(wiring, activation)
    ours, theirs = CrossBlock(C, H, **our_options).double(), nn.TransformerDecoderLayer(C, H, **their_options).double()
    pairs, x, source = same_weights(theirs, torch_decoder_names(ours)), stream(), stream(S)
    expected = theirs(
        x,
        source,
        tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1),
        memory_key_padding_mask=torch.arange(S) >= LENGTHS[:, None],
    )
    agree(ours(x, source, source_mask=padding(LENGTHS)), expected, pairs, [x, source])


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("wiring", ["pre", "post"])
def test_torch_s_whole_transformer(wiring):
    our_options, their_options = options(wiring, "relu")
    ours = EncoderDecoder(2, C, H, **our_options).double()
    theirs = nn.Transformer(C, H, 2, 2, **their_options).double()
    names = {"encoder.norm": ours.encoder_norm, "decoder.norm": ours.decoder_norm}
    for i in range(2):
        names |= torch_encoder_names(ours.encoder.blocks[i], f"encoder.layers.{i}.")
        names |= torch_decoder_names(ours.decoder.blocks[i], f"decoder.layers.{i}.")
    pairs, source, target = same_weights(theirs, names), stream(S), stream()
    hidden = torch.arange(S) >= LENGTHS[:, None]
    expected = theirs(
        source,
        target,
        tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1),
        src_key_padding_mask=hidden,
        memory_key_padding_mask=hidden,
    )
    agree(ours(source, target, padding(LENGTHS)), expected, pairs, [source, target])


@pytest.fixture
def transformers():
    return pytest.importorskip("transformers", reason="the oracle transformers is installed in the workspace only")


def additive(visible):
    return torch.zeros(visible.shape, dtype=torch.float64).masked_fill(~visible, torch.finfo(torch.float64).min)


def first(output):
    return output[0] if isinstance(output, tuple) else output


def test_bert_s_layer(transformers):
    from transformers.models.bert.modeling_bert import BertLayer

    config = transformers.BertConfig(
        hidden_size=C,
        num_attention_heads=H,
        intermediate_size=HIDDEN,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    theirs = BertLayer(config).double()
    feed_forward = partial(FeedForward, hidden=HIDDEN, activation="gelu")
    ours = EncoderBlock(C, H, wiring="post", eps=config.layer_norm_eps, feed_forward=feed_forward).double()
    qkv = ours.attention.qkv
    names = {
        "attention.self.query": (qkv, slice(C)),
        "attention.self.key": (qkv, slice(C, 2 * C)),
        "attention.self.value": (qkv, slice(2 * C, None)),
        "attention.output.dense": ours.attention.out,
        "attention.output.LayerNorm": ours.attention_norm,
        "intermediate.dense": ours.feed_forward.up,
        "output.dense": ours.feed_forward.down,
        "output.LayerNorm": ours.feed_forward_norm,
    }
    pairs, x, mask = same_weights(theirs, names), stream(S), padding(LENGTHS)
    expected = first(theirs(x, attention_mask=additive(mask.dense(B, S, S))))
    agree(ours(x, mask), expected, pairs, [x])


def test_gpt2_s_block(transformers):
    from transformers.models.gpt2.modeling_gpt2 import GPT2Block

    config = transformers.GPT2Config(n_embd=C, n_head=H, resid_pdrop=0.0, attn_pdrop=0.0, attn_implementation="eager")
    theirs, ours = GPT2Block(config, layer_idx=0).double(), DecoderBlock(C, H).double()
    names = {
        "ln_1": ours.attention_norm,
        "ln_2": ours.feed_forward_norm,
        "attn.c_attn": ours.attention.qkv,
        "attn.c_proj": ours.attention.out,
        "mlp.c_fc": ours.feed_forward.up,
        "mlp.c_proj": ours.feed_forward.down,
    }
    pairs, x = same_weights(theirs, names), stream()
    with torch.no_grad():  # their square matrix lies the other way round, which its shape does not tell
        ours.attention.out.weight.copy_(theirs.attn.c_proj.weight.T)
    pairs = [(w, own, rows, turned or own is ours.attention.out.weight) for w, own, rows, turned in pairs]
    expected = first(theirs(x, attention_mask=additive(causal().dense(B, T, T).expand(B, 1, T, T))))
    agree(ours(x), expected, pairs, [x])


def test_llama_s_layer(transformers):
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRotaryEmbedding, apply_rotary_pos_emb

    size = 4
    config = transformers.LlamaConfig(
        hidden_size=C,
        num_attention_heads=H,
        num_key_value_heads=1,
        intermediate_size=HIDDEN,
        head_dim=size,
        attn_implementation="eager",
    )
    theirs, rotary = LlamaDecoderLayer(config, layer_idx=0).double(), LlamaRotaryEmbedding(config)

    def rotate(x, positions):
        return apply_rotary_pos_emb(x, x, *rotary(x, positions))[0]

    ours = DecoderBlock(
        C,
        H,
        eps=config.rms_norm_eps,
        norm=RMSNorm,
        attention=partial(MultiHeadAttention, n_kv_head=1, bias=False, rotate=rotate),
        feed_forward=partial(FeedForward, hidden=HIDDEN, activation="swiglu", bias=False),
    ).double()
    qkv = ours.attention.qkv
    names = {
        "self_attn.q_proj": (qkv, slice(C)),
        "self_attn.k_proj": (qkv, slice(C, C + size)),
        "self_attn.v_proj": (qkv, slice(C + size, None)),
        "self_attn.o_proj": ours.attention.out,
        "mlp.gate_proj": ours.feed_forward.gate,
        "mlp.up_proj": ours.feed_forward.up,
        "mlp.down_proj": ours.feed_forward.down,
        "input_layernorm": ours.attention_norm,
        "post_attention_layernorm": ours.feed_forward_norm,
    }
    pairs, x = same_weights(theirs, names), stream()
    places = torch.arange(T)[None]
    expected = first(
        theirs(
            x,
            attention_mask=additive(causal().dense(B, T, T).expand(B, 1, T, T)),
            position_ids=places,
            position_embeddings=rotary(x, places),
        )
    )
    agree(ours(x), expected, pairs, [x])
