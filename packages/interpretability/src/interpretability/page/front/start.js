// From what was typed to all views, and the beginning of it all.

// Ids of the whole text, the end-of-text token before it, as each text that the model learned from had it.
function allIds() {
  const ids = inside.pinned?.text === state.text ? inside.pinned.ids : inside.tokenizer.encode(state.text);
  return [inside.tokenizer.endOfText, ...ids];
}

// The ids that fit the context. Where the text is longer, its last part, which moves on by half a context at a time.
function windowed(all) {
  const over = all.length - config.n_ctx, half = Math.max(1, config.n_ctx >> 1);
  const from = over > 0 ? Math.ceil(over / half) * half : 0;
  return { ids: all.slice(from), from };
}

function setModel(model) {
  if (inside.model === model) return;
  inside.model = model;
  inside.clean = new Reading(model);
  inside.cut = new Reading(model);
  effects.clear();
  analyze();
}

// Read the text; only what is new of it is computed.
function analyze() {
  const all = allIds(), { ids, from } = windowed(all);
  Object.assign(inside, { ids, from, places: inside.tokenizer.places(state.text, all.slice(1)) });
  inside.clean.read(ids);
  if (state.off.size) inside.cut.read(ids, state.off, replacement(inside.model, state.how));
  inside.reading = state.off.size ? inside.cut : inside.clean;
  state.place = Math.max(1, Math.min(ids.length, state.place));
}

// The views by the element that they fill. Those out of sight may wait: until they come in sight, or the hand rests.
const VIEWS = { text: drawText, time: drawTime, place: drawPlace, candidates: drawCandidates, lens: drawLens, writers: drawWriters, alike: drawAlike, heads: drawHeads, switches: drawSwitches, sampling: drawOdds };
const outOfSight = new Set(), waitingViews = new Set();

// quick: views out of sight wait.
function draw({ again = false, quick = false } = {}) {
  if (again) analyze();
  inside.attributed = attribution(inside.reading, state.place, targetId(), state.against);
  for (const id of Object.keys(VIEWS)) waitingViews.add(id);
  drawWaiting(quick ? (id) => !outOfSight.has(id) : () => true);
  if (quick) later("waiting", 200, drawWaiting);
  address();
}

function drawWaiting(which = () => true) {
  for (const id of [...waitingViews].filter(which)) {
    waitingViews.delete(id);
    VIEWS[id]();
  }
}

function watchSight() {
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) outOfSight.delete(target.id);
      else outOfSight.add(target.id);
    }
    drawWaiting((id) => !outOfSight.has(id));
  }, { rootMargin: "100px" });
  for (const id of Object.keys(VIEWS)) watcher.observe(byId(id));
}

function address() {
  later("address", 250, () => {
    try { history.replaceState(null, "", addressed()); } catch { location.hash = addressed(); } // some browsers forbid it for files
  });
}

// After another text: everything, and what takes longer once the typing rests.
function changed() {
  effects.clear();
  analyze();
  draw();
  later("ages", 500, measureAges);
}

function turnTheme(dark = document.documentElement.dataset.theme !== "dark") {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  colors.clear();
  byId("theme").textContent = dark ? "Light" : "Dark";
  if (inside.reading) draw();
}

