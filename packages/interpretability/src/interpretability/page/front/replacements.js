// What stands in the place of a part that is switched off: nothing, its mean over another text, or what it was at the
// same place of that text. The other text is in the page: the mean over the same one would hand on what it should take.

const MEAN_OVER = 128; // tokens of the other text that a mean is over, at most

// Of a model: null for nothing, else what its parts computed on the other text, `length` rows of it. Computed once.
function replacement(model, how) {
  if (how === "zero" || !facts.other.length) return null;
  model.others ??= {};
  return (model.others[how] ??= how === "mean" ? averaged(onOtherText(model, MEAN_OVER)) : onOtherText(model, config.n_ctx));
}

function onOtherText(model, most) {
  const reading = new Reading(model), width = model.width;
  reading.ids = facts.other.slice(0, most);
  const length = reading.ids.length;
  reading.rows(0, length, new Set());
  const writes = reading.stream.slice(1).map((after, number) => after.subarray(0, length * width).map((value, i) => value - reading.stream[number][i]));
  const [heads, hidden] = [reading.heads, reading.hidden].map((layers, kind) => layers.map((rows) => rows.subarray(0, length * width * (kind ? 4 : 1))));
  return { length, heads, hidden, writes };
}

function averaged({ length, heads, hidden, writes }) {
  const mean = (rows) => {
    const found = new Float32Array(rows.length / length);
    for (let i = 0; i < rows.length; i++) found[i % found.length] += rows[i] / length;
    return found;
  };
  return { length: 1, heads: heads.map(mean), hidden: hidden.map(mean), writes: writes.map(mean) };
}

// In `count` rows of `values`, `wide` numbers each, the first at `at` and of place `from`: the columns from `first` on,
// `size` of them, become 0, or what `rows` of a replacement has at that place.
function replaceColumns(values, at, wide, first, size, from, count, put, rows) {
  for (let t = 0; t < count; t++) {
    const to = at + t * wide + first, source = put ? ((from + t) % put.length) * wide + first : 0;
    for (let i = 0; i < size; i++) values[to + i] = put ? rows[source + i] : 0;
  }
}
