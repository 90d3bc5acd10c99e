// y = x W^T for weights that are float32, bfloat16, int8 or int4: what a decoding step spends its time on.
//
// Weights stay as they are on disk, row by row: nothing is packed or held twice. A row is read once from memory and
// multiplied, while it is in registers, with up to four rows of activations. Whole numbers meet activations that are
// rounded to eight bits as they come: `vpdpbusd` (AVX-512 VNNI) multiplies 64 pairs of bytes, unsigned by signed, and
// adds the products up in fours. Many rows of int8 meet in the matrix tiles of AMX, where there are. Other processors
// run the plain loops, on the same numbers.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && !defined(PLAIN)
#include <immintrin.h>
#define VNNI 1
#if defined(__AMX_INT8__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define AMX 1
#endif
#endif

enum Kind : int64_t { FLOAT32, BFLOAT16, INT8, INT4, INT8_WEIGHTS };  // the last: with activations as they are
constexpr int ROWS = 4, OUTS = 4;   // a tile: so many rows of activations times so many of weights
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
        : stride(up_to(widest, BLOCK)), memory(nullptr, std::free) {
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

// ---- a tile: R rows of activations, from `row` on, times the weight rows `outs` ---------------------------------

#ifdef VNNI
constexpr int AHEAD = 8192;         // bytes between what is computed and what is called from memory

// The sums of four vectors, side by side: first [a b c d] in each quarter, then the quarters on top of each other.
template <typename Add>
static __m128 four_sums(__m512 a, __m512 b, __m512 c, __m512 d, Add add) {
    const __m512d ab = _mm512_castps_pd(add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
    const __m512d cd = _mm512_castps_pd(add(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)));
    const __m512 all = add(_mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)), _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
    const __m512 half = add(all, _mm512_shuffle_f32x4(all, all, 0b01001110));
    return _mm512_castps512_ps128(add(half, _mm512_shuffle_f32x4(half, half, 0b10110001)));
}
static __m128 four_sums(const __m512* x) {
    return four_sums(x[0], x[1], x[2], x[3], [](__m512 a, __m512 b) { return _mm512_add_ps(a, b); });
}
static __m128i four_sums(const __m512i* x) {
    const auto as_float = [](__m512i a) { return _mm512_castsi512_ps(a); };
    const auto as_whole = [](__m512 a) { return _mm512_castps_si512(a); };
    return _mm_castps_si128(four_sums(as_float(x[0]), as_float(x[1]), as_float(x[2]), as_float(x[3]),
        [=](__m512 a, __m512 b) { return as_float(_mm512_add_epi32(as_whole(a), as_whole(b))); }));
}
static uint64_t first_ones(int64_t n) { return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1; }

// One row of activations times one of weights, read straight on: four streams at a time, as a tile reads them, come from
// memory a quarter more slowly on processors of AMD.
static __m512i sums_of_row(const int8_t* weight, const uint8_t* bytes, int64_t n) {
    __m512i sum[4] = {};
    int64_t k = 0;
    for (; k + 256 <= n; k += 256)
        for (int i = 0; i < 4; i++) {
            const int8_t* at = weight + k + 64 * i;
            sum[i] = _mm512_dpbusd_epi32(sum[i], _mm512_loadu_si512(bytes + k + 64 * i), _mm512_loadu_si512(at));
            _mm_prefetch((const char*)at + AHEAD, _MM_HINT_T0);
        }
    for (; k < n; k += 64) {
        const __m512i w = _mm512_maskz_loadu_epi8(first_ones(n - k), weight + k);
        sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_loadu_si512(bytes + k), w);
    }
    return _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3]));
}

template <int R>
static void tile_int8(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    __m512i sum[R][OUTS] = {}, w[OUTS], all[OUTS] = {};
    const bool straight = R == 1 && layer.sums;
    if (straight)
        for (int c = 0; c < OUTS; c++)
            sum[0][c] = sums_of_row((const int8_t*)layer.weight + outs[c] * layer.in, x.bytes + row * x.stride, layer.in);
    for (int64_t k = straight ? layer.in : 0; k < layer.in; k += 64) {
        for (int c = 0; c < OUTS; c++) {
            const int8_t* at = (const int8_t*)layer.weight + outs[c] * layer.in + k;
            w[c] = _mm512_maskz_loadu_epi8(first_ones(layer.in - k), at);
            _mm_prefetch((const char*)at + AHEAD, _MM_HINT_T0);
        }
        for (int r = 0; r < R; r++) {
            const __m512i bytes = _mm512_loadu_si512(x.bytes + (row + r) * x.stride + k);
            for (int c = 0; c < OUTS; c++) sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], bytes, w[c]);
        }
        if (!layer.sums)
            for (int c = 0; c < OUTS; c++) all[c] = _mm512_dpbusd_epi32(all[c], _mm512_set1_epi8(1), w[c]);
    }
    const auto [a, b, c, d] = std::array{outs[0], outs[1], outs[2], outs[3]};
    const int32_t* known = layer.sums;
    const __m128i sums = known ? _mm_setr_epi32(known[a], known[b], known[c], known[d]) : four_sums(all);
    const __m128i shift = _mm_slli_epi32(sums, 7);  // 128 of them, for the 128 in each byte of x
    const __m128 scale = _mm_setr_ps(layer.scale[a], layer.scale[b], layer.scale[c], layer.scale[d]);
    for (int r = 0; r < R; r++) {
        const __m128 exact = _mm_cvtepi32_ps(_mm_sub_epi32(four_sums(sum[r]), shift));
        _mm_storeu_ps(y[r], _mm_mul_ps(_mm_mul_ps(exact, _mm_set1_ps(x.scale[row + r])), scale));
    }
}