function listen() {
  const typed = byId("typed");
  const caret = () => { state.place = placeAt(typed.selectionStart); state.target = state.against = null; };
  typed.addEventListener("input", () => {
    state.text = typed.value;
    state.place = 1;
    analyze();
    caret();
    effects.clear();
    draw({ quick: true });
    later("ages", 500, measureAges);
  });
  typed.addEventListener("click", () => { caret(); draw(); });
  typed.addEventListener("keyup", (event) => { if (/^(Arrow|Home|End|Page)/.test(event.key) && !event.altKey) { caret(); draw(); } });
  byId("back").onclick = () => choosePlace(state.place - 1);
  byId("on").onclick = () => choosePlace(state.place + 1);
  byId("against").onchange = (event) => { state.against = event.target.value === "" ? null : +event.target.value; draw(); };
  byId("how").onchange = (event) => { state.how = event.target.value; effects.clear(); draw({ again: true }); };
  byId("all-on").onclick = allOn;
  byId("try-each").onclick = tryEach;
  byId("write").onclick = write;
  byId("undo").onclick = takeBack;
  byId("theme").onclick = () => turnTheme();
  byId("copy").onclick = copyLink;
  window.addEventListener("resize", () => later("size", 100, () => draw()));
  window.addEventListener("hashchange", () => { if (location.hash !== addressed()) fromAddress(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => turnTheme(event.matches));
}

async function copyLink() {
  const link = location.href.replace(/#.*$/, "") + addressed();
  try { await navigator.clipboard.writeText(link); } catch {
    const field = el("textarea", { value: link });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  byId("copy").textContent = "Copied";
  later("copied", 1500, () => { byId("copy").textContent = "Copy link"; });
}

function fromAddress() {
  readAddress(location.hash);
  analyze();
  state.place = Math.max(1, Math.min(inside.ids.length, state.wanted - inside.from));
  if (inside.model !== inside.final || state.step !== LAST) chooseStep(state.step);
  changed();
}

async function start() {
  const about = [`${(facts.parameters / 1e6).toFixed(facts.parameters < 1e7 ? 2 : 0)} million weights`, `${config.n_layer} layers of ${config.n_head} heads, ${config.n_embd} wide`, `context ${grouped(config.n_ctx)}`, `${grouped(config.n_vocab)} tokens`, facts.kind === "int8" ? "8 bits" : "16 bits"];
  byId("about").textContent = about.join(" · ");
  turnTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  const bytes = await block("vocabulary"), tokens = [];
  let at = 0;
  for (const length of facts.lengths) { tokens.push(bytes.subarray(at, at + length)); at += length; }
  inside.tokenizer = new Tokenizer({ ...facts, tokens });
  inside.final = new Model(config, weightsOf(await block("weights"), facts.shapes, facts.kind, facts.group), facts.shapes);
  inside.ageReadings = [];
  inside.unpacked = unpackCheckpoints();
  readAddress(location.hash);
  for (const id of ["text", "place", "grid"]) byId(id).hidden = false;
  byId("time").hidden = false;
  byId("wait").remove();
  makeKnobs();
  drawLegend();
  setModel(inside.final);
  listen();
  listenToTime();
  listenToHeads();
  listenToKeys();
  addSaveButtons();
  watchSight();
  state.place = Math.max(1, Math.min(inside.ids.length, state.wanted - inside.from));
  if (state.step !== LAST) await chooseStep(state.step);
  if (state.anyHead) state.head = busiestHead();
  draw();
  later("ages", 50, measureAges);
  document.documentElement.dataset.ready = "yes";
}

// The head that wrote most to the logit of the chosen token.
function busiestHead() {
  const heads = attribution(inside.reading, state.place, targetId()).parts.filter((part) => part.head !== undefined);
  const { layer, head } = heads.reduce((best, part) => (Math.abs(part.value) > Math.abs(best.value) ? part : best));
  return [layer, head];
}

async function unpackCheckpoints() {
  if (!LAST) return;
  const scales = await block("scales");
  inside.checkpoints = new Checkpoints(facts.shapes, singles(scales, 0, scales.length / 4));
  for (let number = 0; number < LAST; number++) inside.checkpoints.add(await block(`state-${number}`));
}

// For the console, and for tests.
window.page = { facts, state, inside, effects, ageLoss, draw, drawWaiting, analyze, changed, softmax, largest, lens, attribution, alike, chosenFrom, drawn, Twister, Reading, replacement, writeOn, chooseStep, modelAt, choosePlace, flip, picture, addressed, tryEach, measureAges };

start().catch((error) => {
  const wait = byId("wait") ?? byId("page").appendChild(el("p", { id: "wait" }));
  wait.textContent = `The page could not start: ${error.message}`;
  throw error;
});
