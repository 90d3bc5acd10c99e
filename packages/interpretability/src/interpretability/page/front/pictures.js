// Any part of the page as a picture: its boxes, letters and drawings are read off the screen and written as SVG.

function picture(element) {
  drawWaiting();
  const frame = element.getBoundingClientRect(), pad = 16, parts = [];
  const width = Math.ceil(frame.width + 2 * pad), height = Math.ceil(frame.height + 2 * pad);
  const at = (box) => ({ x: +(box.left - frame.left + pad).toFixed(1), y: +(box.top - frame.top + pad).toFixed(1), width: +box.width.toFixed(1), height: +box.height.toFixed(1) });
  const seen = (value) => value && value !== "transparent" && !/rgba\(.*, 0\)/.test(value);
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) { lines(node); return; }
    if (node.nodeType !== Node.ELEMENT_NODE || node.classList.contains("save") || node.id === "typed") return;
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0") return;
    if (node.tagName === "CANVAS") { if (box.width) parts.push(svg("image", { ...at(box), href: node.toDataURL(), preserveAspectRatio: "none", style: "image-rendering:pixelated" })); return; }
    if (node.tagName.toLowerCase() === "svg") { parts.push(drawing(node, at(box))); return; }
    if (node.tagName === "INPUT" || node.tagName === "SELECT") { control(node, style, at(box)); return; }
    for (const rect of style.display === "inline" ? node.getClientRects() : [box]) if (rect.width && rect.height) boxed(style, at(rect));
    for (const child of node.childNodes) walk(child);
  };
  const boxed = (style, box) => {
    const border = parseFloat(style.borderTopWidth), edge = border && seen(style.borderTopColor) && parseFloat(style.borderLeftWidth), below = parseFloat(style.borderBottomWidth);
    const image = style.backgroundImage.startsWith("linear-gradient") && !seen(style.backgroundColor);
    if (image && style.getPropertyValue("--picture")) parts.push(svg("rect", { ...box, fill: style.getPropertyValue("--picture").trim() }));
    if (seen(style.backgroundColor) || edge) parts.push(svg("rect", { ...box, rx: Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2), fill: seen(style.backgroundColor) ? style.backgroundColor : "none", ...(edge ? { stroke: style.borderTopColor, "stroke-width": border } : {}) }));
    else if (below && seen(style.borderBottomColor)) parts.push(svg("rect", { ...box, y: box.y + box.height - below, height: below, fill: style.borderBottomColor }));
  };
  const lines = (node) => { // a text node line by line: words whose boxes lie at one height
    const text = node.nodeValue, range = document.createRange(), style = getComputedStyle(node.parentElement);
    let line = null;
    const close = () => { if (line && line.words.trim()) letters(line.words, at(line.box), style); };
    for (const { 0: word, index } of text.matchAll(/\S+|\s+/gu)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const box = range.getClientRects()[0];
      if (!box || !box.height) continue;
      if (line && Math.abs(box.top - line.box.top) < box.height / 2) { line.words += word; continue; }
      close();
      line = { words: word, box };
    }
    close();
  };
  const letters = (words, box, style) => parts.push(svg("text", { x: box.x, y: +(box.y + box.height * 0.77).toFixed(1), fill: style.color, "font-family": style.fontFamily, "font-size": style.fontSize, "font-weight": style.fontWeight, "font-style": style.fontStyle, "xml:space": "preserve" }, words.replaceAll("\n", " ")));
  const control = (node, style, box) => {
    if (node.type === "range") {
      const share = (node.value - node.min) / (node.max - node.min || 1), y = box.y + box.height / 2;
      if (node.parentElement.id !== "track") parts.push(svg("rect", { x: box.x, y: y - 2, width: box.width, height: 4, rx: 2, fill: color("rule") }), svg("circle", { cx: box.x + 7 + share * (box.width - 14), cy: y, r: 6, fill: color("belief") }));
      return;
    }
    boxed(style, box);
    letters(node.tagName === "SELECT" ? node.selectedOptions[0]?.textContent ?? "" : node.value, { ...box, x: box.x + 6 }, style);
  };
  const drawing = (node, box) => {
    const copy = node.cloneNode(true), before = [node, ...node.querySelectorAll("*")], after = [copy, ...copy.querySelectorAll("*")];
    after.forEach((one, i) => {
      const style = getComputedStyle(before[i]);
      for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight"]) one.setAttribute(name, style.getPropertyValue(name));
      one.removeAttribute("class");
    });
    for (const [name, value] of Object.entries(box)) copy.setAttribute(name, value);
    return copy;
  };
  walk(element);
  const whole = svg("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` }, svg("rect", { width, height, fill: color("paper") }), ...parts);
  return { text: new XMLSerializer().serializeToString(whole), width, height };
}

async function pixels({ text, width, height }, scale = 2) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = el("canvas", { width: width * scale, height: height * scale });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

async function save(element, name, kind) {
  const found = picture(element);
  const content = kind === "svg" ? new Blob([found.text], { type: "image/svg+xml" }) : await pixels(found);
  const link = el("a", { href: URL.createObjectURL(content), download: `${facts.name}-${name}.${kind}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function addSaveButtons() {
  for (const view of document.querySelectorAll(".view")) {
    const title = view.querySelector("h2").textContent;
    view.querySelector(".save").replaceChildren(...["svg", "png"].map((kind) => el("button", { type: "button", "aria-label": `Save “${title}” as ${kind.toUpperCase()}`, onclick: () => save(view, view.id, kind) }, kind)));
  }
  byId("save-page").onclick = () => save(byId("page"), "page", "png");
}
