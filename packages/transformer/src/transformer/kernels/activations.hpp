// What a product meets: the weights of a layer, and rows of activations, rounded as the kind of these weights wants.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && !defined(PLAIN)
#include <immintrin.h>
#define VNNI 1
#if defined(__AMX_INT8__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define AMX 1
#endif
#elif defined(__AVX2__) && defined(__FMA__) && !defined(PLAIN)
#include <immintrin.h>
#define AVX2 1
#endif

enum Kind : int64_t { FLOAT32, BFLOAT16, INT8, INT4, INT8_WEIGHTS };  // the last: with activations as they are
constexpr int ROWS = 6, OUTS = 4;   // a tile: up to so many rows of activations times so many of weights
constexpr int FIRST = 4;            // rows at most of the first tile that meets some weights, which come from memory
constexpr int FEW = 8;              // rows up to which every thread rounds all activations for itself: no barrier
constexpr int BLOCK = 128;          // columns of int4 that are read at once: 64 bytes
constexpr int LANE = 8;             // columns of these that end up in the same lane of a sum

struct Linear {                     // as native.py lays it out
    const void* weight;             // [out, in]; int4: [out, in / 2], the even column in the lower half of a byte
    const float* scale;             // int8: [out]; int4: [out, in / group]
    const int32_t* sums;            // int8: the sum of each weight row; null where they have to be found on the way
    const float* bias;              // [out], or null
    int64_t kind, in, out, group;
};

static int64_t up_to(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Some rows of a layer's input, as the kind of its weights wants them.
struct Activations {
    int64_t stride;                 // from row to row, in numbers
    std::unique_ptr<char, void (*)(void*)> memory;
    float *plain, *scale;           // float weights: as they are; a scale a row for int8, a row and block for int4
    uint8_t* bytes;                 // int8: x / scale + 128; int4: x / scale, of each block the even columns first
    int32_t* eights;                // int4: -8 times the sum of each lane's columns, since a weight is nibble - 8

    Activations(int64_t rows, int64_t widest)
        : stride((up_to(widest, BLOCK) / BLOCK | 1) * BLOCK), memory(nullptr, std::free) {
        rows = up_to(rows, 16);     // a matrix tile reads sixteen
        memory.reset((char*)std::aligned_alloc(64, rows * stride * 6));
        plain = (float*)memory.get();
        bytes = (uint8_t*)(plain + rows * stride);
        eights = (int32_t*)(bytes + rows * stride);
        scale = (float*)(eights + rows * stride / LANE);
    }
};

// The step between whole numbers when the largest of n becomes 127; NaN where one of them is not finite.
static float step_of(const float* x, int64_t n) {
    float most = 0, odd = 0;
#pragma omp simd reduction(max : most) reduction(+ : odd)
    for (int64_t i = 0; i < n; i++) most = std::max(most, std::fabs(x[i])), odd += x[i] * 0;
    return most / 127 + odd;
}

static inline float whole(float x, float step) {
    return step > 1e-37f ? std::min(127.f, std::max(-127.f, std::rint(x / step))) : 0;  // below, x / step may overflow
}

static void round_row(const Linear& layer, const float* x, Activations& to, int64_t row) {
    const int64_t n = layer.in, at = row * to.stride;
    if (layer.kind == INT8) {
        const float step = to.scale[row] = step_of(x, n);
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to.bytes[at + i] = uint8_t(int32_t(whole(x[i], step)) + 128);
    } else if (layer.kind == INT4) {
        for (int64_t first = 0; first < n; first += BLOCK) {
            const int64_t width = std::min<int64_t>(BLOCK, n - first);
            const float step = to.scale[(at + first) / BLOCK] = step_of(x + first, width);
            int8_t numbers[BLOCK] = {};
#pragma omp simd
            for (int64_t i = 0; i < width; i++) numbers[i] = int8_t(whole(x[first + i], step));
            uint8_t* bytes = to.bytes + at + first;
            for (int i = 0; i < BLOCK / 2; i++)
                bytes[i] = uint8_t(numbers[2 * i]), bytes[BLOCK / 2 + i] = uint8_t(numbers[2 * i + 1]);
            for (int lane = 0; lane < BLOCK / LANE; lane++) {
                int32_t sum = 0;
                for (int i = 0; i < LANE; i++) sum += numbers[lane * LANE + i];
                to.eights[(at + first) / LANE + lane] = -8 * sum;
            }
        }
    } else {
        std::memcpy(to.plain + at, x, n * sizeof(float));
    }
}
