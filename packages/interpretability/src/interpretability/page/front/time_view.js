// The run as a track: the curve of its loss, and a thumb that stands at one of its checkpoints.

const ages = []; // models by checkpoint, as far as they are needed
const ageLoss = []; // of the text, by checkpoint
let stepsX = [];

function drawTime() {
  const { run } = facts, holds = LAST > 0;
  byId("time").hidden = !holds && run.loss.length < 2;
  if (byId("time").hidden) return;
  byId("time-why").textContent = holds
    ? "Drag along the run: every view shows the model as it was after so many steps. The gray curve is the loss of its training, the blue one the loss of your text."
    : "The gray curve is the loss while it was trained. This page holds the finished model only; with --checkpoints it lets you drag through the run.";
  const box = byId("curve"), width = Math.max(280, widthOf("track")), height = 132, left = 34, right = 14, top = 14, bottom = 24;
  const total = run.total || run.steps.at(-1) || 1, marks = steps.map((step) => (step === "final" ? total : step));
  const lowest = Math.min(...[...run.loss.map(([, v]) => v), ...ageLoss.filter(Number.isFinite), inside.reading.loss, 9]);
  const highest = Math.max(...run.loss.map(([, v]) => v), ...ageLoss.filter(Number.isFinite), lowest + 1);
  const x = (step) => left + (width - left - right) * Math.sqrt(step / total);
  const y = (loss) => top + (height - top - bottom) * (1 - (loss - lowest) / (highest - lowest));
  const line = (points, name) => svg("path", { class: name, d: points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("") });
  const parts = [];
  for (let value = Math.ceil(lowest); value <= highest; value += highest - lowest > 5 ? 2 : 1) {
    parts.push(svg("line", { class: "rule", x1: left, x2: width - right, y1: y(value), y2: y(value) }), svg("text", { class: "axis", x: left - 8, y: y(value) + 4, "text-anchor": "end" }, `${value}`));
  }
  let free = -Infinity;
  [...new Set(marks)].forEach((step, number, all) => {
    const last = number === all.length - 1, at = x(step);
    if (!last && (at < free || at > x(total) - 90)) return;
    parts.push(svg("text", { class: "axis", x: last ? width - right : at, y: height - 6, "text-anchor": last ? "end" : "middle" }, last ? `step ${grouped(step)}` : grouped(step)));
    free = at + 40;
  });
  if (run.loss.length > 1) parts.push(line(run.loss, "loss"));
  for (const [step, value] of run.held_out) parts.push(svg("rect", { class: "held", x: x(step) - 3, y: y(value) - 3, width: 6, height: 6, transform: `rotate(45 ${x(step)} ${y(value)})` }, svg("title", {}, `held-out text: ${nats(value)} nats at step ${step}`)));
  stepsX = marks.map(x);
  const measured = marks.map((step, i) => [step, i === LAST && state.step === LAST ? inside.clean.loss : ageLoss[i], i]).filter(([, loss]) => Number.isFinite(loss));
  if (measured.length > 1) parts.push(line(measured, "own"));
  for (const [step, loss] of measured) parts.push(svg("circle", { class: "own-dot", cx: x(step), cy: y(loss), r: 3 }));
  const at = stepsX[state.step], loss = inside.reading.loss;
  parts.push(svg("line", { class: "thumb", x1: at, x2: at, y1: top - 8, y2: height - bottom }), svg("circle", { class: "thumb-dot", cx: at, cy: y(Math.min(highest, loss)), r: 6 }));
  const word = `${state.step === LAST ? "the finished model" : `after step ${grouped(steps[state.step])}`}: ${nats(loss)}`, before = at > width / 2;
  parts.push(svg("text", { class: "said", x: at + (before ? -10 : 10), y: top + 2, "text-anchor": before ? "end" : "start" }, word));
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  box.setAttribute("height", height);
  box.replaceChildren(...parts);
  const slider = byId("step");
  slider.hidden = !holds;
  slider.max = LAST;
  slider.value = state.step;
  slider.setAttribute("aria-valuetext", word);
}

function modelAt(step) {
  if (step === LAST) return inside.final;
  return (ages[step] ??= new Model(config, inside.checkpoints.weights(step), facts.shapes));
}

async function chooseStep(step) {
  state.step = Math.max(0, Math.min(LAST, step));
  await inside.unpacked;
  setModel(modelAt(state.step));
  draw({ quick: true });
}

// The loss of the text at every checkpoint, a few tokens at a time, given up as soon as the text is another.
async function measureAges() {
  if (!LAST) return;
  await inside.unpacked;
  const ids = inside.ids.slice(), text = state.text;
  for (let step = LAST; step >= 0; step--) {
    const reading = (inside.ageReadings[step] ??= new Reading(modelAt(step)));
    for (let n = 0; n < ids.length;) {
      n = Math.min(ids.length, n + 8);
      if (!reading.off && reading.ids.length > n && ids.slice(0, n).every((id, i) => id === reading.ids[i])) continue;
      reading.read(ids.slice(0, n));
      await new Promise((done) => setTimeout(done));
      if (text !== state.text) return;
    }
    if (reading.ids.length !== ids.length) reading.read(ids);
    ageLoss[step] = reading.loss;
    drawTime();
  }
}

function listenToTime() {
  const track = byId("track");
  const nearest = (event) => {
    const at = event.clientX - track.getBoundingClientRect().left;
    return stepsX.reduce((best, x, i) => (Math.abs(x - at) < Math.abs(stepsX[best] - at) ? i : best), 0);
  };
  const move = (event) => { if (LAST && nearest(event) !== state.step) chooseStep(nearest(event)); };
  track.addEventListener("pointerdown", (event) => { track.setPointerCapture(event.pointerId); byId("step").focus(); move(event); event.preventDefault(); });
  track.addEventListener("pointermove", (event) => { if (event.buttons) move(event); });
  byId("step").addEventListener("input", (event) => chooseStep(+event.target.value));
}
