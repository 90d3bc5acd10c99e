// Tiles by AVX2 and FMA, which processors of laptops have: R rows of activations, from `row` on, times the weight rows
// `outs`. Where there is AVX-VNNI, one instruction takes the place of three.
#pragma once
#include "unrolled.hpp"

constexpr int AHEAD = 4096;         // bytes between what is computed and what is called from memory

// The sums of four vectors, side by side.
INLINED static inline __m128 four_sums(const __m256* x) {
    const __m256 all = _mm256_hadd_ps(_mm256_hadd_ps(x[0], x[1]), _mm256_hadd_ps(x[2], x[3]));
    return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}
INLINED static inline __m128i four_sums(const __m256i* x) {
    const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(x[0], x[1]), _mm256_hadd_epi32(x[2], x[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

// Adds to each sum four products of bytes, unsigned by signed. The pairs of 16 bits in between do not overflow: one
// factor is at most 128, the other 127.
INLINED static inline __m256i add_products(__m256i sum, __m256i positive, __m256i any) {
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(sum, positive, any);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(positive, any), _mm256_set1_epi16(1)));
#endif
}

// Up to N numbers of type T, with zeros behind them, where reading on would leave the row.
template <int N, typename T>
struct Filled {
    alignas(32) T numbers[N] = {};
    Filled(const T* from, int64_t there) { std::memcpy(numbers, from, std::min<int64_t>(N, there) * sizeof(T)); }
};

INLINED static inline __m256i thirty_two(const void* from, int64_t there) {
    return there >= 32 ? _mm256_loadu_si256((const __m256i*)from)
                       : _mm256_load_si256((const __m256i*)Filled<32, int8_t>((const int8_t*)from, there).numbers);
}

// Eight numbers as float32, or as many as there are.
INLINED static inline __m256 eight(const float* from, int64_t there) {
    return there >= 8 ? _mm256_loadu_ps(from) : _mm256_load_ps(Filled<8, float>(from, there).numbers);
}
INLINED static inline __m256 eight(const int8_t* from, int64_t there) {
    const __m128i bytes = there >= 8 ? _mm_loadl_epi64((const __m128i*)from)
                                     : _mm_load_si128((const __m128i*)Filled<16, int8_t>(from, there).numbers);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}
INLINED static inline __m256 eight(const uint16_t* from, int64_t there) {
    const __m128i halves = there >= 8 ? _mm_loadu_si128((const __m128i*)from)
                                      : _mm_load_si128((const __m128i*)Filled<8, uint16_t>(from, there).numbers);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

// Calls part(k, columns that are there) for every `step` columns, and then for those that are left.
template <typename Part>
INLINED static inline void in_parts(int64_t n, int64_t step, Part part) {
    int64_t k = 0;
    for (; k + step <= n; k += step) part(k, std::integral_constant<int64_t, 1 << 16>());
    if (k < n) part(k, n - k);
}

template <int R>
static void tile_int8(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (R > 2) {              // there are sixteen registers, and the weights are near now
        tile_int8<2>(layer, x, row, outs, y);
        tile_int8<R - 2>(layer, x, row + 2, outs, y + 2);
        return;
    }
    __m256i sum[R][OUTS] = {};
    const auto weights = rows_at<OUTS>((const int8_t*)layer.weight, outs, layer.in);
    const auto bytes = rows_from<R>(x.bytes, row, x.stride);
    in_parts(layer.in, 32, [&](int64_t k, auto there) INLINED {
        __m256i numbers[R];             // 128 was added to each of x; what is past its end meets zeros
        unrolled<R>([&](auto r) INLINED {
            const __m256i plus_128 = _mm256_loadu_si256((const __m256i*)(bytes[r] + k));
            numbers[r] = _mm256_xor_si256(plus_128, _mm256_set1_epi8(-128));
        });
        unrolled<OUTS>([&](auto c) INLINED {
            const __m256i w = thirty_two(weights[c] + k, there), size = _mm256_abs_epi8(w);
            _mm_prefetch((const char*)weights[c] + k + AHEAD, _MM_HINT_T0);
            unrolled<R>([&](auto r) INLINED {
                sum[r][c] = add_products(sum[r][c], size, _mm256_sign_epi8(numbers[r], w));
            });
        });
    });
    const auto [a, b, c, d] = std::array{outs[0], outs[1], outs[2], outs[3]};
    const __m128 scale = _mm_setr_ps(layer.scale[a], layer.scale[b], layer.scale[c], layer.scale[d]);
    unrolled<R>([&](auto r) INLINED {
        const __m128 exact = _mm_cvtepi32_ps(four_sums(sum[r]));
        _mm_storeu_ps(y[r], _mm_mul_ps(_mm_mul_ps(exact, _mm_set1_ps(x.scale[row + r])), scale));
    });
}

template <int R>
static void tile_int4(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (R > 2) {
        tile_int4<2>(layer, x, row, outs, y);
        tile_int4<R - 2>(layer, x, row + 2, outs, y + 2);
        return;
    }
    const int64_t width = layer.in / 2, groups = layer.in / layer.group;
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i of_lane = _mm256_srli_epi32(  // which of half a block's scales each lane takes
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), std::min(3, std::countr_zero(uint64_t(layer.group / LANE))));
    __m256 sum[R][OUTS] = {};
    const auto weights = rows_at<OUTS>((const uint8_t*)layer.weight, outs, width);
    const auto scales = rows_at<OUTS>(layer.scale, outs, groups);
    const auto bytes = rows_from<R>(x.bytes, row, x.stride);
    const auto eights = rows_from<R>(x.eights, row, x.stride / LANE);
    const auto steps = rows_from<R>(x.scale, row, x.stride / BLOCK);
    const int shift = std::countr_zero(uint64_t(layer.group)), whole = (layer.group & (layer.group - 1)) == 0;
    in_parts(width, BLOCK / 4, [&](int64_t at, auto there) INLINED {  // half a block: 32 bytes
        const int64_t block = at / (BLOCK / 2), half = at % (BLOCK / 2);
        const int64_t group = whole ? 2 * at >> shift : 2 * at / layer.group;
        __m256i start[R], first[R], second[R];
        unrolled<R>([&](auto r) INLINED {
            start[r] = _mm256_loadu_si256((const __m256i*)(eights[r] + 2 * at / LANE));
            first[r] = _mm256_loadu_si256((const __m256i*)(bytes[r] + block * BLOCK + half));
            second[r] = _mm256_loadu_si256((const __m256i*)(bytes[r] + block * BLOCK + BLOCK / 2 + half));
        });
        unrolled<OUTS>([&](auto c) INLINED {
            const __m256i both = thirty_two(weights[c] + at, there);
            _mm_prefetch((const char*)weights[c] + at + AHEAD, _MM_HINT_T0);
            const __m256i even = _mm256_and_si256(both, nibble);
            const __m256i odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
            const __m256 scale = _mm256_permutevar8x32_ps(eight(scales[c] + group, groups - group), of_lane);
            unrolled<R>([&](auto r) INLINED {
                const __m256i exact = add_products(add_products(start[r], even, first[r]), odd, second[r]);
                const __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(exact), _mm256_set1_ps(steps[r][block]));
                sum[r][c] = _mm256_fmadd_ps(value, scale, sum[r][c]);
            });
        });
    });
    unrolled<R>([&](auto r) INLINED { _mm_storeu_ps(y[r], four_sums(sum[r])); });
}

