// A stack of GPT-2's decoder blocks over new tokens and a key-value cache, as one call: between the products nothing
// is allocated, dispatched or waited for, but for one barrier of the threads behind each part.
#include "products.hpp"

struct Norm { const float *weight, *bias; };
struct Block { Norm first; Linear qkv, out; Norm second; Linear up, down; };
struct Stack { const Block* blocks; int64_t n_layer, n_embd, n_head, tanh_gelu; float eps; };

constexpr int FEW = 8;              // rows up to which every thread rounds all activations for itself: no barrier

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
template <int SIZE>
static void attend(const float* q, const float* keys, const float* values, int64_t slots, int64_t size, float* weights,
                   float* y) {
    const int64_t n = SIZE ? SIZE : size;
    const float over = 1 / std::sqrt(float(n));
    float most = -INFINITY, total = 0, sum[SIZE ? SIZE : 256] = {};
    for (int64_t s = 0; s < slots; s++) {
        float dot = 0;
#pragma omp simd reduction(+ : dot)
        for (int64_t i = 0; i < n; i++) dot += q[i] * keys[s * n + i];
        weights[s] = dot * over;
        most = std::max(most, weights[s]);
    }
#pragma omp simd reduction(+ : total)
    for (int64_t s = 0; s < slots; s++) total += weights[s] = exponential(weights[s] - most);
    for (int64_t s = 0; s < slots; s++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) sum[i] += weights[s] * values[s * n + i];
    for (int64_t i = 0; i < n; i++) y[i] = sum[i] / total;
}

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

// y [rows, out] = x [rows, in] W^T + bias
extern "C" void linear(const Linear* layer, const float* x, int64_t rows, float* y, int threads) {
    Activations shared(rows > FEW ? rows : 0, layer->in);
#pragma omp parallel num_threads(threads)
    {
        Places places(shared, rows, layer->in);
        rounded_product(*layer, rows, y, false, places, [&](int64_t m, float*) { return x + m * layer->in; });
    }
}

// What `Linear::sums` wants, of weights [rows, columns].
extern "C" void row_sums(const int8_t* weight, int64_t rows, int64_t columns, int32_t* sums, int threads) {
#pragma omp parallel for num_threads(threads)
    for (int64_t row = 0; row < rows; row++) {
        int32_t sum = 0;
        for (int64_t i = 0; i < columns; i++) sum += weight[row * columns + i];
        sums[row] = sum;
    }
}

// x [rows x time, n_embd], the embedded tokens, becomes the stream after the last block. Token m of row m / time stands
// at places[m]; its keys and values go there, in keys[l] and values[l] [rows, n_head, length, head size] of layer l.
extern "C" void decode(const Stack* stack, float* x, int64_t rows, int64_t time, const int64_t* places, float** keys,
                       float** values, int64_t length, int threads) {
    const int64_t c = stack->n_embd, heads = stack->n_head, size = c / heads, wide = stack->blocks[0].up.out;
    const int64_t tokens = rows * time;
    std::unique_ptr<float[]> qkv(new float[tokens * 3 * c]), seen(new float[tokens * c]), hidden(new float[tokens * wide]);
    Activations shared(tokens > FEW ? tokens : 0, std::max(c, wide));
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> weights(length);
        Places rounded(shared, tokens, std::max(c, wide));
        for (int64_t l = 0; l < stack->n_layer; l++) {
            const Block& block = stack->blocks[l];
            const auto normed = [&](const Norm& norm) {
                return [&](int64_t m, float* to) { return norm_row(norm, x + m * c, to, c, stack->eps), to; };
            };
            const auto slots = [&](float** of, int64_t m, int64_t h) {
                return of[l] + (m / time * heads + h) * length * size;
            };
            const auto store = [&](int64_t m, int64_t h) {
                const float* at = &qkv[m * 3 * c + h * size];
                std::memcpy(slots(keys, m, h) + places[m] * size, at + c, size * sizeof(float));
                std::memcpy(slots(values, m, h) + places[m] * size, at + 2 * c, size * sizeof(float));
            };
            rounded_product(block.qkv, tokens, qkv.get(), false, rounded, normed(block.first));
            if (time > 1) {         // a token looks at others of this call, so all are stored before
#pragma omp for schedule(static)
                for (int64_t i = 0; i < tokens * heads; i++) store(i / heads, i % heads);
            }
#pragma omp for schedule(static, 1)
            for (int64_t i = 0; i < tokens * heads; i++) {
                const int64_t m = i / heads, h = i % heads;
                if (time == 1) store(m, h);
                (size == 64 ? attend<64> : attend<0>)(&qkv[m * 3 * c + h * size], slots(keys, m, h), slots(values, m, h),
                                                      places[m] + 1, size, weights.data(), &seen[m * c + h * size]);
            }
            rounded_product(block.out, tokens, x, true, rounded, [&](int64_t m, float*) { return &seen[m * c]; });
            rounded_product(block.up, tokens, hidden.get(), false, rounded, normed(block.second));
            rounded_product(block.down, tokens, x, true, rounded, [&](int64_t m, float* to) {
                return gelu_row(&hidden[m * wide], to, wide, stack->tanh_gelu), to;
            });
        }
    }
}

extern "C" const char* instructions() {
#ifdef VNNI
    return "AVX-512 VNNI";
#else
    return "plain loops";
#endif
}
