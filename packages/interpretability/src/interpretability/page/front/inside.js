// What follows from a reading: probabilities, the lens, who wrote a logit, and what is alike.

function softmax(logits) {
  let largest = -Infinity, sum = 0;
  for (const value of logits) if (value > largest) largest = value;
  const found = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) sum += found[i] = Math.exp(logits[i] - largest);
  for (let i = 0; i < found.length; i++) found[i] /= sum;
  return found;
}

// Numbers of the `count` largest values, largest first; of equal ones the lower number.
function largest(values, count) {
  const best = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === count && !(values[i] > values[best[count - 1]])) continue;
    let place = best.length < count ? best.length : count - 1;
    while (place > 0 && values[i] > values[best[place - 1]]) { best[place] = best[place - 1]; place--; }
    best[place] = i;
  }
  return best;
}

function rankOf(values, id) {
  let rank = 1;
  for (const value of values) if (value > values[id]) rank++;
  return rank;
}

// After the embedding, each attention and each feed-forward: what the model would say if it ended there.
function lens(reading, place, target, count, whole = true) {
  const { model } = reading, width = model.width, size = model.config.n_vocab;
  const numbers = [...reading.stream.keys()].filter((number) => whole || number % 2 === 0), last = numbers.pop();
  const states = new Float32Array(numbers.length * width), logits = new Float32Array(numbers.length * size);
  numbers.forEach((number, row) => model.finish(reading.stream[number], (place - 1) * width, 1, states, row * width));
  model.head(states, 0, numbers.length, logits);
  return [...numbers, last].map((number, row) => {
    const p = softmax(number === last ? reading.logitsOf(place) : logits.subarray(row * size, (row + 1) * size));
    const name = number ? `${number % 2 ? "attention" : "feed-forward"} ${Math.floor((number - 1) / 2)}` : "embedding";
    return { name, top: largest(p, count).map((id) => [id, p[id]]), target: p[target], rank: rankOf(p, target) };
  });
}

// A logit (or, with `against`, the difference of two) as a sum: what the embedding, the position, every head, every
// feed-forward and every bias wrote into the stream, each through the final norm, whose scale is taken as it came out.
function attribution(reading, place, target, against = null) {
  const { model } = reading, width = model.width, { n_layer: layers, n_head: heads, layer_norm_epsilon: epsilon } = model.config;
  const t = place - 1, off = new Set(reading.off.split(" ")), { put } = reading, table = model.weights["token_embedding.weight"];
  const gain = model.weights["final_norm.weight"], shift = model.weights["final_norm.bias"], last = reading.stream[2 * layers];
  let mean = 0, variance = 0, final = 0, middle = 0;
  for (let i = 0; i < width; i++) mean += last[t * width + i] / width;
  for (let i = 0; i < width; i++) variance += (last[t * width + i] - mean) ** 2 / width;
  const scale = 1 / Math.sqrt(variance + epsilon), reads = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    const direction = table[target * width + i] - (against === null ? 0 : table[against * width + i]);
    final += shift[i] * direction;
    reads[i] = scale * gain[i] * direction;
    middle += reads[i] / width;
  }
  for (let i = 0; i < width; i++) reads[i] -= middle; // a norm takes the mean of every part away
  const dot = (values, at = 0) => { let sum = 0; for (let i = 0; i < width; i++) sum += values[at + i] * reads[i]; return sum; };
  const back = (layer, part) => { // what each input of a matrix adds to the logit
    const rows = model.rows(`decoder.blocks.${layer}.${part}.weight`), found = new Float64Array(rows[0].length);
    let o = 0;
    for (; o + 3 < width; o += 4) {
      const w0 = rows[o], w1 = rows[o + 1], w2 = rows[o + 2], w3 = rows[o + 3], a = reads[o], b = reads[o + 1], c = reads[o + 2], d = reads[o + 3];
      for (let i = 0; i < found.length; i++) found[i] += w0[i] * a + w1[i] * b + w2[i] * c + w3[i] * d;
    }
    for (; o < width; o++) for (let i = 0; i < found.length; i++) found[i] += rows[o][i] * reads[o];
    return found;
  };
  const parts = [{ name: "embedding", layer: -1, value: dot(table, reading.ids[t] * width) }];
  parts.push({ name: "position", layer: -1, value: dot(model.weights["position_embedding.weight"], t * width) });
  let biases = final;
  const wide = 4 * width, byNeuron = new Float64Array(layers * wide);
  for (let layer = 0; layer < layers; layer++) {
    const silent = off.has(`${layer}`), mute = silent || off.has(`${layer}.ff`);
    const written = back(layer, "attention.out"), size = model.headSize;
    for (let head = 0; head < heads; head++) {
      let value = 0;
      for (let i = head * size; i < (head + 1) * size; i++) value += written[i] * reading.heads[layer][t * width + i];
      parts.push({ name: `${layer}.${head}`, layer, head, value: silent ? 0 : value });
    }
    const down = back(layer, "feed_forward.down"), instead = (number) => dot(put.writes[number], (t % put.length) * width);
    let value = mute && put ? instead(2 * layer + 1) : 0;
    if (silent && put) parts.push({ name: `${layer}.attention`, layer, value: instead(2 * layer) });
    for (let i = 0; i < wide && !mute; i++) value += byNeuron[layer * wide + i] = down[i] * reading.hidden[layer][t * wide + i];
    parts.push({ name: `${layer}.ff`, layer, value });
    if (!silent) biases += dot(model.of(layer, "attention.out.bias"));
    if (!mute) biases += dot(model.of(layer, "feed_forward.down.bias"));
  }
  parts.push({ name: "biases", layer: layers, value: biases });
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  const neurons = largest(byNeuron.map(Math.abs), 24).map((n) => {
    const layer = Math.floor(n / wide), number = n % wide;
    return { name: `${layer}.n${number}`, layer, value: byNeuron[n], activation: reading.hidden[layer][t * wide + number] };
  });
  return { parts, neurons, total };
}

// The tokens whose vectors point most nearly where that of `id` does, with the cosine.
function alike(model, id, count, size) {
  const rows = model.rows("token_embedding.weight"), cosines = new Float64Array(size), dots = new Float32Array(rows.length);
  model.lengths ??= Float64Array.from(rows, (row) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)));
  linear(rows[id], 0, 1, rows, null, dots, 0);
  for (let other = 0; other < size; other++) cosines[other] = dots[other] / (model.lengths[other] * model.lengths[id] || Infinity);
  cosines[id] = -2; // it is no neighbor of its own
  return largest(cosines, count).map((other) => [other, cosines[other]]);
}
