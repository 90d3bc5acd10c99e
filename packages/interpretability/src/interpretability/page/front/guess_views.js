// What the model expected at the place, how that grew through the layers, and which tokens are alike.

function drawCandidates() {
  const { tokenizer, reading, clean, ids } = inside, p = softmax(reading.logitsOf(state.place)), target = targetId();
  const before = state.off.size ? softmax(clean.logitsOf(state.place)) : null;
  const top = largest(p, 10), actual = state.place < ids.length ? ids[state.place] : null;
  if (actual !== null && !top.includes(actual)) top[9] = actual;
  if (!top.includes(target)) top[top[9] === actual ? 8 : 9] = target;
  const most = Math.max(...top.map((id) => Math.max(p[id], before ? before[id] : 0)));
  byId("candidate-list").replaceChildren(...top.map((id) => {
    const label = tokenizer.shown(id);
    const row = barRow(label, p[id] / most, percent(p[id]), {
      chosen: id === target, ghost: before && before[id] / most, name: `${label}, ${percent(p[id])}${id === actual ? ", the token in the text" : ""}`,
      act: () => { state.target = id === actual ? null : id; state.against = null; draw(); },
    });
    if (id === actual) row.classList.add("actual");
    return row;
  }));
}

function drawLens() {
  const { tokenizer } = inside, target = targetId(), guesses = window.innerWidth < 480 ? 3 : 4;
  const rows = lens(inside.reading, state.place, target, guesses, config.n_layer <= 6);
  const head = el("tr", {}, el("th", { scope: "col" }, "after"), el("th", { scope: "col", colSpan: guesses }, "it would say"), el("th.number", { scope: "col" }, tokenizer.shown(target)));
  byId("lens-table").replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows.map(({ name, top, target: p, rank }) => el("tr", {},
    el("th", { scope: "row" }, name),
    ...top.map(([id, its]) => el("td" + (id === target ? ".chosen" : ""), { title: percent(its), style: { "--share": Math.sqrt(its).toFixed(3) } }, el("span.token-name", {}, tokenizer.shown(id)))),
    el("td.number", { title: `guess ${grouped(rank)}` }, percent(p))))));
}

function drawAlike() {
  const { tokenizer, model } = inside, id = targetId();
  const found = alike(model, id, Math.min(10, knownIds() - 1), knownIds());
  byId("alike-title").replaceChildren("Most like ", el("b.token-name", {}, tokenizer.shown(id)));
  byId("alike-list").replaceChildren(...found.map(([other, cosine]) => barRow(tokenizer.shown(other), cosine, cosine.toFixed(2), {
    name: `${tokenizer.shown(other)}, cosine ${cosine.toFixed(2)}`,
    act: () => { state.target = other; draw(); },
  })));
}
