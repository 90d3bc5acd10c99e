"""Whatever a generation_config.json says: settings, or a ValueError that names the file; what is written is read."""

import json

from hypothesis import strategies as st

from decoding import GenerationSettings, read_settings, write_settings
from decoding.settings.file import NEUTRAL, READ_APART, THEIRS, WITHOUT_EFFECT

NAMES = [*THEIRS, *READ_APART, *NEUTRAL, *WITHOUT_EFFECT, "decoding", "num_assistant", "watermarking_config"]


def test_any_file_is_read_or_refused_by_its_name(fuzz, tmp_path):
    path = tmp_path / "generation_config.json"
    numbers = st.sampled_from([0, 1, 2, 0.5, -1, 50, True, False, None, 1e300, 10**400, float("nan"), [1], [[1]], {}])
    whole = {name: 1 for name in NAMES if name not in READ_APART}

    def claim(content):
        path.write_bytes(content)
        with fuzz.answer():
            settings = read_settings(tmp_path)
            write_settings(tmp_path, settings)
            assert read_settings(tmp_path) == settings

    fields = st.dictionaries(st.sampled_from(NAMES), numbers | st.text(max_size=3), max_size=4)
    fuzz(claim, 150, content=fields.map(lambda content: json.dumps(content).encode()))
    fuzz(claim, 50, content=fuzz.changed({"do_sample": True, "decoding": {"order": "llama.cpp"}, **whole}))
    fuzz(claim, 50, content=fuzz.spoiled(b'{"do_sample": true, "top_k": 5, "bad_words_ids": [[1, 2]]}'))


def test_any_settings_that_are_taken_come_back(fuzz, tmp_path):
    def claim(values):
        with fuzz.answer():
            settings = GenerationSettings(**values)
            write_settings(tmp_path, settings)
            back = read_settings(tmp_path)
            again = {name: getattr(back, name) for name in values}
            if settings.is_greedy:
                assert back.is_greedy
            elif settings.beams == 1:
                assert again == {name: getattr(settings, name) for name in values}

    names = ["temperature", "top_k", "top_p", "max_new_tokens", "seed", "stop", "banned", "order", "dry_base", "min_p"]
    fuzz(
        claim,
        200,
        values=st.dictionaries(st.sampled_from(names), st.sampled_from([1, 2, 0.5]) | fuzz.wild(), max_size=3),
    )
