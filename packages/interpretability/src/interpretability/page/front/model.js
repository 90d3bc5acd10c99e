// GPT-2 in plain numbers: what `gpt2.GPT2` computes, with everything on the way kept for the views.

// y[t, o] = bias[o] + sum over i of x[t, i] rows[o][i], for `count` rows of x. Four outputs at a time, and of x two rows
// where there are two: what is loaded once is used more than once. The inner loops walk through arrays of their own.
function linear(x, xAt, count, rows, bias, y, yAt) {
  const inputs = rows[0].length, outputs = rows.length, whole = outputs - (outputs % 4);
  let t = 0;
  for (; t + 1 < count; t += 2) {
    const u = x.subarray(xAt + t * inputs, xAt + (t + 1) * inputs), v = x.subarray(xAt + (t + 1) * inputs, xAt + (t + 2) * inputs);
    const at = yAt + t * outputs, next = at + outputs;
    for (let o = 0; o < whole; o += 4) {
      const w0 = rows[o], w1 = rows[o + 1], w2 = rows[o + 2], w3 = rows[o + 3];
      let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
      for (let i = 0; i < inputs; i++) {
        const left = u[i], right = v[i], k0 = w0[i], k1 = w1[i], k2 = w2[i], k3 = w3[i];
        a += k0 * left; b += k1 * left; c += k2 * left; d += k3 * left;
        e += k0 * right; f += k1 * right; g += k2 * right; h += k3 * right;
      }
      y[at + o] = a; y[at + o + 1] = b; y[at + o + 2] = c; y[at + o + 3] = d;
      y[next + o] = e; y[next + o + 1] = f; y[next + o + 2] = g; y[next + o + 3] = h;
    }
  }
  if (t < count) {
    const u = x.subarray(xAt + t * inputs, xAt + (t + 1) * inputs), at = yAt + t * outputs;
    for (let o = 0; o < whole; o += 4) {
      const w0 = rows[o], w1 = rows[o + 1], w2 = rows[o + 2], w3 = rows[o + 3];
      let a = 0, b = 0, c = 0, d = 0;
      for (let i = 0; i < inputs; i++) {
        const value = u[i];
        a += w0[i] * value; b += w1[i] * value; c += w2[i] * value; d += w3[i] * value;
      }
      y[at + o] = a; y[at + o + 1] = b; y[at + o + 2] = c; y[at + o + 3] = d;
    }
  }
  for (t = 0; t < count; t++) {
    const at = yAt + t * outputs, from = xAt + t * inputs;
    for (let o = whole; o < outputs; o++) {
      const w = rows[o];
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += w[i] * x[from + i];
      y[at + o] = sum;
    }
    if (bias) for (let o = 0; o < outputs; o++) y[at + o] += bias[o];
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
  // shapes: [name, rows, columns] of each tensor, as `weightsOf` takes them.
  constructor(config, weights, shapes) {
    Object.assign(this, { config, weights, shapes });
    this.cut = new Map();
    this.width = config.n_embd;
    this.headSize = config.n_embd / config.n_head;
    this.activate = ACTIVATIONS[config.activation];
  }

  of(layer, part) { return this.weights[`decoder.blocks.${layer}.${part}`]; }

  // A matrix as its rows, one an output: views of the same numbers.
  rows(name) {
    let found = this.cut.get(name);
    if (!found) {
      const matrix = this.weights[name], [, count, columns] = this.shapes.find((shape) => shape[0] === name);
      found = Array.from({ length: count }, (_, row) => matrix.subarray(row * columns, (row + 1) * columns));
      this.cut.set(name, found);
    }
    return found;
  }

  // The product with one of a layer's matrices, and its bias.
  product(layer, part, x, xAt, count, y, yAt) {
    linear(x, xAt, count, this.rows(`decoder.blocks.${layer}.${part}.weight`), this.of(layer, `${part}.bias`), y, yAt);
  }

  // Logits of states: `count` rows of them, normed already.
  head(states, at, count, logits) { linear(states, at, count, this.rows("token_embedding.weight"), null, logits, 0); }

  // The final norm: what the head reads.
  finish(stream, at, count, states, statesAt) {
    normed(stream, at, count, this.width, this.weights["final_norm.weight"], this.weights["final_norm.bias"], this.config.layer_norm_epsilon, states, statesAt);
  }
}

const KEPT = 8; // places whose logits are kept

// What a model computed for a text, kept so that a longer text begins where this one ends. `off`: names of what is
// switched off, "1" a layer, "1.3" a head, "1.ff" a feed-forward, "1.n517" a neuron; `put`: what stands there instead.
class Reading {
  constructor(model) {
    const { n_layer: layers, n_ctx: time } = model.config, width = model.width;
    this.model = model;
    this.ids = [];
    this.off = "";
    this.put = null;
    const states = (count, size) => Array.from({ length: count }, () => new Float32Array(time * size));
    this.stream = states(2 * layers + 1, width); // embeddings, then after each attention and each feed-forward
    this.heads = states(layers, width); // what the heads read, side by side
    this.qkv = states(layers, 3 * width);
    this.hidden = states(layers, 4 * width); // neurons, after the activation
    this.maps = Array.from({ length: layers }, () => Array.from({ length: model.config.n_head }, () => []));
    this.final = new Float32Array(time * width);
    this.surprise = new Float64Array(time + 1); // of the token at a place, in nats; place 0 has none
    this.likeliest = new Int32Array(time + 1); // id that the model would have bet on at a place
    this.logits = new Map(); // of the places that were asked for last, as long as they hold
    this.row = new Float64Array(time);
  }

  // Read `ids`: only those from where they differ from what was read before, and, where other parts are off than
  // before, or replaced otherwise, the layers from there on. Returns how many rows were new.
  read(ids, off = [], put = null) {
    const before = new Set(this.off.split(" ").filter(Boolean)), now = new Set(off), other = put !== this.put;
    const layers = [...before, ...now].filter((name) => other || before.has(name) !== now.has(name)).map((name) => parseInt(name));
    this.put = put;
    let same = 0;
    while (same < ids.length && same < this.ids.length && ids[same] === this.ids[same]) same++;
    this.off = [...now].sort().join(" ");
    this.ids = ids.slice();
    const valid = layers.length ? 0 : same; // places up to here are as they were
    for (const place of this.logits.keys()) if (place > valid) this.logits.delete(place);
    if (layers.length && same) this.rows(0, same, now, Math.min(...layers));
    if (same < ids.length) this.rows(same, ids.length - same, now);
    this.judge(Math.max(1, valid), ids.length);
    return ids.length - same;
  }

  rows(from, count, off, first = 0) {
    const { model, ids } = this, width = model.width, { n_layer: layers, layer_norm_epsilon: epsilon } = model.config;
    const tokens = model.weights["token_embedding.weight"], positions = model.weights["position_embedding.weight"];
    for (let t = from; t < from + count && !first; t++) {
      for (let i = 0; i < width; i++) this.stream[0][t * width + i] = tokens[ids[t] * width + i] + positions[t * width + i];
    }
    const state = new Float32Array(count * width), write = new Float32Array(count * width);
    for (let layer = first; layer < layers; layer++) {
      const [before, between, after] = this.stream.slice(2 * layer, 2 * layer + 3), at = from * width;
      normed(before, at, count, width, model.of(layer, "attention_norm.weight"), model.of(layer, "attention_norm.bias"), epsilon, state, 0);
      model.product(layer, "attention.qkv", state, 0, count, this.qkv[layer], 3 * at);
      this.attend(layer, from, count, off);
      model.product(layer, "attention.out", this.heads[layer], at, count, write, 0);
      const silent = off.has(`${layer}`), { put } = this;
      if (silent) replaceColumns(write, 0, width, 0, width, from, count, put, put?.writes[2 * layer]);
      for (let i = 0; i < count * width; i++) between[at + i] = before[at + i] + write[i];
      normed(between, at, count, width, model.of(layer, "feed_forward_norm.weight"), model.of(layer, "feed_forward_norm.bias"), epsilon, state, 0);
      this.think(layer, from, count, state, write, off);
      if (silent || off.has(`${layer}.ff`)) replaceColumns(write, 0, width, 0, width, from, count, put, put?.writes[2 * layer + 1]);
      for (let i = 0; i < count * width; i++) after[at + i] = between[at + i] + write[i];
    }
    model.finish(this.stream[2 * layers], from * width, count, this.final, from * width);
  }

  attend(layer, from, count, off) {
    const { model, qkv: all, row } = this, width = model.width, size = model.headSize, wide = 3 * width;
    const qkv = all[layer], heads = this.heads[layer], scale = 1 / Math.sqrt(size);
    for (let head = 0; head < model.config.n_head; head++) {
      const map = this.maps[layer][head];
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
          for (let i = 0; i < size; i++) heads[out + i] += weight * qkv[v + i];
        }
        map.push(weights);
      }
      if (off.has(`${layer}.${head}`)) replaceColumns(heads, from * width, width, head * size, size, from, count, this.put, this.put?.heads[layer]);
    }
  }

  think(layer, from, count, state, write, off) {
    const { model } = this, width = model.width, hidden = this.hidden[layer], at = from * 4 * width;
    model.product(layer, "feed_forward.up", state, 0, count, hidden, at);
    for (let i = at; i < at + count * 4 * width; i++) hidden[i] = model.activate(hidden[i]);
    for (const name of off) {
      const [, its, neuron] = /^(\d+)\.n(\d+)$/.exec(name) ?? [];
      if (its === `${layer}`) replaceColumns(hidden, at, 4 * width, +neuron, 1, from, count, this.put, this.put?.hidden[layer]);
    }
    model.product(layer, "feed_forward.down", hidden, at, count, write, 0);
  }

  // How surprising the tokens at some places were, from the states before them; the last one is not there yet.
  judge(from, until) {
    const size = this.model.config.n_vocab;
    for (let place = from; place <= until; place++) {
      const logits = this.logitsOf(place, until), next = this.ids[place];
      let best = 0, sum = 0;
      for (let i = 1; i < size; i++) if (logits[i] > logits[best]) best = i;
      this.likeliest[place] = best;
      if (next === undefined) continue;
      for (let i = 0; i < size; i++) sum += Math.exp(logits[i] - logits[best]);
      this.surprise[place] = Math.log(sum) + logits[best] - logits[next];
    }
  }

  // Logits of the token at `place`, 1 and more; not to be changed. `until`: a later place that will be asked for next.
  logitsOf(place, until = place) {
    if (!this.logits.has(place)) {
      const size = this.model.config.n_vocab, count = until > place ? 2 : 1, found = new Float32Array(count * size);
      this.model.head(this.final, (place - 1) * this.model.width, count, found);
      for (let n = 0; n < count; n++) this.logits.set(place + n, found.subarray(n * size, (n + 1) * size));
      for (const old of this.logits.keys()) if (this.logits.size > KEPT) this.logits.delete(old);
    }
    return this.logits.get(place);
  }

  // Mean surprise of the tokens from place 1 on, in nats.
  get loss() {
    let sum = 0;
    for (let place = 1; place < this.ids.length; place++) sum += this.surprise[place];
    return sum / Math.max(1, this.ids.length - 1);
  }
}
