// Tiles by AVX-512 VNNI: R rows of activations, from `row` on, times the weight rows `outs`.
#pragma once
#include "unrolled.hpp"

constexpr int AHEAD = 8192;         // bytes between what is computed and what is called from memory, by the first tile

// The sums of four vectors, side by side: first [a b c d] in each quarter, then the quarters on top of each other.
template <typename Add>
static __m128 four_sums(__m512 a, __m512 b, __m512 c, __m512 d, Add add) {
    const __m512d ab = _mm512_castps_pd(add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
    const __m512d cd = _mm512_castps_pd(add(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)));
    const __m512 all = add(_mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)), _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
    const __m512 half = add(all, _mm512_shuffle_f32x4(all, all, 0b01001110));
    return _mm512_castps512_ps128(add(half, _mm512_shuffle_f32x4(half, half, 0b10110001)));
}
INLINED static inline __m128 four_sums(const __m512* x) {
    return four_sums(x[0], x[1], x[2], x[3], [](__m512 a, __m512 b) { return _mm512_add_ps(a, b); });
}
INLINED static inline __m128i four_sums(const __m512i* x) {
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

// Calls part(k, mask of what is there) for every `step` columns, and then for those that are left: a compiler that sees
// a mask of ones leaves it out.
template <typename Part>
INLINED static inline void in_parts(int64_t n, int64_t step, Part part) {
    int64_t k = 0;
    for (; k + step <= n; k += step) part(k, std::integral_constant<uint64_t, ~uint64_t{0}>());
    if (k < n) part(k, first_ones(n - k));
}

template <int R>
static void tile_int8(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    __m512i sum[R][OUTS] = {}, all[OUTS] = {};
    const int64_t n = layer.in;
    const auto weights = rows_at<OUTS>((const int8_t*)layer.weight, outs, n);
    const auto bytes = rows_from<R>(x.bytes, row, x.stride);
    const auto part = [&](int64_t k, auto there, auto counted) INLINED {
        __m512i w[OUTS];
        unrolled<OUTS>([&](auto c) INLINED {
            w[c] = _mm512_maskz_loadu_epi8(there, weights[c] + k);
            _mm_prefetch((const char*)weights[c] + k + AHEAD, _MM_HINT_T0);
        });
        unrolled<R>([&](auto r) INLINED {
            const __m512i numbers = _mm512_loadu_si512(bytes[r] + k);
            unrolled<OUTS>([&](auto c) INLINED { sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], numbers, w[c]); });
        });
        if constexpr (counted)
            unrolled<OUTS>([&](auto c) INLINED { all[c] = _mm512_dpbusd_epi32(all[c], _mm512_set1_epi8(1), w[c]); });
    };
    if (R == 1 && layer.sums)
        unrolled<OUTS>([&](auto c) INLINED { sum[0][c] = sums_of_row(weights[c], bytes[0], n); });
    else if (layer.sums)
        in_parts(n, 64, [&](int64_t k, auto there) INLINED { part(k, there, std::false_type()); });
    else
        in_parts(n, 64, [&](int64_t k, auto there) INLINED { part(k, there, std::true_type()); });
    const auto [a, b, c, d] = std::array{outs[0], outs[1], outs[2], outs[3]};
    const int32_t* known = layer.sums;
    const __m128i sums = known ? _mm_setr_epi32(known[a], known[b], known[c], known[d]) : four_sums(all);
    const __m128i shift = _mm_slli_epi32(sums, 7);  // 128 of them, for the 128 in each byte of x
    const __m128 scale = _mm_setr_ps(layer.scale[a], layer.scale[b], layer.scale[c], layer.scale[d]);
    unrolled<R>([&](auto r) INLINED {
        const __m128 exact = _mm_cvtepi32_ps(_mm_sub_epi32(four_sums(sum[r]), shift));
        _mm_storeu_ps(y[r], _mm_mul_ps(_mm_mul_ps(exact, _mm_set1_ps(x.scale[row + r])), scale));
    });
}

