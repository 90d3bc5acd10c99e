// Parts that are switched off, and what that does to the text.

const effects = new Map(); // loss of the text without a part, less that with it

function drawSwitches() {
  const most = Math.max(0.01, ...[...effects.values()].map(Math.abs));
  const toggle = (name, label, kind = "") => {
    const on = !state.off.has(name), effect = effects.get(name);
    const button = el("button.part" + kind, { type: "button", "aria-pressed": `${on}`, "aria-label": `${partName(name)}: ${on ? "on" : "off"}${effect === undefined ? "" : `, without it the loss changes by ${signed(effect)}`}`, title: effect === undefined ? partName(name) : `${partName(name)}: without it ${signed(effect, 3)} nats`, onclick: () => flip(name) }, label);
    if (effect !== undefined) {
      button.style.setProperty("--share", Math.sqrt(Math.abs(effect) / most).toFixed(3)); // small ones can be seen, too
      button.classList.add(effect < 0 ? "helps" : "hurts");
    }
    return button;
  };
  byId("board").replaceChildren(...Array.from({ length: config.n_layer }, (_, layer) => el("div.parts", {},
    toggle(`${layer}`, `layer ${layer}`, ".whole"), el("div.heads-of", {}, ...Array.from({ length: config.n_head }, (_, head) => toggle(`${layer}.${head}`, `${head}`))), toggle(`${layer}.ff`, "ff", ".ff"))));
  const shown = inside.attributed.neurons.slice(0, 8);
  const off = [...state.off].filter((name) => name.includes(".n") && !shown.some((neuron) => neuron.name === name));
  byId("neurons").replaceChildren(
    ...off.map((name) => toggle(name, name, ".neuron")),
    ...shown.map(({ name, value }) => { const button = toggle(name, `${name} `, ".neuron"); button.append(el("span" + (value < 0 ? ".less" : ".more"), {}, signed(value))); return button; }));
  byId("how").value = state.how;
  byId("all-on").disabled = !state.off.size;
  drawEffect();
}

function drawEffect() {
  const box = byId("effect"), { reading, clean, tokenizer } = inside;
  if (!state.off.size) {
    box.replaceChildren(el("dt", {}, "All parts are on"), el("dd", {}, "switch one off to see what it did"));
    return;
  }
  const id = targetId(), p = (one) => percent(softmax(one.logitsOf(state.place))[id]);
  const change = reading.loss - clean.loss;
  box.replaceChildren(
    el("dt", {}, "loss of the text"), el("dd", {}, `${nats(clean.loss)} → ${nats(reading.loss)} `, el("b" + (change > 0 ? ".less" : ".more"), {}, signed(change, 3))),
    el("dt", {}, el("b.token-name", {}, tokenizer.shown(id)), " here"), el("dd", {}, `${p(clean)} → ${p(reading)}`),
    el("dt", {}, "it would go on"), el("dd.goes", { id: "goes" }, "…"));
  later("goes", 120, () => {
    const goes = byId("goes");
    if (goes) goes.replaceChildren(el("span", {}, greedy(clean)), " → ", el("span", {}, greedy(reading)));
  });
}

// What a reading would write next, without a draw.
function greedy(reading, count = 10) {
  const ids = reading.ids.slice(), off = reading.off ? reading.off.split(" ") : [], { put } = reading, written = [];
  while (written.length < count && ids.length + written.length < config.n_ctx) {
    const id = nextToken(reading, null, null, knownIds());
    written.push(id);
    if (id === inside.tokenizer.endOfText) break;
    reading.read([...ids, ...written], off, put);
  }
  reading.read(ids, off, put);
  return inside.tokenizer.decode(written).replaceAll("\n", "↵");
}

function flip(name) {
  if (!state.off.delete(name)) state.off.add(name);
  draw({ again: true });
}

// Each head and each feed-forward off by itself, one after the other, as long as the text stays.
async function tryEach() {
  const reading = new Reading(inside.model), ids = inside.ids.slice(), text = state.text, whole = inside.clean.loss, step = state.step;
  const names = Array.from({ length: config.n_layer }, (_, layer) => [...Array.from({ length: config.n_head }, (_, head) => `${layer}.${head}`), `${layer}.ff`]).flat();
  const { how } = state, put = replacement(inside.model, how);
  byId("try-each").disabled = true;
  for (const name of names) {
    for (let n = 0; n < ids.length;) {
      n = Math.min(ids.length, n + 8);
      reading.read(ids.slice(0, n), [name], put);
      await new Promise((done) => setTimeout(done));
    }
    if (text !== state.text || step !== state.step || how !== state.how) break;
    effects.set(name, reading.loss - whole);
    drawSwitches();
  }
  byId("try-each").disabled = false;
}
