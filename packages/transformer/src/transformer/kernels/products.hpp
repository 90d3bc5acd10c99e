// y = x W^T for weights that are float32, bfloat16, int8 or int4: what a decoding step spends its time on.
//
// Weights stay as they are on disk, row by row: nothing is packed or held twice. A row is read once from memory and
// multiplied, while it is in registers, with up to four rows of activations. Whole numbers meet activations that are
// rounded to eight bits as they come: `vpdpbusd` (AVX-512 VNNI) multiplies 64 pairs of bytes, unsigned by signed, and
// adds the products up in fours. Many rows of int8 meet in the matrix tiles of AMX, where there are. Processors with
// AVX2 do the same by half as many numbers at a time, others run plain loops, on the same numbers.
#pragma once
#include "tiles.hpp"

#ifdef AMX
constexpr int MANY = 16;            // rows from which turning weights over is worth it

// Linux lends the tiles' registers to processes that ask (state component 18).
static bool has_tiles() {
    static const bool lent = syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18) == 0;
    return lent;
}

// Sixteen rows of 64 bytes, as the second factor of a tile product wants them: four bytes of each row side by side.
static void turned(const int8_t* weight, int64_t stride, int64_t rows, int8_t* to) {
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++) r[i] = i < rows ? _mm512_loadu_si512(weight + i * stride) : _mm512_setzero_si512();
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]), r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]), r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int j = 0; j < 4; j++) {
        const __m512i a = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88), b = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
        _mm512_store_si512(to + 64 * j, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_store_si512(to + 64 * (j + 4), _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_store_si512(to + 64 * (j + 8), _mm512_shuffle_i32x4(a, c, 0xdd));
        _mm512_store_si512(to + 64 * (j + 12), _mm512_shuffle_i32x4(b, d, 0xdd));
    }
}

// What a tile of exact sums [16, 16] stands for, into y: rows from `row` on, outs from `out` on.
static void write_sums(const Linear& layer, const Activations& x, const int32_t* sums, int64_t row, int64_t rows,
                       int64_t out, float* y, bool add) {
    const __mmask16 there = __mmask16(first_ones(std::min<int64_t>(16, layer.out - out)));
    const __m512i shift = _mm512_slli_epi32(_mm512_maskz_loadu_epi32(there, layer.sums + out), 7);
    const __m512 scale = _mm512_maskz_loadu_ps(there, layer.scale + out);
    const __m512 bias = layer.bias ? _mm512_maskz_loadu_ps(there, layer.bias + out) : _mm512_setzero_ps();
    for (int64_t r = row; r < std::min(row + 16, rows); r++) {
        const __m512 exact = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_load_si512(sums + 16 * (r - row)), shift));
        __m512 value = _mm512_mul_ps(_mm512_mul_ps(exact, _mm512_set1_ps(x.scale[r])), scale);
        value = _mm512_add_ps(value, bias);
        if (add) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(there, y + r * layer.out + out));
        _mm512_mask_storeu_ps(y + r * layer.out + out, there, value);
    }
}

