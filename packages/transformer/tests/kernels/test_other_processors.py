"""The kernels' plain loops on ARM, by a cross-compiler and an emulator, give what torch gives."""

import shutil
import subprocess

import pytest
import torch

from attention.caches.eight_bits import quantised
from transformer.kernels import native
from transformer.kernels.weights import Kind

pytestmark = pytest.mark.slow
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"
PROGRAM = r"""
#include "step.cpp"
#include <cstdio>

template <typename T>
static T* read(int64_t n) {
    T* p = (T*)std::malloc(std::max<int64_t>(n, 1) * sizeof(T));
    if (std::fread(p, sizeof(T), n, stdin) != size_t(n)) std::exit(1);
    return p;
}

int main() {  // layers and rows from the input, one after the other; their products to the output
    int64_t head[6];
    while (std::fread(head, sizeof(int64_t), 6, stdin) == 6) {
        const auto [kind, in, out, group, rows, bytes] = std::to_array(head);
        const void* weight = read<char>(bytes);
        const float* scale = kind == FLOAT32 || kind == BFLOAT16 ? nullptr
            : read<float>(kind == INT4 ? out * (in / group) : out);
        const Linear layer = {weight, scale, nullptr, read<float>(out), kind, in, out, group};
        const float* x = read<float>(rows * in);
        std::vector<float> y(rows * out);
        linear(&layer, x, rows, y.data(), 2);
        std::fwrite(y.data(), sizeof(float), y.size(), stdout);
    }
    std::fprintf(stderr, "%s\n", instructions());
}
"""


class Layer:
    """Weights of any kind, as the kernels read them and as they are meant (`wide`)."""

    def __init__(self, kind, columns, rows, group):
        self.kind, self.bias = kind, torch.randn(rows)
        whole = {Kind.INT4: 8, Kind.INT8: 127, Kind.INT8_WEIGHTS: 127}.get(kind)
        if whole is None:
            self.scale, self.group = None, 1
            self.weight = torch.randn(rows, columns).to(torch.bfloat16 if kind == Kind.BFLOAT16 else torch.float32)
            self.wide = self.weight.float()
            return
        self.group = group if kind == Kind.INT4 else columns
        self.scale = torch.rand(rows, columns // self.group) / whole + 0.001
        numbers = torch.randint(-whole, 8 if kind == Kind.INT4 else whole + 1, (rows, columns), dtype=torch.int8)
        self.wide = (numbers.view(rows, -1, self.group) * self.scale[..., None]).view(rows, columns)
        nibbles = (numbers + 8).to(torch.uint8)
        self.weight = nibbles[:, ::2] | nibbles[:, 1::2] << 4 if kind == Kind.INT4 else numbers

    def product(self, x):
        if self.kind == Kind.INT8:  # these meet rows rounded to whole numbers
            whole, scale = quantised(x)
            x = whole * scale
        return (x.double() @ self.wide.double().T + self.bias).float()

    def written(self, x):
        """What the program reads."""
        rows, columns = self.wide.shape
        weight = self.weight.contiguous().view(torch.uint8).numpy().tobytes()
        head = torch.tensor([self.kind, columns, rows, self.group, len(x), len(weight)])
        parts = [head, *([] if self.scale is None else [self.scale]), self.bias, x]
        head, *others = (part.contiguous().numpy().tobytes() for part in parts)
        return b"".join([head, weight, *others])


def test_products_on_arm_are_those_of_torch(tmp_path):
    if not (shutil.which(COMPILER) and shutil.which(EMULATOR)):
        pytest.skip(f"wanted {COMPILER} and {EMULATOR}: Debian has them in g++-aarch64-linux-gnu and qemu-user-static")
    source, program = tmp_path / "products.cpp", tmp_path / "products"
    source.write_text(PROGRAM)
    flags = [flag for flag in native.FLAGS if flag != "-march=native"]
    kernels = f"-I{native.Path(native.__file__).parent}"
    subprocess.run(
        [COMPILER, *flags, "-march=armv8-a", "-static", "-fopenmp", kernels, source, "-o", program], check=True
    )
    torch.manual_seed(0)
    sizes = [(8, 1, 8), (64, 17, 8), (128, 33, 32), (200, 5, 8), (384, 9, 128)]
    cases = [
        (Layer(kind, columns, rows, group), torch.randn(tokens, columns))
        for kind in Kind
        for columns, rows, group in sizes
        for tokens in (1, 3, 5, 17)
    ]
    given = b"".join(layer.written(x) for layer, x in cases)
    done = subprocess.run([EMULATOR, program], input=given, capture_output=True, check=True)
    assert done.stderr == b"plain loops\n"
    found = torch.frombuffer(bytearray(done.stdout), dtype=torch.float32)
    for layer, x in cases:
        y, found = found[: len(x) * len(layer.bias)].view(len(x), -1), found[len(x) * len(layer.bias) :]
        terms = x.abs() @ layer.wide.abs().T + layer.bias.abs()
        # Four bits meet activations that are rounded by blocks, which the reference leaves as they are.
        most = 4e-3 * x.abs().amax(1, keepdim=True) * layer.wide.abs().sum(1) if layer.kind == Kind.INT4 else 0
        assert ((y - layer.product(x)).abs() <= 3e-6 * terms + most).all(), layer.kind
    assert len(found) == 0
