// GPT-2 in plain numbers: what `gpt2.GPT2` computes, with everything on the way kept for the views.

// y[t, o] = bias[o] + sum of x[t, i] w[o, i], for `rows` rows of x; four outputs of two rows at a time.
function linear(x, xAt, rows, w, wAt, bias, inputs, outputs, y, yAt) {
  const whole = outputs - (outputs % 4);
  for (let t = 0; t < rows; t += 2) {
    const two = t + 1 < rows;
    const k0 = xAt + t * inputs, k1 = two ? k0 + inputs : k0, z0 = yAt + t * outputs, z1 = z0 + outputs;
    for (let o = 0; o < whole; o += 4) {
      let p = wAt + o * inputs, q = p + inputs, r = q + inputs, s = r + inputs;
      const b0 = bias ? bias[o] : 0, b1 = bias ? bias[o + 1] : 0, b2 = bias ? bias[o + 2] : 0, b3 = bias ? bias[o + 3] : 0;
      let a = b0, b = b1, c = b2, d = b3;
      if (two) {
        let e = b0, f = b1, g = b2, h = b3;
        for (let i = 0; i < inputs; i++) {
          const u = x[k0 + i], v = x[k1 + i], w0 = w[p++], w1 = w[q++], w2 = w[r++], w3 = w[s++];
          a += w0 * u; b += w1 * u; c += w2 * u; d += w3 * u;
          e += w0 * v; f += w1 * v; g += w2 * v; h += w3 * v;
        }
        y[z1 + o] = e; y[z1 + o + 1] = f; y[z1 + o + 2] = g; y[z1 + o + 3] = h;
      } else {
        for (let i = 0; i < inputs; i++) {
          const u = x[k0 + i];
          a += w[p++] * u; b += w[q++] * u; c += w[r++] * u; d += w[s++] * u;
        }
      }
      y[z0 + o] = a; y[z0 + o + 1] = b; y[z0 + o + 2] = c; y[z0 + o + 3] = d;
    }
    for (let o = whole; o < outputs; o++) {
      for (let k = k0, z = z0 + o, last = two ? 2 : 1, n = 0; n < last; n++, k += inputs, z += outputs) {
        let sum = bias ? bias[o] : 0;
        for (let i = 0, p = wAt + o * inputs; i < inputs; i++) sum += w[p++] * x[k + i];
        y[z] = sum;
      }
    }
  }
}

function normed(x, at, rows, width, gain, bias, epsilon, y, yAt = 0) {
  for (let t = 0; t < rows; t++, at += width, yAt += width) {
    let mean = 0, variance = 0;
    for (let i = 0; i < width; i++) mean += x[at + i];
    mean /= width;
    for (let i = 0; i < width; i++) variance += (x[at + i] - mean) ** 2;
    const scale = 1 / Math.sqrt(variance / width + epsilon);
    for (let i = 0; i < width; i++) y[yAt + i] = (x[at + i] - mean) * scale * gain[i] + bias[i];
  }
}

// The error function to 1e-13: its series near zero, a continued fraction elsewhere (Abramowitz and Stegun 7.1.5, 7.1.14).
function erf(x) {
  const a = Math.abs(x);
  if (a < 2.5) {
    let term = a, sum = a;
    for (let n = 1; n < 60 && Math.abs(term) > 1e-17; n++) { term *= (-a * a) / n; sum += term / (2 * n + 1); }
    return Math.sign(x) * 1.1283791670955126 * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (a + fraction) / 1.7724538509055159);
}
const ACTIVATIONS = {
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
  gelu: (x) => 0.5 * x * (1 + erf(x * 0.7071067811865476)),
};

class Model {
  constructor(config, weights) {
    Object.assign(this, { config, weights });
    this.width = config.n_embd;
    this.headSize = config.n_embd / config.n_head;
    this.activate = ACTIVATIONS[config.activation];
  }

  of(layer, part) { return this.weights[`decoder.blocks.${layer}.${part}`]; }

