// From the text of the page back to numbers: base64, zlib, halves, and rows of whole numbers with a scale.

const HALVES = new Float32Array(65536); // every 16-bit float there is, as a 32-bit one
for (let bits = 0; bits < 65536; bits++) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  HALVES[bits] = exponent === 0 ? sign * fraction * 2 ** -24
    : exponent === 31 ? (fraction ? NaN : sign * Infinity)
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const found = new Uint8Array((base64.length / 4) * 3);
  let length = 0;
  for (let at = 0; at < base64.length; at += 1 << 20) { // a multiple of 4, short of what atob likes
    const part = atob(base64.slice(at, at + (1 << 20)));
    for (let i = 0; i < part.length; i++) found[length++] = part.charCodeAt(i);
  }
  return found.subarray(0, length);
}

async function inflated(bytes) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("wanted a browser that unpacks zlib (Chrome 80, Firefox 113, Safari 16.4 or newer), got an older one; update it");
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The content of one data block of the page. The block is emptied: its text is not needed twice.
async function block(id) {
  const element = document.getElementById(id);
  const text = element.textContent;
  element.textContent = "";
  return inflated(bytesOf(text.trim()));
}

function halves(bytes, at, count) { // all low bytes, then all high ones: that packs better
  const found = new Float32Array(count);
  for (let i = 0; i < count; i++) found[i] = HALVES[bytes[at + i] | (bytes[at + count + i] << 8)];
  return found;
}

function singles(bytes, at, count) {
  return new Float32Array(bytes.slice(at, at + 4 * count).buffer);
}

// Weights by name. `shapes`: [name, rows, columns], vectors with 0 rows; matrices come first, in this order. `group`: as
// many weights of a row share a scale, where that leaves no rest.
function weightsOf(bytes, shapes, kind, group) {
  const found = {};
  let at = 0;
  const cut = ([name, rows, columns]) => (columns % group ? [name, rows, columns] : [name, (rows * columns) / group, group]);
  const whole = shapes.filter((shape) => shape[1]), matrices = kind === "float16" ? whole : whole.map(cut), vectors = shapes.filter((shape) => !shape[1]);
  if (kind === "float16") {
    for (const [name, rows, columns] of [...matrices, ...vectors]) {
      const count = (rows || 1) * columns;
      found[name] = halves(bytes, at, count);
      at += 2 * count;
    }
    return found;
  }
  const start = matrices.reduce((sum, [, rows, columns]) => sum + rows * columns, 0);
  const n = matrices.reduce((sum, [, rows]) => sum + rows, 0);
  const scales = singles(bytes, start, n);
  let row = 0;
  for (const [name, rows, columns] of matrices) {
    found[name] = scaled(new Int8Array(bytes.buffer, bytes.byteOffset + at, rows * columns), scales, row, rows, columns);
    at += rows * columns;
    row += rows;
  }
  at = start + 4 * n;
  for (const [name, , columns] of vectors) {
    found[name] = singles(bytes, at, columns);
    at += 4 * columns;
  }
  return found;
}

function scaled(whole, scales, first, rows, columns) {
  const found = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const scale = scales[first + r];
    for (let i = r * columns; i < (r + 1) * columns; i++) found[i] = whole[i] * scale;
  }
  return found;
}

// Earlier states of the model. All lie on one grid, a scale a row; a state is written as what changed since the one
// before it, in whole steps of the grid, which are mostly small and so pack well.
class Checkpoints {
  constructor(shapes, scales) {
    this.matrices = shapes.filter((shape) => shape[1]);
    this.vectors = shapes.filter((shape) => !shape[1]);
    this.scales = scales;
    this.whole = []; // Int8Array a checkpoint
    this.rest = []; // its vectors
  }

  add(bytes) {
    const before = this.whole.at(-1);
    const size = this.matrices.reduce((sum, [, rows, columns]) => sum + rows * columns, 0);
    const whole = new Int8Array(size);
    for (let i = 0; i < size; i++) whole[i] = bytes[i] + (before ? before[i] : 0); // modulo 256
    this.whole.push(whole);
    this.rest.push(bytes.slice(size));
  }

  weights(number) {
    const found = {}, whole = this.whole[number];
    let at = 0, row = 0;
    for (const [name, rows, columns] of this.matrices) {
      found[name] = scaled(whole.subarray(at, at + rows * columns), this.scales, row, rows, columns);
      at += rows * columns;
      row += rows;
    }
    at = 0;
    for (const [name, , columns] of this.vectors) {
      found[name] = halves(this.rest[number], at, columns);
      at += 2 * columns;
    }
    return found;
  }
}