// `product` of int8 for many rows: tiles of 16 x 64 bytes times 64 x 16, 32 rows by 32 outs at a time, to the same sums.
static void product_of_tiles(const Linear& layer, const Activations& x, int64_t rows, float* y, bool add) {
    alignas(64) static const struct {
        uint8_t palette = 1, none[15] = {};
        uint16_t width[16] = {64, 64, 64, 64, 64, 64, 64, 64};
        uint8_t height[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } shape;
    alignas(64) int32_t sums[4][256];
    std::unique_ptr<char, void (*)(void*)> memory((char*)std::aligned_alloc(64, 32 * layer.in), std::free);
    int8_t* left = (int8_t*)memory.get();
    int8_t* right = left + 16 * layer.in;
    _tile_loadconfig(&shape);
#pragma omp for schedule(static)
    for (int64_t out = 0; out < layer.out; out += 32) {
        const int8_t* weight = (const int8_t*)layer.weight + out * layer.in;
        for (int64_t k = 0; k < layer.in; k += 64) {
            turned(weight + k, layer.in, layer.out - out, left + 16 * k);
            turned(weight + 16 * layer.in + k, layer.in, layer.out - out - 16, right + 16 * k);
        }
        asm volatile("" ::: "memory");  // gcc does not know that loading a tile reads memory
        for (int64_t row = 0; row < rows; row += 32) {
            const uint8_t* upper = x.bytes + row * x.stride;
            const uint8_t* lower = row + 16 < rows ? upper + 16 * x.stride : upper;  // once more, and not written
            _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
            for (int64_t k = 0; k < layer.in; k += 64) {
                _tile_loadd(4, upper + k, x.stride); _tile_loadd(5, lower + k, x.stride);
                _tile_loadd(6, left + 16 * k, 64); _tile_loadd(7, right + 16 * k, 64);
                _tile_dpbusd(0, 4, 6); _tile_dpbusd(1, 4, 7); _tile_dpbusd(2, 5, 6); _tile_dpbusd(3, 5, 7);
            }
            _tile_stored(0, sums[0], 64); _tile_stored(1, sums[1], 64);
            _tile_stored(2, sums[2], 64); _tile_stored(3, sums[3], 64);
            for (int i = 0; i < 4; i++)
                if (const int64_t at = out + i % 2 * 16; at < layer.out)
                    write_sums(layer, x, sums[i], row + i / 2 * 16, rows, at, y, add);
        }
    }
    _tile_release();
}
#endif

// Rows of the next tile, of those that are left, `rows` in all: few in the first one, and then as many as there can be,
// never five.
static int64_t rows_of_tile(const Linear& layer, int64_t left, int64_t rows) {
    if (layer.kind == INT4) return std::min<int64_t>(left, FIRST);  // more sums than registers hold
    return left < rows && left % ROWS == 0 ? ROWS : left % ROWS == 3 ? 3 : std::min<int64_t>(left, FIRST);
}

static void write_tile(const Linear& layer, const Activations& x, int64_t row, int64_t rows, int64_t out, float* y,
                       bool add, const Columns& columns) {
    switch (rows) {
        case 1: return write_tile<1>(layer, x, row, out, y, add, columns);
        case 2: return write_tile<2>(layer, x, row, out, y, add, columns);
        case 3: return write_tile<3>(layer, x, row, out, y, add, columns);
        case 4: return write_tile<4>(layer, x, row, out, y, add, columns);
        default: return write_tile<6>(layer, x, row, out, y, add, columns);
    }
}

constexpr int64_t PANEL = 32;           // rows of W that stay in the cache while they meet many rows of x

// `product` of all of x and the rows of W from `first` to `end`: few enough to be read from memory once.
static void product_of_panel(const Linear& layer, const Activations& x, int64_t rows, float* y, bool add,
                             int64_t first, int64_t end, int64_t columns) {
    alignas(64) float kept[PANEL / OUTS][ROWS * OUTS * 16];
    for (int64_t row = 0, tall; row < rows; row += tall) {
        tall = rows_of_tile(layer, rows - row, rows);
        for (int64_t at = 0, next; at < layer.in; at = next) {
            next = layer.in - at > columns ? at + columns : layer.in;
            for (int64_t out = first; out < end; out += OUTS)
                write_tile(layer, x, row, tall, out, y, add, {at, next, kept[(out - first) / OUTS]});
        }
    }
}

// y = x W^T + bias, or y += that. Every thread of a team calls it: each takes some of W's rows, and waits at the end.
static void product(const Linear& layer, const Activations& x, int64_t rows, float* y, bool add = false) {
#ifdef AMX
    if (rows >= MANY && layer.kind == INT8 && layer.in % 64 == 0 && layer.sums && has_tiles())
        return product_of_tiles(layer, x, rows, y, add);
#endif
    const bool few = rows <= FEW, whole = few || layer.kind == INT8 || layer.kind == INT4;
    const int64_t panel = few ? OUTS : PANEL, columns = whole ? layer.in : MOST_COLUMNS;
#pragma omp for schedule(static)
    for (int64_t some = 0; some < layer.out; some += PANEL)
        for (int64_t first = some; first < std::min(some + PANEL, layer.out); first += panel)
            product_of_panel(layer, x, rows, y, add, first, std::min(first + panel, layer.out), columns);
}
