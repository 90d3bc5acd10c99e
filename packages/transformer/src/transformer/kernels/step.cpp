// What Python calls: one product, the blocks of a stack, and a whole step of a GPT-2 from ids to logits.
#include "blocks.hpp"

// A GPT-2. `table` holds a row for each id, and is the head, too; positions [n_ctx, n_embd].
struct Model { Stack stack; Norm last; Linear table; const float* positions; float factor; };

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

// See `run_blocks`. Row r brings `time` tokens, which stand at places[r * time ...].
extern "C" void decode(const Stack* stack, float* x, int64_t rows, int64_t time, const int64_t* places,
                       const Cache* cache, int threads) {
    const int64_t n = rows * time;
    Room room(*stack, n);
    std::vector<int64_t> row_of(n);
    for (int64_t m = 0; m < n; m++) row_of[m] = m / time;
    const Tokens tokens = {n, row_of.data(), places, time == 1};
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> weights(cache->length);
        Places rounded(room.rounded, n, Room::widest(*stack));
        run_blocks(*stack, x, tokens, *cache, room, rounded, weights.data());
    }
}

// Row `id` of the table, as it is looked up.
static void embed(const Linear& table, float factor, int64_t id, float* to) {
    const int64_t n = table.in, at = id * n, groups = table.kind == INT4 ? n / table.group : 1;
    for (int64_t i = 0; i < n; i++) {
        float value;
        switch (table.kind) {
            case FLOAT32: value = ((const float*)table.weight)[at + i]; break;
            case BFLOAT16: value = std::bit_cast<float>(uint32_t(((const uint16_t*)table.weight)[at + i]) << 16); break;
            case INT4: {
                const uint8_t both = ((const uint8_t*)table.weight)[(at + i) / 2];
                value = float((i % 2 ? both >> 4 : both & 15) - 8) * table.scale[id * groups + i / table.group];
                break;
            }
            default: value = float(((const int8_t*)table.weight)[at + i]) * table.scale[id];
        }
        to[i] = value * factor;
    }
}

// The largest of a part of a row and where it stands first; NaN where one of them is not finite.
struct Largest { float value; int64_t place; };
static Largest largest(const float* x, int64_t first, int64_t end) {
    float most = -INFINITY, odd = 0;
#pragma omp simd reduction(max : most) reduction(+ : odd)
    for (int64_t i = first; i < end; i++) most = std::max(most, x[i]), odd += x[i] * 0;
    int64_t place = first;
    while (place < end && x[place] != most) place++;
    return {most + odd, place};
}

// One call of the model for `count` ids, each with its row and place. Of the tokens numbered `wanted` the logits are
// written, [n_wanted, vocabulary], and the likeliest id of each: the first of the largest, -1 where a logit is not finite.
extern "C" void step(const Model* model, const int64_t* ids, int64_t count, const int64_t* rows, const int64_t* places,
                     int apart, const Cache* cache, const int64_t* wanted, int64_t n_wanted, float* logits,
                     int64_t* likeliest, int threads) {
    const Stack& stack = model->stack;
    const int64_t c = stack.n_embd, vocabulary = model->table.out, parts = threads;
    const Tokens tokens = {count, rows, places, bool(apart)};
    Room room(stack, count);
    std::unique_ptr<float[]> x(new float[count * c]);
    std::vector<Largest> found(n_wanted * parts);
    Activations last(n_wanted > FEW ? n_wanted : 0, c);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> weights(cache->length);
        Places rounded(room.rounded, count, Room::widest(stack)), of_last(last, n_wanted, c);
#pragma omp for schedule(static)
        for (int64_t m = 0; m < count; m++) {
            embed(model->table, model->factor, ids[m], &x[m * c]);
            for (int64_t i = 0; i < c; i++) x[m * c + i] += model->positions[places[m] * c + i];
        }
        run_blocks(stack, x.get(), tokens, *cache, room, rounded, weights.data());
        rounded_product(model->table, n_wanted, logits, false, of_last, [&](int64_t m, float* to) {
            return norm_row(model->last, &x[wanted[m] * c], to, c, stack.eps), to;
        });
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n_wanted * parts; i++) {
            const int64_t row = i / parts, part = i % parts;
            found[i] = largest(logits + row * vocabulary, vocabulary * part / parts, vocabulary * (part + 1) / parts);
        }
    }
    for (int64_t row = 0; row < n_wanted; row++) {
        Largest best = found[row * parts];
        for (int64_t part = 1; part < parts; part++) {
            const Largest& other = found[row * parts + part];
            if (other.value > best.value || std::isnan(other.value)) best = other;
            if (std::isnan(best.value)) break;
        }
        likeliest[row] = std::isfinite(best.value) ? best.place : -1;
    }
}

extern "C" const char* instructions() {
#ifdef VNNI
    return "AVX-512 VNNI";
#elif defined(AVX2)
    return "AVX2";
#else
    return "plain loops";
#endif
}
