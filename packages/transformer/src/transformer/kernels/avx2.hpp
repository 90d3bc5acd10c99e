// Tiles by AVX2 and FMA, which processors of laptops have: R rows of activations, from `row` on, times the weight rows
// `outs`. Where there is AVX-VNNI, one instruction takes the place of three.
#pragma once
#include "activations.hpp"

constexpr int AHEAD = 4096;         // bytes between what is computed and what is called from memory

// The sums of four vectors, side by side.
static __m128 four_sums(const __m256* x) {
    const __m256 all = _mm256_hadd_ps(_mm256_hadd_ps(x[0], x[1]), _mm256_hadd_ps(x[2], x[3]));
    return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}
static __m128i four_sums(const __m256i* x) {
    const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(x[0], x[1]), _mm256_hadd_epi32(x[2], x[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

// Adds to each sum four products of bytes, unsigned by signed. The pairs of 16 bits in between do not overflow: one
// factor is at most 128, the other 127.
static __m256i add_products(__m256i sum, __m256i positive, __m256i any) {
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

static __m256i thirty_two(const void* from, int64_t there) {
    return there >= 32 ? _mm256_loadu_si256((const __m256i*)from)
                       : _mm256_load_si256((const __m256i*)Filled<32, int8_t>((const int8_t*)from, there).numbers);
}

template <int R>
static void tile_int8(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    __m256i sum[R][OUTS] = {}, w[OUTS], size[OUTS];
    for (int64_t k = 0; k < layer.in; k += 32) {
        for (int c = 0; c < OUTS; c++) {
            const int8_t* at = (const int8_t*)layer.weight + outs[c] * layer.in + k;
            w[c] = thirty_two(at, layer.in - k);
            size[c] = _mm256_abs_epi8(w[c]);
            if (k % 64 == 0) _mm_prefetch((const char*)at + AHEAD, _MM_HINT_T0);
        }
        for (int r = 0; r < R; r++) {   // 128 was added to each number of x; what is past its end meets zeros
            const __m256i* at = (const __m256i*)(x.bytes + (row + r) * x.stride + k);
            const __m256i numbers = _mm256_xor_si256(_mm256_loadu_si256(at), _mm256_set1_epi8(-128));
            for (int c = 0; c < OUTS; c++)
                sum[r][c] = add_products(sum[r][c], size[c], _mm256_sign_epi8(numbers, w[c]));
        }
    }
    const __m128 scale = _mm_setr_ps(layer.scale[outs[0]], layer.scale[outs[1]], layer.scale[outs[2]], layer.scale[outs[3]]);
    for (int r = 0; r < R; r++) {
        const __m128 exact = _mm_cvtepi32_ps(four_sums(sum[r]));
        _mm_storeu_ps(y[r], _mm_mul_ps(_mm_mul_ps(exact, _mm_set1_ps(x.scale[row + r])), scale));
    }
}

template <int R>
static void tile_int4(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    const int64_t width = layer.in / 2, groups = layer.in / layer.group;
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i of_lane = _mm256_srli_epi32(  // which of half a block's scales each lane takes
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), std::min(3, std::countr_zero(uint64_t(layer.group / LANE))));
    __m256 sum[R][OUTS] = {}, scale[OUTS];
    __m256i even[OUTS], odd[OUTS];
    for (int64_t k = 0; k < layer.in; k += BLOCK / 2) {  // half a block: 32 bytes
        const int64_t group = k / layer.group;
        for (int c = 0; c < OUTS; c++) {
            const uint8_t* at = (const uint8_t*)layer.weight + outs[c] * width + k / 2;
            const __m256i both = thirty_two(at, width - k / 2);
            _mm_prefetch((const char*)at + AHEAD, _MM_HINT_T0);
            even[c] = _mm256_and_si256(both, nibble);
            odd[c] = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
            const float* scales = layer.scale + outs[c] * groups + group;
            const __m256 some = groups - group >= 8 ? _mm256_loadu_ps(scales)
                                                    : _mm256_load_ps(Filled<8, float>(scales, groups - group).numbers);
            scale[c] = _mm256_permutevar8x32_ps(some, of_lane);
        }
        for (int r = 0; r < R; r++) {
            const int64_t block = (row + r) * x.stride + k / BLOCK * BLOCK, half = k % BLOCK / 2;
            const __m256i start = _mm256_loadu_si256((const __m256i*)(x.eights + ((row + r) * x.stride + k) / LANE));
            const __m256i first = _mm256_loadu_si256((const __m256i*)(x.bytes + block + half));
            const __m256i second = _mm256_loadu_si256((const __m256i*)(x.bytes + block + BLOCK / 2 + half));
            const __m256 step = _mm256_set1_ps(x.scale[block / BLOCK]);
            for (int c = 0; c < OUTS; c++) {
                const __m256i exact = add_products(add_products(start, even[c], first), odd[c], second);
                sum[r][c] = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(exact), step), scale[c], sum[r][c]);
            }
        }
    }
    for (int r = 0; r < R; r++) _mm_storeu_ps(y[r], four_sums(sum[r]));
}

template <Kind KIND>
static __m256 eight(const void* weight, int64_t at, int64_t there) {
    if constexpr (KIND == FLOAT32) {
        const float* from = (const float*)weight + at;
        return there >= 8 ? _mm256_loadu_ps(from) : _mm256_load_ps(Filled<8, float>(from, there).numbers);
    } else if constexpr (KIND == INT8_WEIGHTS) {
        const int8_t* from = (const int8_t*)weight + at;
        const __m128i bytes = there >= 8 ? _mm_loadl_epi64((const __m128i*)from)
                                         : _mm_load_si128((const __m128i*)Filled<16, int8_t>(from, there).numbers);
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    } else {
        const uint16_t* from = (const uint16_t*)weight + at;
        const __m128i halves = there >= 8 ? _mm_loadu_si128((const __m128i*)from)
                                          : _mm_load_si128((const __m128i*)Filled<8, uint16_t>(from, there).numbers);
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    }
}

template <int R, Kind KIND>
static void tile_float(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (R > 2) {              // there are sixteen registers, and the weights are near now
        tile_float<2, KIND>(layer, x, row, outs, y);
        tile_float<R - 2, KIND>(layer, x, row + 2, outs, y + 2);
    } else {
        constexpr int bytes = KIND == FLOAT32 ? 4 : KIND == BFLOAT16 ? 2 : 1;
        __m256 sum[R][OUTS] = {}, w[OUTS];
        for (int64_t k = 0; k < layer.in; k += 8) {
            for (int c = 0; c < OUTS; c++) {
                const int64_t at = outs[c] * layer.in + k;
                w[c] = eight<KIND>(layer.weight, at, layer.in - k);
                if (k * bytes % 64 == 0) _mm_prefetch((const char*)layer.weight + at * bytes + AHEAD, _MM_HINT_T0);
            }
            for (int r = 0; r < R; r++) {
                const __m256 values = eight<FLOAT32>(x.plain, (row + r) * x.stride + k, layer.in - k);
                for (int c = 0; c < OUTS; c++) sum[r][c] = _mm256_fmadd_ps(values, w[c], sum[r][c]);
            }
        }
        for (int r = 0; r < R; r++) _mm_storeu_ps(y[r], four_sums(sum[r]));
        if (KIND == INT8_WEIGHTS)
            for (int r = 0; r < R; r++)
                for (int c = 0; c < OUTS; c++) y[r][c] *= layer.scale[outs[c]];
    }
}

template <int R, Kind KIND>
static void tile_of(const Linear& layer, const Activations& x, int64_t row, const int64_t* outs, float (*y)[OUTS]) {
    if constexpr (KIND == INT8) return tile_int8<R>(layer, x, row, outs, y);
    else if constexpr (KIND == INT4) return tile_int4<R>(layer, x, row, outs, y);
    else return tile_float<R, KIND>(layer, x, row, outs, y);
}
