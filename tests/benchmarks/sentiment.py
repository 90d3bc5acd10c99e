"""Sentiment of movie snippets: a GPT-2 trained here from nothing, against naive Bayes on words and pairs of words.

    uv run python tests/benchmarks/sentiment.py [--seeds 5] [--pretraining 0] [--data FOLDER]

The snippets (Pang and Lee 2005) with the ratings of twenty people each (Hutto and Gilbert 2014) are in the source
distribution of vaderSentiment, which pip fetches; nothing of them is kept here. Positive and negative are ratings
beyond 0.5 and -0.5; a fifth, drawn by seed 0, is for judging. A seed is a model made from nothing, trained on the
snippets' own text by `gpt2 train` where --pretraining says so, then on their labels by `finetuning classify`; CPU
seconds are those of both, imports included. A label to learn from is the share 1 / (1 + exp(-rating)) of "positive",
which says of a snippet how sure its raters were (--sharpness 0: the sign alone). Texts are in small letters. The model
begins as a linear fit of tokens, pairs and spelling (`--label-start`), for which most words should be one token: hence
the large vocabulary. It takes no step. Without that start, as most small models are trained:

    ... sentiment.py --no-label-start --vocabulary 8000 --width 96 --layers 1 --learning-rate 1e-3 --steps 1000
"""

import argparse
import io
import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

NAMED = "vaderSentiment==3.3.2"
INSIDE = ("vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",)
SNIPPETS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
BORDER = 0.5
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}
"""0.975 quantile of Student's t for so many seeds."""
Rows = list[tuple[str, float]]
"""Texts and their ratings."""


def fetched(folder: Path) -> Path:
    """The source distribution, in `folder`."""
    kept = sorted(folder.glob("vader*.tar.gz"))
    if not kept:
        pip = ["uv", "run", "--no-project", "--with", "pip", "python", "-m", "pip"]
        words = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), NAMED]
        subprocess.run([*pip, *words], check=True)
        kept = sorted(folder.glob("vader*.tar.gz"))
    return kept[0]


def snippets(archive: Path) -> Rows:
    """Text and rating of each snippet whose rating is beyond the border."""
    with tarfile.open(archive) as outer:
        inner = outer.extractfile(INSIDE[0])
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as tar:
            file = tar.extractfile(SNIPPETS)
            assert file is not None
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    rows = []
    for line in lines:
        _, rating, text = line.split("\t")
        if abs(float(rating)) > BORDER:
            rows.append((text.strip(), float(rating)))
    return rows


def label(rating: float) -> str:
    """Whether a rating is one of praise."""
    return "positive" if rating > 0 else "negative"


def shares(rating: float, sharpness: float) -> dict[str, float]:
    """How sure of its label a rating is."""
    praise = 1 / (1 + math.exp(-sharpness * rating))
    return {"positive": praise, "negative": 1 - praise}


