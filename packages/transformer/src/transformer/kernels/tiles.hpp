// A tile: R rows of activations, from `row` on, times the weight rows `outs`, by the instructions that there are.
#pragma once
#include "activations.hpp"
#if defined(VNNI)
#include "avx512.hpp"
#elif defined(AVX2)
#include "avx2.hpp"
#else
#include "plain.hpp"
#endif

#if defined(VNNI) || defined(AVX2)
template <int R, Kind KIND>
static void tile_of(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (KIND == INT8) return tile_int8<R>(layer, x, row, outs, y);
    else if constexpr (KIND == INT4) return tile_int4<R>(layer, x, row, outs, y);
    else return tile_float<R, KIND>(layer, x, row, outs, y);
}
#endif

template <int R>
static void tile(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    switch (layer.kind) {
        case INT8: return tile_of<R, INT8>(layer, x, row, outs, y);
        case INT4: return tile_of<R, INT4>(layer, x, row, outs, y);
        case FLOAT32: return tile_of<R, FLOAT32>(layer, x, row, outs, y);
        case BFLOAT16: return tile_of<R, BFLOAT16>(layer, x, row, outs, y);
        default: return tile_of<R, INT8_WEIGHTS>(layer, x, row, outs, y);
    }
}

template <int R>
static void write_tile(const Linear& layer, const Activations& x, int64_t row, int64_t out, float* y, bool add) {
    int64_t outs[OUTS];
    float found[R][OUTS];
    for (int c = 0; c < OUTS; c++) outs[c] = std::min(out + c, layer.out - 1);
    tile<R>(layer, x, row, outs, found);
    for (int r = 0; r < R; r++)
        for (int c = 0; c < OUTS && out + c < layer.out; c++) {
            float& to = y[(row + r) * layer.out + out + c];
            to = found[r][c] + (layer.bias ? layer.bias[out + c] : 0) + (add ? to : 0);
        }
}
