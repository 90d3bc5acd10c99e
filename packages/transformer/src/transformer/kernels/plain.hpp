// A tile in plain loops, for processors without special instructions: the same numbers.
#pragma once
#include "activations.hpp"

static float one_int8(const Linear& layer, const Activations& x, int64_t row, int64_t out) {
    const int8_t* weight = (const int8_t*)layer.weight + out * layer.in;
    const uint8_t* bytes = x.bytes + row * x.stride;
    int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < layer.in; k++) sum += (int32_t(bytes[k]) - 128) * int32_t(weight[k]);
    return float(sum) * x.scale[row] * layer.scale[out];
}

static float one_int4(const Linear& layer, const Activations& x, int64_t row, int64_t out) {
    const uint8_t* weight = (const uint8_t*)layer.weight + out * (layer.in / 2);
    const float* scale = layer.scale + out * (layer.in / layer.group);
    float total = 0;
    for (int64_t k = 0; k < layer.in; k += LANE) {
        const int64_t block = row * x.stride + k / BLOCK * BLOCK;
        const int8_t* even = (const int8_t*)x.bytes + block + k % BLOCK / 2;
        int32_t sum = x.eights[(row * x.stride + k) / LANE];
        for (int64_t i = 0; i < std::min<int64_t>(LANE, layer.in - k) / 2; i++)
            sum += (weight[k / 2 + i] & 15) * even[i] + (weight[k / 2 + i] >> 4) * even[BLOCK / 2 + i];
        total += float(sum) * x.scale[block / BLOCK] * scale[k / layer.group];
    }
    return total;
}

static inline float one(const float* weight) { return *weight; }
static inline float one(const int8_t* weight) { return *weight; }
static inline float one(const uint16_t* weight) { return std::bit_cast<float>(uint32_t(*weight) << 16); }

template <typename Weight>
static float one_float(const Linear& layer, const Activations& x, int64_t row, int64_t out) {
    const Weight* weight = (const Weight*)layer.weight + out * layer.in;
    const float* values = x.plain + row * x.stride;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t k = 0; k < layer.in; k++) sum += values[k] * one(weight + k);
    return layer.kind == INT8_WEIGHTS ? sum * layer.scale[out] : sum;
}

template <int R, Kind KIND>
static void tile_of(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS],
                    const struct Columns&) {
    constexpr auto one = KIND == INT8 ? one_int8 : KIND == INT4 ? one_int4 : KIND == FLOAT32 ? one_float<float>
        : KIND == BFLOAT16 ? one_float<uint16_t> : one_float<int8_t>;
    for (int r = 0; r < R; r++)
        for (int c = 0; c < OUTS; c++) y[r][c] = one(layer, x, row + r, outs[c]);
}
