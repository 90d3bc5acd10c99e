// Tiles by AVX-512 VNNI: R rows of activations, from `row` on, times the weight rows `outs`.
#pragma once
#include "activations.hpp"

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

template <int R, Kind KIND>
static void tile_of(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (KIND == INT8) return tile_int8<R>(layer, x, row, outs, y);
    else if constexpr (KIND == INT4) return tile_int4<R>(layer, x, row, outs, y);
    else return tile_float<R, KIND>(layer, x, row, outs, y);
}