template <int R>
static void tile_int4(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    const int64_t width = layer.in / 2, groups = layer.in / layer.group;
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i of_lane = _mm512_srli_epi32(  // which of a block's scales each lane takes
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        std::min(4, std::countr_zero(uint64_t(layer.group / LANE))));
    __m512 sum[R][OUTS] = {}, scale[OUTS];
    __m512i even[OUTS], odd[OUTS];
    for (int64_t k = 0; k < layer.in; k += BLOCK) {
        const int64_t group = k / layer.group;
        for (int c = 0; c < OUTS; c++) {
            const uint8_t* at = (const uint8_t*)layer.weight + outs[c] * width + k / 2;
            const __m512i both = _mm512_maskz_loadu_epi8(first_ones(width - k / 2), at);
            _mm_prefetch((const char*)at + AHEAD, _MM_HINT_T0);
            even[c] = _mm512_and_si512(both, nibble);
            odd[c] = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
            const float* scales = layer.scale + outs[c] * groups + group;
            scale[c] = _mm512_permutexvar_ps(of_lane, _mm512_maskz_loadu_ps(first_ones(groups - group), scales));
        }
        for (int r = 0; r < R; r++) {
            const int64_t at = (row + r) * x.stride + k;
            const __m512i start = _mm512_loadu_si512(x.eights + at / LANE);
            const __m512i first = _mm512_loadu_si512(x.bytes + at);
            const __m512i second = _mm512_loadu_si512(x.bytes + at + BLOCK / 2);
            const __m512 step = _mm512_set1_ps(x.scale[at / BLOCK]);
            for (int c = 0; c < OUTS; c++) {
                const __m512i exact = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start, even[c], first), odd[c], second);
                sum[r][c] = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(exact), step), scale[c], sum[r][c]);
            }
        }
    }
    for (int r = 0; r < R; r++) _mm_storeu_ps(y[r], four_sums(sum[r]));
}

template <Kind KIND>
static __m512 sixteen(const void* weight, int64_t at, __mmask16 there) {
    if constexpr (KIND == FLOAT32) return _mm512_maskz_loadu_ps(there, (const float*)weight + at);
    if constexpr (KIND == INT8_WEIGHTS)
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(there, (const int8_t*)weight + at)));
    const __m256i halves = _mm256_maskz_loadu_epi16(there, (const uint16_t*)weight + at);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

template <int R, Kind KIND>
static void tile_float(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    __m512 sum[R][OUTS] = {}, w[OUTS];
    for (int64_t k = 0; k < layer.in; k += 16) {
        const __mmask16 there = first_ones(layer.in - k);
        for (int c = 0; c < OUTS; c++) w[c] = sixteen<KIND>(layer.weight, outs[c] * layer.in + k, there);
        for (int r = 0; r < R; r++) {
            const __m512 values = _mm512_maskz_loadu_ps(there, x.plain + (row + r) * x.stride + k);
            for (int c = 0; c < OUTS; c++) sum[r][c] = _mm512_fmadd_ps(values, w[c], sum[r][c]);
        }
    }
    for (int r = 0; r < R; r++) _mm_storeu_ps(y[r], four_sums(sum[r]));
    if (KIND == INT8_WEIGHTS)
        for (int r = 0; r < R; r++)
            for (int c = 0; c < OUTS; c++) y[r][c] *= layer.scale[outs[c]];
}
#else
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
#endif

template <int R>
static void tile(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
#ifdef VNNI
    switch (layer.kind) {
        case INT8: return tile_int8<R>(layer, x, row, outs, y);
        case INT4: return tile_int4<R>(layer, x, row, outs, y);
        case FLOAT32: return tile_float<R, FLOAT32>(layer, x, row, outs, y);
        case BFLOAT16: return tile_float<R, BFLOAT16>(layer, x, row, outs, y);
        default: return tile_float<R, INT8_WEIGHTS>(layer, x, row, outs, y);
    }
#else
    const auto one = layer.kind == INT8 ? one_int8 : layer.kind == INT4 ? one_int4 : layer.kind == FLOAT32
        ? one_float<float> : layer.kind == BFLOAT16 ? one_float<uint16_t> : one_float<int8_t>;
    for (int r = 0; r < R; r++)
        for (int c = 0; c < OUTS; c++) y[r][c] = one(layer, x, row + r, outs[c]);
#endif
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

// y = x W^T + bias, or y += that. Every thread of a team calls it: each takes some of W's rows, and waits at the end.
// A long x is gone through 32 rows at a time, so that these and 64 rows of W stay in the cache while they meet.
static void product(const Linear& layer, const Activations& x, int64_t rows, float* y, bool add = false) {
#ifdef AMX
    if (rows >= MANY && layer.kind == INT8 && layer.in % 64 == 0 && layer.sums && has_tiles())
        return product_of_tiles(layer, x, rows, y, add);
#endif
    const int64_t some = rows > 32 ? 64 : 16;
#pragma omp for schedule(static)
    for (int64_t first = 0; first < layer.out; first += some)
        for (int64_t top = 0; top < rows; top += 32)
            for (int64_t out = first; out < std::min(first + some, layer.out); out += OUTS)
                for (int64_t row = top; row < std::min(top + 32, rows); row += ROWS)
                    switch (rows - row) {
                        case 1: write_tile<1>(layer, x, row, out, y, add); break;
                        case 2: write_tile<2>(layer, x, row, out, y, add); break;
                        case 3: write_tile<3>(layer, x, row, out, y, add); break;
                        default: write_tile<4>(layer, x, row, out, y, add);
                    }
}
