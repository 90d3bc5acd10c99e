// Text to ids as GPT-2 does it: pieces by a pattern, then byte pairs, those with the lowest rank first.

const ENCODER = new TextEncoder();
const WHITE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // JavaScript's \s is another set

// A string with a character a byte, as which tokens are looked up.
function binary(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

class Tokenizer {
  // tokens: bytes of every id that merges make; special: names of the ids after these; always: those of them that are
  // tokens wherever a text spells them; letters, numbers: ranges of code points, as the model's own tokenizer has them.
  constructor({ tokens, special, always, letters, numbers }) {
    this.tokens = tokens.concat(special.map((name) => ENCODER.encode(name)));
    this.special = special;
    this.endOfText = tokens.length;
    this.size = this.tokens.length;
    this.ranks = new Map(tokens.map((token, id) => [binary(token), id]));
    const set = (ranges) => ranges.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join("");
    const l = set(letters), n = set(numbers);
    this.pattern = new RegExp(
      `'(?:[sdmt]|ll|ve|re)| ?[${l}]+| ?[${n}]+| ?[^${WHITE}${l}${n}]+|[${WHITE}]+(?![^${WHITE}])|[${WHITE}]+`, "gu");
    const names = always.map((name) => name.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    this.added = names.length ? new RegExp(`(${names.join("|")})`, "u") : null;
    this.known = new Map();
  }

  encode(text) {
    const ids = [], whole = text.isWellFormed ? text.toWellFormed() : new TextDecoder().decode(ENCODER.encode(text));
    const parts = this.added ? whole.split(this.added) : [whole];
    parts.forEach((part, number) => {
      if (number % 2) ids.push(this.endOfText + this.special.indexOf(part));
      else for (const [piece] of part.matchAll(this.pattern)) this.addPiece(piece, ids);
    });
    return ids;
  }

  addPiece(piece, ids) {
    let found = this.known.get(piece);
    if (!found) {
      found = this.merged(ENCODER.encode(piece));
      if (this.known.size > 20000) this.known.clear();
      if (piece.length < 64) this.known.set(piece, found);
    }
    for (const id of found) ids.push(id);
  }

  merged(bytes) {
    const text = binary(bytes);
    const whole = this.ranks.get(text);
    if (whole !== undefined) return [whole];
    const starts = Array.from({ length: bytes.length + 1 }, (_, i) => i);
    const rank = (i) => this.ranks.get(text.slice(starts[i], starts[i + 2])) ?? Infinity;
    const ranks = starts.slice(0, -2).map((_, i) => rank(i));
    for (;;) {
      let best = 0;
      for (let i = 1; i < ranks.length; i++) if (ranks[i] < ranks[best]) best = i;
      if (!ranks.length || ranks[best] === Infinity) break;
      starts.splice(best + 1, 1);
      ranks.splice(best, 1);
      if (best < ranks.length) ranks[best] = rank(best);
      if (best > 0) ranks[best - 1] = rank(best - 1);
    }
    return starts.slice(0, -1).map((start, i) => this.ranks.get(text.slice(start, starts[i + 1])));
  }

  decode(ids) {
    const parts = ids.filter((id) => id < this.size).map((id) => this.tokens[id]);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { bytes.set(part, at); at += part.length; }
    return new TextDecoder().decode(bytes);
  }

  // A token on one line: a space as ␣, what does not print by its code, half a character as its bytes.
  shown(id) {
    if (id >= this.size) return `unused id ${id}`;
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.tokens[id]);
    } catch {
      return [...this.tokens[id]].map((byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`)).join("");
    }
    return text.replace(/ {4,}/g, (run) => `␣×${run.length}`).replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥")
      .replace(/[\p{C}\p{Z}]/gu, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
  }

  // Where each token lies in the text: [first, last) in JavaScript's units; a character that several tokens share
  // belongs to the first of them, the others are empty.
  places(text, ids) {
    const starts = []; // of the character that a byte belongs to; only its first byte counts
    let unit = 0;
    for (const character of text) {
      const code = character.codePointAt(0), width = code < 128 ? 1 : code < 2048 ? 2 : code < 65536 ? 3 : 4;
      for (let i = 0; i < width; i++) starts.push(i ? unit + character.length : unit);
      unit += character.length;
    }
    starts.push(unit);
    let at = 0;
    return ids.map((id) => {
      const first = starts[at];
      at += this.tokens[id].length;
      return [first, starts[Math.min(at, starts.length - 1)]];
    });
  }
}
