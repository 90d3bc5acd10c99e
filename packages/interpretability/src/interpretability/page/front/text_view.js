// The text: typed in a transparent field that lies over the same letters, colored.

const MOST = 8; // nats of surprise at which the color is full

function drawLegend() {
  const marks = [0, 2, 4, 6, MOST].map((value) => el("span", {}, `${value}${value === MOST ? "+" : ""}`));
  byId("legend").replaceChildren(
    el("span.name", {}, "surprise in nats"),
    el("span.scale", {}, el("span.ramp", {}), el("span.marks", {}, ...marks)),
    el("span.name.looks", {}, "looked at by the chosen head"),
  );
}

function drawText() {
  const { places, ids, from, reading } = inside, n = ids.length;
  const map = reading.maps[state.head[0]][state.head[1]][state.place - 1];
  const strongest = Math.max(...map);
  const spans = [];
  places.forEach(([first, last], number) => {
    const place = number + 1 - from;
    if (first === last && spans.length) { // shares a character with the token before
      const owner = spans.at(-1);
      if (place > 0) owner.surprise += reading.surprise[place];
      if (place === state.place) owner.kind += " chosen";
      return;
    }
    spans.push({
      text: state.text.slice(first, last),
      surprise: place > 0 ? reading.surprise[place] : 0,
      look: place >= 0 && place < state.place && map[place] > 0.02 ? map[place] / strongest : 0,
      kind: "token" + (place < 0 || (place === 0 && from) ? " outside" : "") + (place === state.place ? " chosen" : ""),
    });
  });
  const likeliest = inside.tokenizer.decode([reading.likeliest[n]]).trimEnd() || " ";
  spans.push({ text: likeliest, surprise: 0, look: 0, kind: "next" + (state.place === n ? " chosen" : "") });
  layTokens(byId("backdrop"), spans);
  const typed = byId("typed");
  if (typed.value !== state.text) typed.value = state.text;
  const bytes = ENCODER.encode(places.length ? state.text.slice(places[Math.max(0, from - 1)]?.[0] ?? 0) : "").length;
  const total = reading.loss * (n - 1);
  byId("figures").replaceChildren(
    el("b", {}, nats(reading.loss)), " nats a token", el("i", {}, "·"),
    el("b", {}, nats(total / Math.LN2 / Math.max(1, bytes))), " bits a byte", el("i", {}, "·"),
    el("b", {}, grouped(inside.places.length)), ` token${inside.places.length === 1 ? "" : "s"}`,
    ...(from ? [el("i", {}, "·"), `the last ${n} are read: the model looks back on ${config.n_ctx}`] : []),
  );
}

// The tokens as elements. One that says the same as before is left alone: most do, when a text is typed at its end.
const laid = []; // what the elements say
function layTokens(box, spans) {
  if (!box.lastChild) box.append("\u200b"); // without a sign after it a last line end would take no room
  while (laid.length > spans.length) { laid.pop(); box.children[laid.length].remove(); }
  spans.forEach(({ text, surprise, look, kind }, number) => {
    const said = `${kind}|${Math.min(1, surprise / MOST).toFixed(3)}|${look.toFixed(3)}`;
    if (number === laid.length) { laid.push({}); box.insertBefore(el("span"), box.lastChild); }
    const was = laid[number], span = box.children[number];
    if (was.text !== text) span.textContent = text;
    if (was.said !== said) {
      span.className = kind;
      span.style.cssText = `--surprise: ${Math.min(1, surprise / MOST).toFixed(3)}; --look: ${look.toFixed(3)}`;
    }
    laid[number] = { text, said };
  });
}

function drawPlace() {
  const { tokenizer, reading, ids } = inside, { place } = state, last = place === ids.length;
  const shown = (id) => el("b.token-name", {}, tokenizer.shown(id));
  const title = byId("place-title");
  if (last) {
    const best = reading.likeliest[place], p = softmax(reading.logitsOf(place))[best];
    title.replaceChildren("What comes next? Most likely ", shown(best), ` — ${percent(p)}`);
  } else {
    const p = Math.exp(-reading.surprise[place]), rank = rankOf(reading.logitsOf(place), ids[place]);
    title.replaceChildren(shown(ids[place]), ` — ${percent(p)} expected, `, rank === 1 ? "the first guess" : `guess ${grouped(rank)} of ${grouped(config.n_vocab)}`,
      el("span.quiet", {}, ` · surprise ${nats(reading.surprise[place])} nats · place ${place + inside.from}`));
  }
  byId("back").disabled = place <= 1;
  byId("on").disabled = last;
}

// The place of the token at a unit of the text; the end is the token to come.
function placeAt(unit) {
  const number = inside.places.findIndex(([first, last]) => unit >= first && unit < last);
  const place = (number < 0 ? inside.places.length : number) + 1 - inside.from;
  return Math.max(1, Math.min(inside.ids.length, place));
}

function choosePlace(place) {
  state.place = Math.max(1, Math.min(inside.ids.length, place));
  state.target = state.against = null;
  draw({ quick: true });
}
