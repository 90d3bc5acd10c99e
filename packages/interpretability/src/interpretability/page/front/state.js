// What the page is about just now, and how that is written into its address.

const facts = JSON.parse(byId("facts").textContent);
const { config } = facts;
const steps = [...facts.run.steps, facts.run.total || "final"]; // of the checkpoints; the last is the model itself
const LAST = steps.length - 1;

const state = {
  text: facts.text,
  place: facts.place, // of the chosen token; 1 is the first after the start of the text, ids.length the next one
  target: null, // id whose coming about is shown; null: the token at the place, or the likeliest after the end
  against: null, // id it is compared with
  step: LAST,
  head: [0, 0],
  off: new Set(),
  how: "zero", // what stands in their place: "mean" over another text, or "resample", what that text had there
  sampling: { temperature: 0.8, topK: 50, topP: 1, minP: 0 },
  seed: 0,
  length: 24,
};

// Filled by start.js.
const inside = { tokenizer: null, model: null, reading: null, clean: null, ids: [], from: 0, places: [] };

const knownIds = () => Math.min(config.n_vocab, inside.tokenizer.size);

// The id that the views speak about.
function targetId() {
  if (state.target !== null) return state.target;
  return state.place < inside.ids.length ? inside.ids[state.place] : inside.reading.likeliest[state.place];
}

function addressed() {
  const words = new URLSearchParams();
  words.set("t", state.text);
  words.set("p", state.place + inside.from);
  if (state.target !== null) words.set("c", state.target);
  if (state.against !== null) words.set("v", state.against);
  if (state.step !== LAST) words.set("s", steps[state.step]);
  words.set("h", state.head.join("."));
  if (state.off.size) words.set("off", [...state.off].join(" "));
  if (state.how !== "zero") words.set("w", state.how);
  const { temperature, topK, topP, minP } = state.sampling;
  words.set("d", [temperature, topK, topP, minP, state.seed, state.length].join(" "));
  return `#${words}`;
}

// What an address says, as far as it makes sense for this model.
function readAddress(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const whole = (name, last) => {
    const number = Number(words.get(name) ?? NaN);
    return Number.isInteger(number) && number >= 0 && number <= last ? number : null;
  };
  if (words.has("t")) { state.text = words.get("t"); state.place = 1; }
  state.wanted = whole("p", 1e9) ?? (words.has("t") ? 1 : facts.place);
  state.target = whole("c", config.n_vocab - 1);
  state.against = whole("v", config.n_vocab - 1);
  const step = steps.findIndex((one) => `${one}` === words.get("s"));
  state.step = step < 0 ? LAST : step;
  const [layer, head] = (words.get("h") ?? "").split(".").map(Number);
  state.anyHead = !(layer < config.n_layer && head < config.n_head);
  if (!state.anyHead) state.head = [layer, head];
  state.off = new Set((words.get("off") ?? "").split(" ").filter(isPart));
  state.how = facts.other.length && ["mean", "resample"].includes(words.get("w")) ? words.get("w") : "zero";
  const numbers = (words.get("d") ?? "").split(" ").map(Number);
  if (numbers.length === 6 && numbers.every(Number.isFinite)) {
    const [temperature, topK, topP, minP, seed, length] = numbers;
    state.sampling = { temperature: Math.max(0.05, temperature), topK: Math.max(0, topK | 0), topP, minP };
    state.seed = Math.min(facts.seeds.length - 1, Math.max(0, seed | 0));
    state.length = Math.max(1, Math.min(400, length | 0));
  }
}

// Whether a name is one of a part of this model: "1" a layer, "1.3" a head, "1.ff" its feed-forward, "1.n7" a neuron.
function isPart(name) {
  const found = /^(\d+)(?:\.(?:(\d+)|ff|n(\d+)))?$/.exec(name);
  if (!found || +found[1] >= config.n_layer) return false;
  return !(found[2] && +found[2] >= config.n_head) && !(found[3] && +found[3] >= 4 * config.n_embd);
}

function partName(name) {
  const found = /^(\d+)(?:\.(?:(\d+)|(ff)|n(\d+)))?$/.exec(name);
  if (!found) return name;
  const [, layer, head, ff, neuron] = found;
  return head ? `head ${head} of layer ${layer}` : ff ? `feed-forward ${layer}` : neuron ? `neuron ${neuron} of layer ${layer}` : `layer ${layer}`;
}
