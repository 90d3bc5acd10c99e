// What the tiles of every set of instructions share: loops whose numbers are known while compiling, and where rows begin.
#pragma once
#include "activations.hpp"

#define INLINED __attribute__((always_inline))

// Calls f(0) to f(N - 1), the numbers known while compiling: a compiler keeps an array in registers only if it never sees
// it indexed by a number that it does not know.
template <int N, typename F>
INLINED static inline void unrolled(F f) {
    [&]<int... I>(std::integer_sequence<int, I...>) INLINED { (f(std::integral_constant<int, I>()), ...); }(
        std::make_integer_sequence<int, N>());
}

// Where each of these rows begins: looked up once, not in every step of a loop.
template <int N, typename T>
static std::array<const T*, N> rows_at(const T* first, const int64_t* rows, int64_t stride) {
    std::array<const T*, N> found;
    for (int i = 0; i < N; i++) found[i] = first + rows[i] * stride;
    return found;
}
template <int N, typename T>
static std::array<const T*, N> rows_from(const T* first, int64_t row, int64_t stride) {
    std::array<const T*, N> found;
    for (int i = 0; i < N; i++) found[i] = first + (row + i) * stride;
    return found;
}
