// From logits to one token, as `decoding` does it: temperature, top-k, top-p, min-p in this order, and its own draws.

// Logits after the settings, -Infinity where a token may not come. `known`: ids from here on stand for nothing.
function chosenFrom(logits, { temperature = 1, topK = 0, topP = 1, minP = 0 }, known = logits.length) {
  const found = Float64Array.from(logits, (value, id) => (id < known ? value / temperature : -Infinity));
  if (topK > 0 && topK < found.length) {
    const bar = Float64Array.from(found).sort().at(-topK); // ties with the k-th are all kept
    for (let i = 0; i < found.length; i++) if (found[i] < bar) found[i] = -Infinity;
  }
  if (topP < 1) {
    const p = softmax(found), order = Array.from(found.keys()).sort((a, b) => found[a] - found[b] || a - b);
    let tail = 0;
    for (const id of order.slice(0, -1)) { // from the unlikely end; the likeliest stays
      tail += p[id];
      if (tail > 1 - topP) break;
      found[id] = -Infinity;
    }
  }
  if (minP > 0) {
    const p = softmax(found), best = largest(p, 1)[0];
    for (let i = 0; i < found.length; i++) if (i !== best && p[i] < minP * p[best]) found[i] = -Infinity;
  }
  return found;
}

// Uniform numbers as torch.rand draws them in float64: the Mersenne Twister (Matsumoto and Nishimura 1998), 53 bits.
class Twister {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) this.state[i] = Math.imul(1812433253, this.state[i - 1] ^ (this.state[i - 1] >>> 30)) + i;
    this.next = 624;
  }

  bits() {
    const s = this.state;
    if (this.next === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
        s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.next = 0;
    }
    let y = s[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  uniform() {
    const high = this.bits(), low = this.bits();
    return ((high & 0x1fffff) * 2 ** 32 + low) / 2 ** 53;
  }
}

// The id at which the summed probabilities pass a uniform number.
function drawn(logits, uniform) {
  const p = softmax(logits);
  let whole = 0;
  for (let i = 0; i < p.length; i++) whole += p[i] = Math.fround(p[i]);
  let sum = 0;
  for (let i = 0; i < p.length; i++) if ((sum += p[i]) > uniform * whole) return i;
  return p.length - 1;
}

// The next token of a reading; greedy without a twister.
function nextToken(reading, settings, twister, known) {
  const logits = reading.logitsOf(reading.ids.length);
  if (!twister) return largest(known < logits.length ? logits.subarray(0, known) : logits, 1)[0];
  return drawn(chosenFrom(logits, settings, known), twister.uniform());
}
