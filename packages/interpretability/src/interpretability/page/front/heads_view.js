// Attention maps: all heads as small pictures, one of them large, and what the chosen token looks at.

function drawHeads() {
  const grid = byId("head-grid"), { n_layer: layers, n_head: heads } = config;
  if (grid.children.length !== layers) {
    document.documentElement.style.setProperty("--columns", Math.ceil(heads / Math.ceil(heads / 8)));
    grid.replaceChildren(...Array.from({ length: layers }, (_, layer) => el("div.layer", {}, el("span.layer-name", {}, `layer ${layer}`),
      el("div.maps", {}, ...Array.from({ length: heads }, (_, head) => el("button.map", { type: "button", onclick: () => chooseHead(layer, head) }, el("canvas", {}), el("span.wrote", {}, el("span", {})), el("span.tag", {}, `${head}`)))))));
  }
  const { parts } = inside.attributed, most = Math.max(1e-9, ...parts.filter((part) => part.head !== undefined).map((part) => Math.abs(part.value)));
  const n = inside.ids.length, ink = rgb("belief"), ground = rgb("card");
  for (const { layer, head, value, name } of parts) {
    if (head === undefined) continue;
    const button = grid.children[layer].querySelector(".maps").children[head], chosen = state.head[0] === layer && state.head[1] === head;
    button.classList.toggle("chosen", chosen);
    button.classList.toggle("muted", state.off.has(name) || state.off.has(`${layer}`));
    button.setAttribute("aria-pressed", `${chosen}`);
    button.setAttribute("aria-label", `${partName(name)}, wrote ${signed(value)}`);
    const wrote = button.querySelector(".wrote");
    wrote.classList.toggle("less", value < 0);
    wrote.firstChild.style.setProperty("--share", (Math.abs(value) / most).toFixed(3));
    paintMap(button.querySelector("canvas"), inside.reading.maps[layer][head], n, ink, ground);
  }
  drawLarge(ink, ground);
}

// A pixel a pair of tokens; the color follows the square root of the weight, so that small ones can be seen.
function paintMap(canvas, map, n, ink, ground) {
  if (canvas.width !== n || canvas.height !== n) canvas.width = canvas.height = n;
  const brush = canvas.getContext("2d"), image = brush.createImageData(n, n), pixels = image.data;
  for (let t = 0; t < n; t++) {
    const row = map[t];
    for (let s = 0; s < n; s++) {
      const depth = s <= t ? Math.sqrt(row[s]) : 0, at = 4 * (t * n + s);
      for (let c = 0; c < 3; c++) pixels[at + c] = ground[c] + (ink[c] - ground[c]) * depth;
      pixels[at + 3] = s <= t ? 255 : 0;
    }
  }
  brush.putImageData(image, 0, 0);
}

function drawLarge(ink, ground) {
  const [layer, head] = state.head, { tokenizer, ids, reading } = inside, n = ids.length, t = state.place - 1;
  const map = reading.maps[layer][head], small = el("canvas"), canvas = byId("large");
  paintMap(small, map, n, ink, ground);
  const size = Math.round(widthOf("large") * (window.devicePixelRatio || 1)) || 320, cell = size / n;
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const brush = canvas.getContext("2d");
  brush.clearRect(0, 0, size, size);
  brush.imageSmoothingEnabled = false;
  brush.drawImage(small, 0, 0, size, size);
  brush.strokeStyle = color("surprise");
  brush.lineWidth = Math.max(2, size / 200);
  brush.strokeRect(brush.lineWidth / 2, t * cell, Math.max(cell, (t + 1) * cell) - brush.lineWidth, Math.max(3, cell));
  const looks = largest(map[t], 5), said = looks.map((s) => `${tokenOf(s)} ${percent(map[t][s])}`).join(", ");
  canvas.setAttribute("aria-label", `Attention of ${partName(`${layer}.${head}`)}, ${n} by ${n} tokens. From ${tokenOf(t)} it looks at ${said}`);
  byId("large-title").replaceChildren(`Head ${layer}.${head}, looking from `, el("b.token-name", {}, tokenOf(t)), " back at");
  byId("looks").replaceChildren(...looks.map((s) => barRow(tokenOf(s), map[t][s], percent(map[t][s]), { name: `${tokenOf(s)} at place ${s}, ${percent(map[t][s])}` })));
}

const tokenOf = (place) => (place === 0 && !inside.from ? "start" : inside.tokenizer.shown(inside.ids[place]));

function chooseHead(layer, head) {
  state.head = [layer, head];
  draw();
}

function listenToHeads() {
  byId("large").addEventListener("click", (event) => {
    const box = event.target.getBoundingClientRect();
    choosePlace(Math.floor(((event.clientY - box.top) / box.height) * inside.ids.length) + 1);
  });
}
