"""The reading path: which modules of each package one reads, in which order, and how long that takes.

    python3 .ci/reading_path.py     # count lines and minutes again, into the table of docs/architecture.md

Modules are told by their path inside the package. One that another module of the path imports comes before it
(tests/test_architecture.py). Those of the second list stand at the top, too, but are looked up, as all others are.
Runs on a bare Python 3.11.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- reading path: written by .ci/reading_path.py -->\n", "<!-- end of the reading path -->\n"
LINES_A_MINUTE = 25

READ = {
    "workbench": "commands files/durable",
    "tensors": "broadcasting autodiff cross_entropy finite_differences randomness devices "
    "networks/penguins networks/by_hand networks/by_engine networks/by_torch",
    "dataio": "permutation order reading arrays windows stream loader",
    "trainkit": "losses schedules gradients spikes loop evaluation stopping",
    "embeddings": "lookup tokens positions sinusoids rotary_scaling rotary alibi measures",
    "attention": "heads kernels/grouped reference masks/algebra masks/text caches/row_lengths caches/layer multi_head "
    "caches/cache",
    "transformer": "norms feed_forward wiring blocks stacks initialisation",
    "gpt2": "config head_loss model recipes tokenizer/bpe tokenizer/pattern tokenizer/tokenizer texts/prepared "
    "training/curriculum training/trained training/run",
    "decoding": "protocols rows session distribution/truncation distribution/pipeline distribution/sampling step "
    "loop generation text",
    "evaluation": "head_scores spans scores intervals pairs",
    "quantization": "schemes reference packing layers module_tree conversion",
    "finetuning": "adapted adapters templates examples packing curriculum judging tuning",
    "interpretability": "places trace attribution ablation",
    "serving": "status jobs queueing identity engine/work engine/engine",
}
LOOKED_UP = {
    "workbench": "slips output counting next_command pictures shown_tokens byte_alphabet threads",
    "trainkit": "stopwatch",
    "transformer": "encoder_decoder recomputation summaries",
    "quantization": "convolution",
}
PATH = {package: (read.split(), LOOKED_UP.get(package, "").split()) for package, read in READ.items()}


def source(package: str, module: str) -> Path:
    return ROOT / "packages" / package / "src" / package / f"{module}.py"


def lines(package: str, modules: Sequence[str]) -> int:
    return sum(len(source(package, module).read_text("utf-8").splitlines()) for module in modules)


def minutes(count: int) -> int:
    """To five minutes, as nobody reads more exactly."""
    return max(5, 5 * round(count / LINES_A_MINUTE / 5))


def links(package: str, modules: Sequence[str]) -> str:
    return ", ".join(f"[{module}](../packages/{package}/src/{package}/{module}.py)" for module in modules) or "—"


def table() -> list[str]:
    """The rows of the table, and the sums."""
    rows = ["| package | read in this order | lines | minutes | look up |", "|---|---|---:|---:|---|"]
    counts = {package: lines(package, read) for package, (read, _) in PATH.items()}
    for package, (read, looked_up) in PATH.items():
        count = counts[package]
        left, right = links(package, read), links(package, looked_up)
        rows.append(f"| [{package}](../packages/{package}) | {left} | {count:,} | {minutes(count)} | {right} |")
    spent = sum(minutes(count) for count in counts.values())
    rows.append(f"| all | | {sum(counts.values()):,} | {spent} | |")
    return [f"{row}\n" for row in rows]


def main() -> int:
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        print(f"wanted the lines {BEGIN.strip()} and {END.strip()} in {PAGE}, found none; put them in", file=sys.stderr)
        return 2
    PAGE.write_text(f"{before}{BEGIN}\n{''.join(table())}\n{END}{after}", "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
