"""The kernels are compiled once, kept where nobody else can write, and missed with one note where they cannot be."""

import os

import pytest

from transformer.kernels import native


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of this test's own, on a machine that has a compiler, which is in no hurry to be clever."""
    if native.library() is None:
        pytest.skip("no C++ compiler here: nothing to compile")
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "FLAGS", ["-std=c++20", "-O0", "-DPLAIN", "-fPIC", "-w"])
    return tmp_path / "kernels"


def test_without_a_compiler_there_is_no_library_and_one_note(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("TENSORS_TO_GPT2_CACHE", str(tmp_path))
    native._library.cache_clear()
    try:
        assert native.library() is None
        assert native.library() is None
    finally:
        native._library.cache_clear()
    assert [record.message for record in caplog.records] == [
        "decoding runs on torch alone, quantized layers slowly: no kernels could be made "
        "(no C++ compiler on the path: install g++ or clang, or set CXX)"
    ]


def test_a_cxx_that_names_no_compiler_is_not_passed_over_in_silence(cache, monkeypatch, caplog):
    monkeypatch.setenv("CXX", "/nonexistent")
    made = native.compiled([])
    assert caplog.text.count("CXX: wanted a compiler's name or path, got /nonexistent; /") == 1
    assert "is used instead" in caplog.text
    caplog.clear()
    monkeypatch.setenv("CXX", "")
    assert native.compiled([]) == made
    assert not caplog.text


def test_a_processor_without_the_instructions_is_named_and_loops_take_over(cache, monkeypatch, caplog):
    compiled = native.compiled
    monkeypatch.setattr(native, "compiled", lambda more: compiled(["-DPLAIN"]))
    found = native._library.__wrapped__("native")
    assert found.instructions() == b"plain loops"
    assert "quantized layers run on plain loops: this processor has neither AVX-512 VNNI nor AVX2" in caplog.text


def test_the_instructions_are_those_that_were_chosen(instructions):
    said = native.library().instructions().decode()
    wanted = {"native": ("AVX-512 VNNI", "AVX2", native.PLAIN), "avx2": ("AVX2",), "plain": (native.PLAIN,)}
    assert said in wanted[instructions]
    assert native.has_fast_loops() == (said != native.PLAIN)


def test_a_strange_choice_is_refused(monkeypatch):
    monkeypatch.setenv(native.SWITCH, "fast")
    with pytest.raises(ValueError, match=r"QUANTIZATION_KERNELS: wanted native, avx2, plain or torch, got 'fast'"):
        native.library()


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: b"x" + whole[1:]]
)
def test_a_damaged_library_is_made_again(cache, damage):
    made = native.compiled([])
    whole = made.read_bytes()
    made.unlink()
    made.write_bytes(damage(whole))
    assert native.compiled([]) == made
    assert made.stat().st_size == len(whole)
    assert native.loaded(made).instructions() == b"plain loops"


@pytest.mark.skipif(os.name != "posix", reason="owners and modes of files are POSIX's")
def test_a_library_is_compiled_once_and_never_loaded_from_where_others_write(cache, monkeypatch, caplog):
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)
    made = native.compiled([])
    written = made.stat().st_mtime_ns
    assert native.compiled([]) == made
    assert made.stat().st_mtime_ns == written
    assert {path.name for path in made.parent.iterdir()} == {made.name, made.with_suffix(".sha256").name}
    assert made.parent == cache
    assert not (made.stat().st_mode | cache.stat().st_mode) & 0o022
    made.unlink()  # to write over a library that this process has loaded would end it
    made.write_bytes(b"another user's")
    made.chmod(0o666)
    assert native.compiled([]) == made
    assert native.loaded(made).instructions()
    assert not made.stat().st_mode & 0o022
    monkeypatch.setattr(os, "geteuid", lambda: made.stat().st_uid + 1)
    if made.stat().st_uid == 0:
        monkeypatch.setattr(native, "is_only_ours", lambda path: False)
    assert native._library.__wrapped__("native") is None
    assert f"wanted a cache folder that nobody else can write to, got {cache}; set TENSORS_TO_GPT2_CACHE" in caplog.text