def naive_bayes(learned: Rows, judged: Rows) -> float:
    """Accuracy of multinomial naive Bayes on counts of words and pairs of words, as scikit-learn has it."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    counts = CountVectorizer(ngram_range=(1, 2))
    model = MultinomialNB().fit(counts.fit_transform([text for text, _ in learned]), [label(r) for _, r in learned])
    return float(model.score(counts.transform([text for text, _ in judged]), [label(r) for _, r in judged]))


def write_records(path: Path, rows: Rows, sharpness: float = 0.0) -> None:
    """One record a line; of the label its share where it has one."""
    records = [
        {"text": small(text), "label": shares(rating, sharpness) if sharpness else label(rating)}
        for text, rating in rows
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def small(text: str) -> str:
    """A text in small letters, whose first word begins with a space as each other does."""
    return f" {text.lower()}"


def cpu_seconds(*words: str) -> float:
    """CPU seconds of a command, which must end well."""
    process = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"wanted exit code 0, got status {status} of {' '.join(words)}: {said.decode()[-500:]}")
    return usage.ru_utime + usage.ru_stime


def trained(folder: Path, learned: Rows, seed: int, options: argparse.Namespace) -> tuple[float, float]:
    """Accuracy and CPU seconds of one seed."""
    import torch

    import gpt2
    from finetuning import judge_labels, load_classifier, read_labeled, read_records

    began = time.process_time()
    tokenizer = gpt2.Tokenizer.train([small(text) for text, _ in learned], options.vocabulary)
    heads, dropout = options.width // (64 if options.label_start else 32), 0.0 if options.label_start else 0.5
    shape = gpt2.GPT2Config(tokenizer.n_vocab, 128, options.width, heads, options.layers, dropout=dropout)
    gpt2.save(folder / "model", gpt2.GPT2(shape, generator=torch.Generator().manual_seed(seed)), tokenizer)
    seconds, source = time.process_time() - began, str(folder / "model")
    same = ["--device", "cpu", "--seed", str(seed)]
    if options.pretraining:
        (folder / "texts.jsonl").write_text(
            "".join(json.dumps({"text": small(text)}) + "\n" for text, _ in learned), "utf-8"
        )
        words = ["--from", source, "--text", str(folder / "texts.jsonl"), "--out", str(folder / "read"), *same]
        steps = ["--steps", str(options.pretraining), "--learning-rate", "3e-3", "--batch-size", "12"]
        seconds += cpu_seconds("gpt2", "train", *words, *steps)
        source = str(folder / "read" / "model")
    words = [source, "--data", str(folder / "learned.jsonl"), "--held-out", str(folder / "judged.jsonl"), *same]
    how = ["--method", "full", "--batch-size", "32", "--steps", str(options.steps), "--out", str(folder / "run")]
    if options.steps:
        how += ["--learning-rate", options.learning_rate, "--evaluate-every", str(options.steps)]
    how += ["--label-start"] * options.label_start
    seconds += cpu_seconds("finetuning", "classify", *words, *how)
    classifier, tokenizer = load_classifier(folder / "run")
    records = read_records(folder / "judged.jsonl")
    texts = read_labeled(records, tokenizer, classifier.n_ctx, classifier.labels)
    return judge_labels(classifier, texts.fitting).accuracy.value, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="a folder for the source distribution (default: one for this run)")
    parser.add_argument("--vocabulary", type=int, default=16000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--pretraining", type=int, default=0, help="steps on the snippets' text (default: 0)")
    parser.add_argument("--learning-rate", default="1e-3")
    parser.add_argument("--steps", type=int, default=0, help="of labels (default: none, the start is the result)")
    parser.add_argument("--label-start", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--sharpness", type=float, default=1.0, help="0: learn the signs alone (default: 1)")
    options = parser.parse_args()

    from sklearn.model_selection import train_test_split

    with tempfile.TemporaryDirectory() as place:
        rows = snippets(fetched(options.data or Path(place)))
        learned, judged = train_test_split(rows, test_size=0.2, random_state=0)
        bayes = naive_bayes(learned, judged)
        print(f"{len(learned):,} snippets to learn from, {len(judged):,} to judge by")
        print(f"{'naive Bayes, words and pairs':<32}{bayes:>9.2%}")
        found = []
        for seed in range(options.seeds):
            folder = Path(place, str(seed))
            folder.mkdir()
            write_records(folder / "learned.jsonl", learned, options.sharpness)
            write_records(folder / "judged.jsonl", judged)
            accuracy, seconds = trained(folder, learned, seed, options)
            found.append(accuracy)
            print(f"{f'GPT-2 from nothing, seed {seed}':<32}{accuracy:>9.2%}{seconds:>8.0f} CPU s", flush=True)
        if len(found) > 1:
            half = STUDENT.get(len(found), 1.96) * stdev(found) / math.sqrt(len(found))
            print(
                f"{'mean of the seeds':<32}{mean(found):>9.2%}  ({mean(found) - half:.2%} to {mean(found) + half:.2%})"
            )
            print(f"{'beside naive Bayes':<32}{mean(found) / bayes:>9.3f} x")


if __name__ == "__main__":
    main()