template <int R, Kind KIND>
static void tile_float(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (R > 2) {
        tile_float<2, KIND>(layer, x, row, outs, y);
        tile_float<R - 2, KIND>(layer, x, row + 2, outs, y + 2);
        return;
    }
    using Number = std::conditional_t<KIND == FLOAT32, float, std::conditional_t<KIND == BFLOAT16, uint16_t, int8_t>>;
    __m256 sum[R][OUTS] = {};
    const auto weights = rows_at<OUTS>((const Number*)layer.weight, outs, layer.in);
    const auto values = rows_from<R>(x.plain, row, x.stride);
    in_parts(layer.in, 8, [&](int64_t k, auto there) INLINED {
        __m256 v[R];
        unrolled<R>([&](auto r) INLINED { v[r] = eight(values[r] + k, there); });
        unrolled<OUTS>([&](auto c) INLINED {
            const __m256 w = eight(weights[c] + k, there);
            _mm_prefetch((const char*)(weights[c] + k) + AHEAD, _MM_HINT_T0);
            unrolled<R>([&](auto r) INLINED { sum[r][c] = _mm256_fmadd_ps(v[r], w, sum[r][c]); });
        });
    });
    unrolled<R>([&](auto r) INLINED { _mm_storeu_ps(y[r], four_sums(sum[r])); });
    if (KIND == INT8_WEIGHTS)
        for (int r = 0; r < R; r++)
            for (int c = 0; c < OUTS; c++) y[r][c] *= layer.scale[outs[c]];
}