template <int R>
static void tile_int4(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    const int64_t width = layer.in / 2, groups = layer.in / layer.group;
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i of_lane = _mm512_srli_epi32(  // which of a block's scales each lane takes
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        std::min(4, std::countr_zero(uint64_t(layer.group / LANE))));
    __m512 sum[R][OUTS] = {};
    const auto weights = rows_at<OUTS>((const uint8_t*)layer.weight, outs, width);
    const auto scales = rows_at<OUTS>(layer.scale, outs, groups);
    const auto bytes = rows_from<R>(x.bytes, row, x.stride);
    const auto eights = rows_from<R>(x.eights, row, x.stride / LANE);
    const auto steps = rows_from<R>(x.scale, row, x.stride / BLOCK);
    const int in_block = layer.group >= BLOCK ? 0 : std::countr_zero(uint64_t(BLOCK / layer.group));
    in_parts(width, BLOCK / 2, [&](int64_t at, auto there) INLINED {
        const int64_t block = at / (BLOCK / 2), group = layer.group >= BLOCK ? 2 * at / layer.group : block << in_block;
        __m512 scale[OUTS];
        __m512i even[OUTS], odd[OUTS];
        unrolled<OUTS>([&](auto c) INLINED {
            const __m512i both = _mm512_maskz_loadu_epi8(there, weights[c] + at);
            _mm_prefetch((const char*)weights[c] + at + AHEAD, _MM_HINT_T0);
            even[c] = _mm512_and_si512(both, nibble);
            odd[c] = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
            const __m512 some = _mm512_maskz_loadu_ps(first_ones(groups - group), scales[c] + group);
            scale[c] = _mm512_permutexvar_ps(of_lane, some);
        });
        unrolled<R>([&](auto r) INLINED {
            const __m512i start = _mm512_loadu_si512(eights[r] + block * (BLOCK / LANE));
            const __m512i first = _mm512_loadu_si512(bytes[r] + block * BLOCK);
            const __m512i second = _mm512_loadu_si512(bytes[r] + block * BLOCK + BLOCK / 2);
            const __m512 step = _mm512_set1_ps(steps[r][block]);
            unrolled<OUTS>([&](auto c) INLINED {
                const __m512i exact = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start, even[c], first), odd[c], second);
                sum[r][c] = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(exact), step), scale[c], sum[r][c]);
            });
        });
    });
    unrolled<R>([&](auto r) INLINED { _mm_storeu_ps(y[r], four_sums(sum[r])); });
}

INLINED static inline __m512 sixteen(const float* from, __mmask16 there) { return _mm512_maskz_loadu_ps(there, from); }
INLINED static inline __m512 sixteen(const int8_t* from, __mmask16 there) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(there, from)));
}
INLINED static inline __m512 sixteen(const uint16_t* from, __mmask16 there) {
    const __m256i halves = _mm256_maskz_loadu_epi16(there, from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// Of the columns from `first` to `end`. Sums that are not at their end yet are kept, and taken up in the next call: the
// same additions in the same order.
template <int R, Kind KIND>
static void tile_float(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS],
                       int64_t first, int64_t end, float* kept) {
    using Number = std::conditional_t<KIND == FLOAT32, float, std::conditional_t<KIND == BFLOAT16, uint16_t, int8_t>>;
    __m512 sum[R][OUTS] = {};
    const auto weights = rows_at<OUTS>((const Number*)layer.weight + first, outs, layer.in);
    const auto values = rows_from<R>(x.plain + first, row, x.stride);
    const auto each = [&](auto what) INLINED {
        unrolled<R * OUTS>([&](auto i) INLINED { what(sum[i / OUTS][i % OUTS], kept + 16 * i); });
    };
    if (first) each([](__m512& one, const float* from) INLINED { one = _mm512_loadu_ps(from); });
    in_parts(end - first, 16, [&](int64_t k, auto there) INLINED {
        __m512 w[OUTS];
        unrolled<OUTS>([&](auto c) INLINED {
            w[c] = sixteen(weights[c] + k, there);
            if constexpr (R <= FIRST) _mm_prefetch((const char*)(weights[c] + k) + AHEAD, _MM_HINT_T0);
        });
        unrolled<R>([&](auto r) INLINED {
            const __m512 v = sixteen(values[r] + k, there);
            unrolled<OUTS>([&](auto c) INLINED { sum[r][c] = _mm512_fmadd_ps(v, w[c], sum[r][c]); });
        });
    });
    if (end < layer.in) return each([](__m512& one, float* to) INLINED { _mm512_storeu_ps(to, one); });
    unrolled<R>([&](auto r) INLINED { _mm_storeu_ps(y[r], four_sums(sum[r])); });
    if (KIND == INT8_WEIGHTS)
        for (int r = 0; r < R; r++)
            for (int c = 0; c < OUTS; c++) y[r][c] *= layer.scale[outs[c]];
}
