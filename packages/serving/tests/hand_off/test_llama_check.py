"""llama.cpp itself opens the file, where it is installed."""

import pytest

from serving.hand_off.gguf_file import write_gguf
from serving.hand_off.llama_check import check_with_llama, has_llama

pytestmark = pytest.mark.extras


@pytest.mark.parametrize("weights", ["float32", "float16", "q8_0"])
def test_llama_cpp_cuts_the_same_ids_and_finds_the_same_logits(model, tokenizer, tmp_path, weights):
    pytest.importorskip("gguf", reason="needs the extra gguf")
    pytest.importorskip("llama_cpp", reason="compares with llama.cpp, whose Python binding is not installed")
    write_gguf(tmp_path / "m.gguf", model, tokenizer, weights)
    found = check_with_llama(tmp_path / "m.gguf", model, tokenizer, weights)
    assert found.same_ids
    assert found.agreement.same_choice > 0.9 * found.agreement.places


def test_without_its_binding_the_error_says_so(model, tokenizer, tmp_path):
    if has_llama():
        pytest.skip("llama-cpp-python is installed")
    with pytest.raises(ImportError, match="llama_cpp"):
        check_with_llama(tmp_path / "m.gguf", model, tokenizer)
