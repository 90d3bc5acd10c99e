// The settings of sampling, what they do to the odds, and writing on.

const KNOBS = [
  ["temperature", "temperature", 0.1, 2, 0.05, (v) => v.toFixed(2)],
  ["topK", "top-k", 0, 200, 1, (v) => (v ? `${v}` : "off")],
  ["topP", "top-p", 0.05, 1, 0.01, (v) => (v < 1 ? v.toFixed(2) : "off")],
  ["minP", "min-p", 0, 0.5, 0.01, (v) => (v ? v.toFixed(2) : "off")],
];
const written = []; // texts before each writing, for Take back
let writing = false;

function makeKnobs() {
  const slide = ([name, label, min, max, step, show]) => el("label", {}, el("span", {}, label), el("input", { type: "range", id: `knob-${name}`, min, max, step, value: state.sampling[name],
    oninput: (event) => { state.sampling[name] = +event.target.value; drawOdds(); address(); } }), el("output", { htmlFor: `knob-${name}` }, show(state.sampling[name])));
  const number = (name, label, max) => el("label.number", {}, el("span", {}, label), el("input", { type: "number", id: `knob-${name}`, min: name === "seed" ? 0 : 1, max, step: 1, value: state[name],
    onchange: (event) => { state[name] = Math.max(+event.target.min, Math.min(max, Math.round(+event.target.value) || 0)); event.target.value = state[name]; address(); } }));
  byId("knobs").replaceChildren(...KNOBS.map(slide), number("seed", "seed", facts.seeds.length - 1), number("length", "tokens", 400));
}

function drawOdds() {
  const { tokenizer, reading } = inside, logits = reading.logitsOf(state.place);
  const before = softmax(logits), after = softmax(chosenFrom(logits, state.sampling, knownIds()));
  let may = 0;
  for (const p of after) if (p > 0) may++;
  for (const [name, , , , , show] of KNOBS) {
    byId(`knob-${name}`).value = state.sampling[name];
    byId(`knob-${name}`).parentElement.querySelector("output").textContent = show(state.sampling[name]);
  }
  const top = largest(before, 10), most = Math.max(...top.map((id) => Math.max(before[id], after[id])));
  byId("odds").replaceChildren(...top.map((id) => barRow(tokenizer.shown(id), after[id] / most, after[id] ? percent(after[id]) : "never", { ghost: before[id] / most, muted: after[id] === 0 })),
    el("li.note", {}, `${grouped(may)} of ${grouped(knownIds())} tokens may come`));
  byId("undo").disabled = !written.length;
  byId("write").disabled = writing;
}

// Ids that the model writes after those read, drawn with the seed; `each` sees them come, a few at a time.
async function writeOn(count, each) {
  const twister = new Twister(facts.seeds[state.seed]), own = inside.reading, off = [...state.off], { put } = own, drawnIds = [];
  let all = allIds(), frame = performance.now();
  while (drawnIds.length < count) {
    own.read(windowed(all).ids, off, put);
    const id = nextToken(own, state.sampling, twister, knownIds());
    drawnIds.push(id);
    if (id === inside.tokenizer.endOfText) break;
    all = [...all, id];
    if (each && performance.now() - frame > 24) {
      each(drawnIds);
      await new Promise((done) => requestAnimationFrame(done));
      frame = performance.now();
    }
  }
  if (each) each(drawnIds);
  else own.read(inside.ids, off, put);
  return drawnIds;
}

async function write() {
  if (writing) return;
  writing = true;
  written.push(state.text);
  const begin = state.text, ids = allIds().slice(1);
  await writeOn(state.length, (drawnIds) => {
    const kept = drawnIds.filter((id) => id !== inside.tokenizer.endOfText);
    inside.pinned = { text: begin + inside.tokenizer.decode(kept), ids: [...ids, ...kept] };
    state.text = inside.pinned.text;
    state.place = Infinity;
    analyze();
    drawText();
  });
  writing = false;
  state.target = state.against = null;
  changed();
}

function takeBack() {
  state.text = written.pop() ?? state.text;
  state.place = Infinity;
  state.target = state.against = null;
  changed();
}
