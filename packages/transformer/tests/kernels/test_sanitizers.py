"""The kernels under the address and undefined-behavior sanitizers: every kind of weights, odd sizes, guarded memory."""

import shutil
import subprocess
from pathlib import Path

import pytest

from transformer.kernels import native

pytestmark = pytest.mark.slow
KERNELS = Path(native.__file__).parent
PROGRAM = r"""
#include "step.cpp"
#include <cstdio>
#include <map>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

// Memory that ends where a page begins that nobody may read: the address sanitizer does not look at masked loads, which
// special instructions are. What lies before it is poisoned.
static std::map<void*, std::pair<char*, int64_t>> given;
static void* guarded(int64_t size) {
    const int64_t page = sysconf(_SC_PAGESIZE), whole = up_to(size, page);
    char* p = (char*)mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + whole, page, PROT_NONE)) std::printf("no memory\n"), std::exit(1);
    ASAN_POISON_MEMORY_REGION(p, whole - size);
    given[p + whole - size] = {p, whole + page};
    return p + whole - size;
}
static void release(const void* what) {
    if (!what) return;
    const auto [p, size] = given.at((void*)what);
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    munmap(p, size), given.erase((void*)what);
}

template <typename T>
static T* made(int64_t n, int seed) {
    T* p = (T*)guarded(n * sizeof(T));
    for (int64_t i = 0; i < n; i++)
        p[i] = std::is_same_v<T, float> ? T(((i * 37 + seed * 11) % 19 - 9) / 64.0) : T((i * 31 + seed) % 251);
    return p;
}

static Linear layer_of(Kind kind, int64_t in, int64_t out, int64_t group, bool sums) {
    Linear layer = {nullptr, nullptr, nullptr, made<float>(out, 1), kind, in, out, group};
    if (kind == FLOAT32) layer.weight = made<float>(in * out, 2);
    else if (kind == BFLOAT16) layer.weight = made<uint16_t>(in * out, 0);
    else layer.weight = made<int8_t>(kind == INT4 ? in * out / 2 : in * out, 3);
    if (kind == BFLOAT16)              // no infinities
        for (int64_t i = 0; i < in * out; i++) ((uint16_t*)layer.weight)[i] = 0x3c00 + i % 64;
    if (kind != FLOAT32 && kind != BFLOAT16) layer.scale = made<float>(kind == INT4 ? out * (in / group) : out, 4);
    if (kind == INT8 && sums) {
        int32_t* all = (int32_t*)guarded(out * 4);
        row_sums((const int8_t*)layer.weight, out, in, all, 1);
        layer.sums = all;
    }
    return layer;
}

static void whole_model(Kind kind, bool eight_bits, int64_t rows, int64_t time) {
    const int64_t c = 48, heads = 3, n = 2, length = 9, ids = 13, group = 8;
    std::vector<Block> blocks;
    for (int i = 0; i < n; i++) {
        const auto norm = [&] { return Norm{made<float>(c, 5), made<float>(c, 6)}; };
        const auto of = [&](int64_t in, int64_t out) { return layer_of(kind, in, out, group, true); };
        blocks.push_back({norm(), of(c, 3 * c), of(c, c), norm(), of(c, 4 * c), of(4 * c, c)});
    }
    Model model = {{blocks.data(), n, c, heads, 1, 1e-5f}, {made<float>(c, 7), made<float>(c, 8)},
                   layer_of(kind, c, ids, group, true), made<float>(length * c, 9), 1};
    std::vector<void*> keys, values;
    std::vector<float*> key_scales, value_scales;
    for (int i = 0; i < n; i++) {
        const int64_t numbers = rows * heads * length;
        keys.push_back(guarded(numbers * c / heads * (eight_bits ? 1 : 4)));
        values.push_back(guarded(numbers * c / heads * (eight_bits ? 1 : 4)));
        key_scales.push_back((float*)guarded(numbers * 4)), value_scales.push_back((float*)guarded(numbers * 4));
    }
    Cache cache = {keys.data(), values.data(), eight_bits ? key_scales.data() : nullptr,
                   eight_bits ? value_scales.data() : nullptr, length};
    std::vector<int64_t> tokens(rows * time, ids - 1), row_of, places, wanted, likeliest(rows);
    for (int64_t m = 0; m < rows * time; m++) row_of.push_back(m / time), places.push_back(length - time + m % time);
    for (int64_t r = 0; r < rows; r++) wanted.push_back(r * time + time - 1);
    float* logits = made<float>(rows * ids, 0);
    step(&model, tokens.data(), rows * time, row_of.data(), places.data(), time == 1, &cache, wanted.data(), rows,
         logits, likeliest.data(), 2);
    for (int64_t r = 0; r < rows; r++)
        if (likeliest[r] < 0 || likeliest[r] >= ids) std::printf("wrong id\n"), std::exit(1);
}

int main() {
    for (Kind kind : {FLOAT32, BFLOAT16, INT8, INT4, INT8_WEIGHTS})
        for (int64_t in : {8, 40, 64, 72, 128, 136, 200, 320})
            for (int64_t out : {1, 3, 4, 17, 33})
                for (int64_t rows : {1, 2, 3, 5, 8, 17, 33})
                    for (bool sums : {true, false}) {
                        const Linear layer = layer_of(kind, kind == INT4 ? in : in - rows % 2, out, 8, sums);
                        const float* x = made<float>(rows * layer.in, 10);
                        float* y = made<float>(rows * out, 0);
                        linear(&layer, x, rows, y, 1 + rows % 2);
                        const void* all[] = {layer.weight, layer.scale, layer.sums, layer.bias, x, y};
                        for (const void* p : all) release(p);
                    }
    for (Kind kind : {FLOAT32, BFLOAT16, INT8, INT4, INT8_WEIGHTS})
        for (bool eight_bits : {false, true})
            for (int64_t rows : {1, 3, 9})
                for (int64_t time : {1, 4}) whole_model(kind, eight_bits, rows, time);
    std::printf("done\n");
}
"""


@pytest.mark.parametrize("choice", list(native.CHOICES))
def test_no_kernel_reads_or_writes_beyond_its_memory_or_does_what_is_undefined(tmp_path, choice):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None or native.library() is None:
        pytest.skip("no C++ compiler here")
    source, program = tmp_path / "tried.cpp", tmp_path / "tried"
    source.write_text(PROGRAM)
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fopenmp", "-g1", "-Og", f"-I{KERNELS}"]
    kept = [flag for flag in native.FLAGS if flag != "-O3"]
    made = subprocess.run(
        [compiler, *kept, *flags, *native.CHOICES[choice], str(source), "-o", str(program)],
        capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode and ("sanitize" in made.stderr or "asan" in made.stderr):
        pytest.skip(f"this compiler has no sanitizers: {made.stderr[-200:]}")
    assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [program], capture_output=True, text=True, env={"ASAN_OPTIONS": "detect_leaks=0", "OMP_NUM_THREADS": "2"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "done\n"
