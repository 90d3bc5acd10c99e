// The logit as a fall of bars, each beginning where the one before it ended.

const FULL = 32; // rows beyond which the heads that wrote least are drawn as one

function drawWriters() {
  const target = targetId(), { parts, total } = inside.attributed, { tokenizer, reading } = inside;
  const rows = folded(parts);
  let at = 0, low = 0, high = 0;
  for (const row of rows) {
    row.from = at;
    at += row.value;
    low = Math.min(low, at);
    high = Math.max(high, at);
  }
  const wide = high - low || 1, place = (value) => (100 * (value - low)) / wide;
  const item = ({ from, value, name, title, head, layer }) => {
    const left = place(Math.min(from, from + value)), bar = el("span.fall" + (value < 0 ? ".less" : ""), { style: { left: `${left}%`, width: `${(100 * Math.abs(value)) / wide}%` } });
    const line = [el("span.name", {}, title), el("span.track", { style: { "--zero": `${place(0)}%` } }, bar), el("span.number", {}, signed(value))];
    const chosen = head !== undefined && state.head[0] === layer && state.head[1] === head;
    if (head === undefined) return el("li", {}, el("span.line", {}, ...line));
    return el("li" + (chosen ? ".chosen" : "") + (state.off.has(name) ? ".muted" : ""), {}, el("button.line", { type: "button", "aria-pressed": `${chosen}`, "aria-label": `${partName(name)}, ${signed(value)}`, onclick: () => chooseHead(layer, head) }, ...line));
  };
  const sum = el("li.sum", {}, el("span.line", {},
    el("span.name", {}, state.against === null ? "logit" : "difference"),
    el("span.track", { style: { "--zero": `${place(0)}%` } }, el("span.fall.whole" + (total < 0 ? ".less" : ""), { style: { left: `${place(Math.min(0, total))}%`, width: `${(100 * Math.abs(total)) / wide}%` } })),
    el("span.number", {}, signed(total))));
  byId("writers-title").replaceChildren("Who wrote ", el("b.token-name", {}, tokenizer.shown(target)));
  byId("writer-list").replaceChildren(...rows.map(item), sum);
  const others = largest(reading.logitsOf(state.place), 8).filter((id) => id !== target);
  if (state.against !== null && !others.includes(state.against)) others.push(state.against);
  byId("against").replaceChildren(
    el("option", { value: "", selected: state.against === null }, "nothing: the logit itself"),
    ...others.map((id) => el("option", { value: `${id}`, selected: id === state.against }, tokenizer.shown(id))));
}

function folded(parts) {
  const named = parts.map((part) => ({ ...part, title: part.head === undefined ? part.name.replace(/^(\d+)\.ff$/, "feed-forward $1").replace(/^(\d+)\.attention$/, "attention $1") : `head ${part.layer}.${part.head}` }));
  if (named.length <= FULL) return named;
  const heads = named.filter((part) => part.head !== undefined).sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const kept = new Set(heads.slice(0, 10)), rest = new Map();
  const found = [];
  for (const part of named) {
    if (part.head === undefined || kept.has(part)) { found.push(part); continue; }
    if (!rest.has(part.layer)) {
      rest.set(part.layer, { name: `${part.layer}.others`, title: `other heads ${part.layer}`, layer: part.layer, value: 0 });
      found.push(rest.get(part.layer));
    }
    rest.get(part.layer).value += part.value;
  }
  return found;
}