  // Logits of states: `rows` of them, normed already.
  head(states, at, rows, logits) {
    linear(states, at, rows, this.weights["token_embedding.weight"], 0, null, this.width, this.config.n_vocab, logits, 0);
  }

  // The logits that the stream would give if the model ended there: the final norm, and the head.
  logitsAt(stream, at) {
    const state = new Float32Array(this.width), logits = new Float32Array(this.config.n_vocab);
    normed(stream, at, 1, this.width, this.weights["final_norm.weight"], this.weights["final_norm.bias"], this.config.layer_norm_epsilon, state);
    this.head(state, 0, 1, logits);
    return logits;
  }
}

// What a model computed for a text, kept so that a longer text begins where this one ends. `off`: names of what is
// switched off, "1" a layer, "1.3" a head, "1.ff" a feed-forward, "1.n517" a neuron.
class Reading {
  constructor(model) {
    const { n_layer: layers, n_ctx: time } = model.config, width = model.width;
    this.model = model;
    this.ids = [];
    this.off = "";
    const states = (count, size) => Array.from({ length: count }, () => new Float32Array(time * size));
    this.stream = states(2 * layers + 1, width); // embeddings, then after each attention and each feed-forward
    this.heads = states(layers, width); // what the heads read, side by side
    this.qkv = states(layers, 3 * width);
    this.hidden = states(layers, 4 * width); // neurons, after the activation
    this.maps = Array.from({ length: layers }, () => Array.from({ length: model.config.n_head }, () => []));
    this.final = new Float32Array(time * width);
    this.surprise = new Float64Array(time + 1); // of the token at a place, in nats; place 0 has none
    this.likeliest = new Int32Array(time + 1); // id that the model would have bet on at a place
    this.logits = new Float32Array(2 * model.config.n_vocab);
    this.row = new Float64Array(time);
  }

  // Read `ids`, beginning where they differ from what was read before. Returns how many rows were computed.
  read(ids, off = [], from = 0) {
    const switches = [...off].sort().join(" ");
    let same = from;
    if (switches !== this.off) this.ids = [];
    while (same < ids.length && same < this.ids.length && ids[same] === this.ids[same]) same++;
    this.off = switches;
    this.ids = ids.slice();
    const begin = Math.max(0, same);
    if (begin < ids.length) this.rows(begin, ids.length - begin, new Set(off));
    this.judge(Math.max(0, begin - 1), ids.length);
    return ids.length - begin;
  }

  rows(from, count, off) {
    const { model, ids } = this, width = model.width, { n_layer: layers, layer_norm_epsilon: epsilon } = model.config;
    const tokens = model.weights["token_embedding.weight"], positions = model.weights["position_embedding.weight"];
    for (let t = from; t < from + count; t++) {
      for (let i = 0; i < width; i++) this.stream[0][t * width + i] = tokens[ids[t] * width + i] + positions[t * width + i];
    }
    const state = new Float32Array(count * width), write = new Float32Array(count * width);
    for (let layer = 0; layer < layers; layer++) {
      const [before, between, after] = this.stream.slice(2 * layer, 2 * layer + 3), at = from * width;
      normed(before, at, count, width, model.of(layer, "attention_norm.weight"), model.of(layer, "attention_norm.bias"), epsilon, state);
      linear(state, 0, count, model.of(layer, "attention.qkv.weight"), 0, model.of(layer, "attention.qkv.bias"), width, 3 * width, this.qkv[layer], 3 * at);
      this.attend(layer, from, count, off);
      linear(this.heads[layer], at, count, model.of(layer, "attention.out.weight"), 0, model.of(layer, "attention.out.bias"), width, width, write, 0);
      const silent = off.has(`${layer}`);
      for (let i = 0; i < count * width; i++) between[at + i] = before[at + i] + (silent ? 0 : write[i]);
      normed(between, at, count, width, model.of(layer, "feed_forward_norm.weight"), model.of(layer, "feed_forward_norm.bias"), epsilon, state);
      this.think(layer, from, count, state, write, off);
      const mute = silent || off.has(`${layer}.ff`);
      for (let i = 0; i < count * width; i++) after[at + i] = between[at + i] + (mute ? 0 : write[i]);
    }
    normed(this.stream[2 * layers], from * width, count, width, model.weights["final_norm.weight"], model.weights["final_norm.bias"], epsilon, this.final, from * width);
  }

