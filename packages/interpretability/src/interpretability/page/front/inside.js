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
  const { model } = reading, width = model.width, rows = [];
  reading.stream.forEach((stream, number) => {
    const layer = Math.floor((number - 1) / 2), half = number % 2 === 1;
    if (half && !whole) return;
    const p = softmax(model.logitsAt(stream, (place - 1) * width));
    const name = number ? `${half ? "attention" : "feed-forward"} ${layer}` : "embedding";
    rows.push({ name, top: largest(p, count).map((id) => [id, p[id]]), target: p[target], rank: rankOf(p, target) });
  });
  return rows;
}

// A logit (or, with `against`, the difference of two) as a sum: what the embedding, the position, every head, every
// feed-forward and every bias wrote into the stream, each through the final norm, whose scale is taken as it came out.
function attribution(reading, place, target, against = null) {
  const { model } = reading, width = model.width, { n_layer: layers, n_head: heads, layer_norm_epsilon: epsilon } = model.config;
  const t = place - 1, off = new Set(reading.off.split(" ")), table = model.weights["token_embedding.weight"];
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
  const back = (matrix, inputs) => { // what each input of a matrix adds to the logit
    const found = new Float64Array(inputs);
    for (let o = 0; o < width; o++) for (let i = 0, p = o * inputs; i < inputs; i++) found[i] += matrix[p++] * reads[o];
    return found;
  };
  const parts = [{ name: "embedding", layer: -1, value: dot(table, reading.ids[t] * width) }];
  parts.push({ name: "position", layer: -1, value: dot(model.weights["position_embedding.weight"], t * width) });
  let biases = final;
  const neurons = [];
  for (let layer = 0; layer < layers; layer++) {
    const silent = off.has(`${layer}`), mute = silent || off.has(`${layer}.ff`);
    const written = back(model.of(layer, "attention.out.weight"), width), size = model.headSize;
    for (let head = 0; head < heads; head++) {
      let value = 0;
      for (let i = head * size; i < (head + 1) * size; i++) value += written[i] * reading.heads[layer][t * width + i];
      parts.push({ name: `${layer}.${head}`, layer, head, value: silent ? 0 : value });
    }
    const down = back(model.of(layer, "feed_forward.down.weight"), 4 * width);
    let value = 0;
    for (let i = 0; i < 4 * width; i++) {
      const activation = reading.hidden[layer][t * 4 * width + i], its = mute ? 0 : down[i] * activation;
      value += its;
      neurons.push({ name: `${layer}.n${i}`, layer, value: its, activation });
    }
    parts.push({ name: `${layer}.ff`, layer, value });
    if (!silent) biases += dot(model.of(layer, "attention.out.bias"));
    if (!mute) biases += dot(model.of(layer, "feed_forward.down.bias"));
  }
  parts.push({ name: "biases", layer: layers, value: biases });
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  neurons.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return { parts, neurons: neurons.slice(0, 24), total };
}

// The tokens whose vectors point most nearly where that of `id` does, with the cosine.
function alike(model, id, count, size) {
  const table = model.weights["token_embedding.weight"], width = model.width, cosines = new Float64Array(size).fill(-2);
  let own = 0;
  for (let i = 0; i < width; i++) own += table[id * width + i] ** 2;
  for (let other = 0; other < size; other++) {
    let dot = 0, length = 0;
    for (let i = 0; i < width; i++) {
      const value = table[other * width + i];
      dot += value * table[id * width + i];
      length += value * value;
    }
    if (other !== id) cosines[other] = length && own ? dot / Math.sqrt(length * own) : 0;
  }
  return largest(cosines, count).map((other) => [other, cosines[other]]);
}
