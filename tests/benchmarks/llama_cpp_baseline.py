"""llama.cpp on GPT-2 124M's shape, for quantized_decoding.py: a child process that is told what to do, line by line.

Run by a Python with `llama-cpp-python` and `gguf` (and nothing of ours). It writes a model with random weights in GGUF,
then answers every line "ROWS NEW LENGTH" with the seconds of reading prompts of LENGTH ids at once, and of NEW greedy
steps of ROWS texts behind them.
"""

import sys
import time
from pathlib import Path

import numpy as np

try:
    import gguf
    import llama_cpp as llama
except ImportError as error:
    print(f"llama_cpp_baseline: not run: {error}; quantized_decoding.py --llama-python runs it by one that has both")
    sys.exit(0)

N_VOCAB, N_CTX, N_EMBD, N_HEAD, N_LAYER = 50257, 1024, 768, 12, 12


def write(path: Path, kind: str) -> None:
    """Random weights: speed does not depend on them. The tied table is quantized as well."""
    draws, writer = np.random.default_rng(0), gguf.GGUFWriter(str(path), "gpt2")
    quantized = gguf.GGMLQuantizationType[kind.upper()]

    def matrix(name: str, rows: int, columns: int, small: bool = True) -> None:
        x = (draws.standard_normal((rows, columns)) * 0.02).astype(np.float32)
        if small:
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(x, quantized), raw_dtype=quantized)
        else:
            writer.add_tensor(f"{name}.weight", x)

    def vector(name: str, size: int, value: float) -> None:
        writer.add_tensor(name, np.full(size, value, np.float32))

    writer.add_context_length(N_CTX)
    writer.add_embedding_length(N_EMBD)
    writer.add_feed_forward_length(4 * N_EMBD)
    writer.add_block_count(N_LAYER)
    writer.add_head_count(N_HEAD)
    writer.add_layer_norm_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([f"t{i}" for i in range(N_VOCAB)])
    writer.add_token_types([1] * N_VOCAB)
    writer.add_token_merges(["t 1"])
    writer.add_eos_token_id(N_VOCAB - 1)
    matrix("token_embd", N_VOCAB, N_EMBD)
    matrix("position_embd", N_CTX, N_EMBD, small=False)
    for layer in range(N_LAYER):
        for norm in ("attn_norm", "ffn_norm"):
            vector(f"blk.{layer}.{norm}.weight", N_EMBD, 1)
            vector(f"blk.{layer}.{norm}.bias", N_EMBD, 0)
        for part, out, into in (("attn_qkv", 3, 1), ("attn_output", 1, 1), ("ffn_up", 4, 1), ("ffn_down", 1, 4)):
            matrix(f"blk.{layer}.{part}", out * N_EMBD, into * N_EMBD)
            vector(f"blk.{layer}.{part}.bias", out * N_EMBD, 0)
    vector("output_norm.weight", N_EMBD, 1)
    vector("output_norm.bias", N_EMBD, 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Session:
    """A context for so many texts at once."""

    def __init__(self, model: object, rows: int, threads: int) -> None:
        settings = llama.llama_context_default_params()
        settings.n_ctx, settings.n_seq_max, settings.n_batch, settings.n_ubatch = N_CTX * rows, rows, 512, 512
        settings.n_threads = settings.n_threads_batch = threads
        self.context, self.rows = llama.llama_init_from_model(model, settings), rows

    def decode(self, tokens: list[list[int]], place: int) -> list[int]:
        """Likeliest ids behind the last of each row's tokens."""
        batch = llama.llama_batch_init(sum(map(len, tokens)), 0, 1)
        at = [(row, i) for row in range(self.rows) for i in range(len(tokens[row]))]
        batch.n_tokens = len(at)
        for n, (row, i) in enumerate(at):
            batch.token[n], batch.pos[n], batch.n_seq_id[n], batch.seq_id[n][0] = tokens[row][i], place + i, 1, row
            batch.logits[n] = i == len(tokens[row]) - 1
        assert llama.llama_decode(self.context, batch) == 0
        last = [n for n in range(len(at)) if batch.logits[n]]
        llama.llama_batch_free(batch)
        pick = lambda n: np.ctypeslib.as_array(llama.llama_get_logits_ith(self.context, n), (N_VOCAB,)).argmax()  # noqa: E731
        return [int(pick(n)) for n in last]

    def seconds(self, new: int, length: int) -> tuple[float, float]:
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        began = time.perf_counter()
        ids = self.decode([list(range(row, row + length)) for row in range(self.rows)], 0)
        read = time.perf_counter()
        for step in range(new):
            ids = self.decode([[i] for i in ids], length + step)
        return read - began, time.perf_counter() - read


def main() -> None:
    kind, threads, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    llama.llama_backend_init()
    silent = llama.llama_log_callback(lambda *_: None)
    llama.llama_log_set(silent, None)
    path = folder / f"{kind}.gguf"
    write(path, kind)
    settings = llama.llama_model_default_params()
    # Its AMX product (0.3.36) ends in a segmentation fault where the system lends no AMX; one row is as fast without.
    settings.use_extra_bufts = False
    model = llama.llama_model_load_from_file(str(path).encode(), settings)
    sessions: dict[int, Session] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        rows, new, length = map(int, line.split())
        session = sessions.setdefault(rows, None) or Session(model, rows, threads)  # type: ignore[arg-type]
        sessions[rows] = session
        print(*session.seconds(new, length), flush=True)


if __name__ == "__main__":
    main()
