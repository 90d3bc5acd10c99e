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

// Columns of a product, of those that a tile goes over at once.
struct Columns {
    int64_t first, end;
    float* kept;                        // where sums stand in between, 16 numbers each
};
#ifdef VNNI
constexpr int64_t MOST_COLUMNS = 768;   // of a tile's rows, so that these stay in the nearest cache
#else
constexpr int64_t MOST_COLUMNS = INT64_MAX;
#endif

#if defined(VNNI) || defined(AVX2)
template <int R, Kind KIND>
static void tile_of(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS],
                    const Columns& columns) {
    if constexpr (KIND == INT8) return tile_int8<R>(layer, x, row, outs, y);
    else if constexpr (KIND == INT4) return tile_int4<std::min(R, FIRST)>(layer, x, row, outs, y);
#ifdef VNNI
    else return tile_float<R, KIND>(layer, x, row, outs, y, columns.first, columns.end, columns.kept);
#else
    else return tile_float<R, KIND>(layer, x, row, outs, y);
#endif
}
#endif

template <int R>
static void tile(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS],
                 const Columns& columns) {
    switch (layer.kind) {
        case INT8: return tile_of<R, INT8>(layer, x, row, outs, y, columns);
        case INT4: return tile_of<R, INT4>(layer, x, row, outs, y, columns);
        case FLOAT32: return tile_of<R, FLOAT32>(layer, x, row, outs, y, columns);
        case BFLOAT16: return tile_of<R, BFLOAT16>(layer, x, row, outs, y, columns);
        default: return tile_of<R, INT8_WEIGHTS>(layer, x, row, outs, y, columns);
    }
}

template <int R>
static void write_tile(const Linear& layer, const Activations& x, int64_t row, int64_t out, float* y, bool add,
                       const Columns& columns) {
    int64_t outs[OUTS];
    float found[R][OUTS];
    for (int c = 0; c < OUTS; c++) outs[c] = std::min(out + c, layer.out - 1);
    tile<R>(layer, x, row, outs, found, columns);
    if (columns.end < layer.in) return;
    for (int r = 0; r < R; r++)
        for (int c = 0; c < OUTS && out + c < layer.out; c++) {
            float& to = y[(row + r) * layer.out + out + c];
            to = found[r][c] + (layer.bias ? layer.bias[out + c] : 0) + (add ? to : 0);
        }
}
