// GPT-2's decoder blocks over new tokens and a key-value cache: between the products nothing is allocated, dispatched or
// waited for, but for one barrier of the threads behind each part.
#pragma once
#include "products.hpp"

struct Norm { const float *weight, *bias; };
struct Block { Norm first; Linear qkv, out; Norm second; Linear up, down; };
struct Stack { const Block* blocks; int64_t n_layer, n_embd, n_head, tanh_gelu; float eps; };

// Keys and values [rows, n_head, length, head size] of each layer; int8 numbers have a scale each head and slot.
struct Cache { void **keys, **values; float **key_scales, **value_scales; int64_t length; };

// Within 2e-7 of exp; a polynomial, since libm's is not computed in lanes.
static inline float exponential(float x) {
    x = std::min(88.f, std::max(-87.f, x));
    const float n = std::rint(x * 1.44269504f), r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    for (float next : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 0.5f}) p = p * r + next;
    return (p * r * r + r + 1) * std::bit_cast<float>((int32_t(n) + 127) << 23);
}

static void norm_row(const Norm& norm, const float* x, float* y, int64_t n, float eps) {
    float mean = 0, square = 0;
#pragma omp simd reduction(+ : mean)
    for (int64_t i = 0; i < n; i++) mean += x[i];
    mean /= float(n);
#pragma omp simd reduction(+ : square)
    for (int64_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
    const float over = 1 / std::sqrt(square / float(n) + eps);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * over * norm.weight[i] + norm.bias[i];
}

static void gelu_row(const float* x, float* y, int64_t n, bool tanh_form) {
    if (!tanh_form) {
        for (int64_t i = 0; i < n; i++) y[i] = 0.5f * x[i] * (1 + std::erf(x[i] * 0.707106781f));
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++)  // 0.5 (1 + tanh u) = 1 / (1 + exp(-2 u))
        y[i] = x[i] / (1 + exponential(-1.59576912f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}

// One query of one head over the first `slots` of its row. SIZE: the head size where it is known while compiling.
template <int SIZE, typename Number>
static void attend(const float* q, const Number* keys, const Number* values, const float* key_scales,
                   const float* value_scales, int64_t slots, int64_t size, float* weights, float* y) {
    const int64_t n = SIZE ? SIZE : size;
    const float over = 1 / std::sqrt(float(n));
    float most = -INFINITY, total = 0, sum[SIZE ? SIZE : 256] = {};
    for (int64_t s = 0; s < slots; s++) {
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int64_t i = 0; i < n; i++) dot += q[i] * float(keys[s * n + i]);
        weights[s] = dot * (key_scales ? over * key_scales[s] : over);
        most = std::max(most, weights[s]);
    }
#pragma omp simd reduction(+ : total)
    for (int64_t s = 0; s < slots; s++) total += weights[s] = exponential(weights[s] - most);
    if (value_scales)
        for (int64_t s = 0; s < slots; s++) weights[s] *= value_scales[s];
    for (int64_t s = 0; s < slots; s++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) sum[i] += weights[s] * float(values[s * n + i]);
    for (int64_t i = 0; i < n; i++) y[i] = sum[i] / total;
}

// The part of a cache that belongs to one head of one row in one layer.
struct Slots {
    void *keys, *values;
    float *key_scales, *value_scales;
    Slots(const Cache& cache, int64_t layer, int64_t head, int64_t size)
        : keys(cache.keys[layer]), values(cache.values[layer]), key_scales(nullptr), value_scales(nullptr) {
        const int64_t at = head * cache.length;
        if (cache.key_scales) {
            key_scales = cache.key_scales[layer] + at, value_scales = cache.value_scales[layer] + at;
            keys = (int8_t*)keys + at * size, values = (int8_t*)values + at * size;
        } else {
            keys = (float*)keys + at * size, values = (float*)values + at * size;
        }
    }

    static void keep(const float* x, void* numbers, float* scales, int64_t place, int64_t size) {
        if (!scales) {
            std::memcpy((float*)numbers + place * size, x, size * sizeof(float));
            return;
        }
        const float step = scales[place] = step_of(x, size);
        for (int64_t i = 0; i < size; i++) ((int8_t*)numbers)[place * size + i] = int8_t(whole(x[i], step));
    }
    void store(const float* key, const float* value, int64_t place, int64_t size) const {
        keep(key, keys, key_scales, place, size);
        keep(value, values, value_scales, place, size);
    }

    void look(const float* q, int64_t slots, int64_t size, float* weights, float* y) const {
        const auto by = [&](auto number) {
            using Number = decltype(number);
            (size == 64 ? attend<64, Number> : attend<0, Number>)(
                q, (Number*)keys, (Number*)values, key_scales, value_scales, slots, size, weights, y);
        };
        key_scales ? by(int8_t()) : by(float());
    }
};

// Where the threads of a team put rounded rows: few rows each for itself, many together.
struct Places {
    bool few;
    Activations own;
    Activations& to;
    std::vector<float> buffer;
    Places(Activations& shared, int64_t rows, int64_t widest)
        : few(rows <= FEW), own(few ? rows : 0, widest), to(few ? own : shared), buffer(widest) {}
};

// Rounds the rows that `make(row, buffer)` gives, then y = (y +) x W^T + bias.
template <typename Make>
static void rounded_product(const Linear& layer, int64_t rows, float* y, bool add, Places& places, Make make) {
    const auto round = [&](int64_t m) { round_row(layer, make(m, places.buffer.data()), places.to, m); };
    if (places.few) {
        for (int64_t m = 0; m < rows; m++) round(m);
    } else {
#pragma omp for schedule(static)
        for (int64_t m = 0; m < rows; m++) round(m);
    }
    product(layer, places.to, rows, y, add);
}

// Memory for the tokens of one call, shared by a team.
struct Room {
    std::unique_ptr<float[]> qkv, seen, hidden;
    Activations rounded;
    Room(const Stack& stack, int64_t tokens)
        : qkv(new float[tokens * 3 * stack.n_embd]), seen(new float[tokens * stack.n_embd]),
          hidden(new float[tokens * stack.blocks[0].up.out]), rounded(tokens > FEW ? tokens : 0, widest(stack)) {}
    static int64_t widest(const Stack& stack) { return std::max(stack.n_embd, stack.blocks[0].up.out); }
};

// The new tokens of a call: token m belongs to row rows[m] of a cache and stands at its places[m]. apart: no two of a row.
struct Tokens { int64_t count; const int64_t *rows, *places; bool apart; };

// x [tokens, n_embd], the embedded tokens, becomes the stream after the last block; keys and values go to their places.
// What is computed for a token does not depend, in any bit, on what else is in the call. Every thread of a team calls it.
static void run_blocks(const Stack& stack, float* x, const Tokens& tokens, const Cache& cache, Room& room,
                       Places& rounded, float* weights) {
    const int64_t c = stack.n_embd, heads = stack.n_head, size = c / heads, wide = stack.blocks[0].up.out;
    const int64_t n = tokens.count;
    float *qkv = room.qkv.get(), *seen = room.seen.get(), *hidden = room.hidden.get();
    for (int64_t l = 0; l < stack.n_layer; l++) {
        const Block& block = stack.blocks[l];
        const auto normed = [&](const Norm& norm) {
            return [&](int64_t m, float* to) { return norm_row(norm, x + m * c, to, c, stack.eps), to; };
        };
        const auto slots = [&](int64_t m, int64_t h) { return Slots(cache, l, tokens.rows[m] * heads + h, size); };
        const auto store = [&](int64_t m, int64_t h) {
            const float* at = qkv + m * 3 * c + h * size;
            slots(m, h).store(at + c, at + 2 * c, tokens.places[m], size);
        };
        rounded_product(block.qkv, n, qkv, false, rounded, normed(block.first));
        if (!tokens.apart) {        // a token looks at others of this call, so all are stored before
#pragma omp for schedule(static)
            for (int64_t i = 0; i < n * heads; i++) store(i / heads, i % heads);
        }
#pragma omp for schedule(static, 1)
        for (int64_t i = 0; i < n * heads; i++) {  // head by head, so that a long row's keys and values stay near
            const int64_t m = i % n, h = i / n;
            if (tokens.apart) store(m, h);
            slots(m, h).look(qkv + m * 3 * c + h * size, tokens.places[m] + 1, size, weights, seen + m * c + h * size);
        }
        rounded_product(block.out, n, x, true, rounded, [&](int64_t m, float*) { return seen + m * c; });
        rounded_product(block.up, n, hidden, false, rounded, normed(block.second));
        rounded_product(block.down, n, x, true, rounded, [&](int64_t m, float* to) {
            return gelu_row(hidden + m * wide, to, wide, stack.tanh_gelu), to;
        });
    }
}
