// What the keyboard does.

const KEYS = [
  ["←  →", "the token before, the next one", { ArrowLeft: () => choosePlace(state.place - 1), ArrowRight: () => choosePlace(state.place + 1) }],
  ["↑  ↓", "the likelier candidate, the next one", { ArrowUp: () => chooseCandidate(-1), ArrowDown: () => chooseCandidate(1) }],
  [",  .", "an earlier checkpoint, a later one", { ",": () => chooseStep(state.step - 1), ".": () => chooseStep(state.step + 1) }],
  ["[  ]", "the head before, the next one", { "[": () => stepHead(-1), "]": () => stepHead(1) }],
  ["O", "switch the chosen head off and on", { o: () => flip(state.head.join(".")) }],
  ["A", "all parts on", { a: () => allOn() }],
  ["W", "write on", { w: () => write() }],
  ["Z", "take back what was written", { z: () => takeBack() }],
  ["D", "dark and light", { d: () => turnTheme() }],
  ["T", "into the text; Escape leaves it", { t: () => byId("typed").focus() }],
  ["?", "this list", { "?": () => byId("keys").showModal() }],
];
const ACTIONS = Object.assign({}, ...KEYS.map(([, , actions]) => actions));

function chooseCandidate(by) {
  const order = largest(inside.reading.logitsOf(state.place), 10), at = order.indexOf(targetId());
  const id = order[Math.max(0, Math.min(9, (at < 0 ? 10 : at) + by))];
  state.target = id === inside.ids[state.place] ? null : id;
  draw();
}

function stepHead(by) {
  const all = config.n_layer * config.n_head, at = (state.head[0] * config.n_head + state.head[1] + by + all) % all;
  chooseHead(Math.floor(at / config.n_head), at % config.n_head);
}

function allOn() {
  state.off.clear();
  draw({ again: true });
}

function listenToKeys() {
  byId("key-list").replaceChildren(...KEYS.flatMap(([keys, meaning]) => [el("dt", {}, ...keys.split("  ").map((key) => el("kbd", {}, key))), el("dd", {}, meaning)]));
  byId("help").onclick = () => byId("keys").showModal();
  byId("close").onclick = () => byId("keys").close();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || byId("keys").open) return;
    const typing = event.target === byId("typed"), field = /^(INPUT|SELECT)$/.test(event.target.tagName);
    if (typing && event.key === "Escape") { event.target.blur(); return; }
    if (typing ? !event.altKey : field || event.altKey) return;
    const action = ACTIONS[event.key] ?? ACTIONS[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