  attend(layer, from, count, off) {
    const { model, qkv: all, row } = this, width = model.width, size = model.headSize, wide = 3 * width;
    const qkv = all[layer], heads = this.heads[layer], scale = 1 / Math.sqrt(size);
    for (let head = 0; head < model.config.n_head; head++) {
      const map = this.maps[layer][head], silent = off.has(`${layer}.${head}`);
      map.length = from;
      for (let t = from; t < from + count; t++) {
        const q = t * wide + head * size, out = t * width + head * size;
        let largest = -Infinity, sum = 0;
        for (let s = 0; s <= t; s++) {
          const k = s * wide + width + head * size;
          let score = 0;
          for (let i = 0; i < size; i++) score += qkv[q + i] * qkv[k + i];
          row[s] = score * scale;
          if (row[s] > largest) largest = row[s];
        }
        for (let s = 0; s <= t; s++) sum += row[s] = Math.exp(row[s] - largest);
        const weights = new Float32Array(t + 1);
        heads.fill(0, out, out + size);
        for (let s = 0; s <= t; s++) {
          const weight = (weights[s] = row[s] / sum), v = s * wide + 2 * width + head * size;
          if (!silent) for (let i = 0; i < size; i++) heads[out + i] += weight * qkv[v + i];
        }
        map.push(weights);
      }
    }
  }

  think(layer, from, count, state, write, off) {
    const { model } = this, width = model.width, hidden = this.hidden[layer], at = from * 4 * width;
    linear(state, 0, count, model.of(layer, "feed_forward.up.weight"), 0, model.of(layer, "feed_forward.up.bias"), width, 4 * width, hidden, at);
    for (let i = at; i < at + count * 4 * width; i++) hidden[i] = model.activate(hidden[i]);
    for (const name of off) {
      const [, its, neuron] = /^(\d+)\.n(\d+)$/.exec(name) ?? [];
      if (its === `${layer}`) for (let t = from; t < from + count; t++) hidden[t * 4 * width + +neuron] = 0;
    }
    linear(hidden, at, count, model.of(layer, "feed_forward.down.weight"), 0, model.of(layer, "feed_forward.down.bias"), 4 * width, width, write, 0);
  }

  // How surprising each token was, from the states before it.
  judge(from, until) {
    const { model, logits, ids } = this, size = model.config.n_vocab;
    for (let t = from; t < until; t += 2) {
      const rows = Math.min(2, until - t);
      model.head(this.final, t * model.width, rows, logits);
      for (let r = 0; r < rows; r++) {
        const at = r * size, next = ids[t + r + 1];
        let best = 0;
        for (let i = 1; i < size; i++) if (logits[at + i] > logits[at + best]) best = i;
        this.likeliest[t + r + 1] = best;
        if (next === undefined) continue;
        let sum = 0;
        for (let i = 0; i < size; i++) sum += Math.exp(logits[at + i] - logits[at + best]);
        this.surprise[t + r + 1] = Math.log(sum) + logits[at + best] - logits[at + next];
      }
    }
  }

  // Logits of the token at `place`, 1 and more.
  logitsOf(place) {
    const logits = new Float32Array(this.model.config.n_vocab);
    this.model.head(this.final, (place - 1) * this.model.width, 1, logits);
    return logits;
  }

  // Mean surprise of the tokens from place 1 on, in nats.
  get loss() {
    let sum = 0;
    for (let place = 1; place < this.ids.length; place++) sum += this.surprise[place];
    return sum / Math.max(1, this.ids.length - 1);
  }
}
