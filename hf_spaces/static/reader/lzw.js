// LZW as GIF uses it (GIF89a, appendix F): codes that grow from codeSize + 1 to 12 bits.

const LONGEST = 12; // bits of a code
const CODES = 1 << LONGEST;

/**
 * @param parts the data's sub-blocks
 * @returns Uint8Array of `count` colour numbers. Throws where the data breaks off or makes no sense.
 */
export function unpack(parts, codeSize, count) {
  if (!(codeSize >= 2 && codeSize <= 8)) throw new Error(`colour numbers of ${codeSize} bits`);
  const table = new Table(1 << codeSize, new Uint8Array(count));
  let width = codeSize + 1;
  let bits = 0;
  let held = 0; // how many bits wait to be read
  for (const part of parts) {
    for (const byte of part) {
      bits |= byte << held;
      held += 8;
      for (; held >= width; width = table.width(codeSize)) {
        const code = bits & ((1 << width) - 1);
        bits >>>= width;
        held -= width;
        table.read(code);
        if (table.filled === count) return table.out;
      }
    }
  }
  throw new Error("pixels are missing");
}

class Table {
  #prefix = new Uint16Array(CODES); // a code is the code before it and one more colour number
  #suffix = new Uint8Array(CODES);
  #string = new Uint8Array(CODES); // of one code, from its end
  #last = -1; // the code that was read before; -1 at the start and after a clear
  #head = 0; // its first colour number
  filled = 0;

  constructor(clear, out) {
    this.clear = clear;
    this.out = out;
    this.next = clear + 2;
  }

  /** Bits of the code that comes next. */
  width(codeSize) {
    return Math.min(LONGEST, Math.max(codeSize + 1, 32 - Math.clz32(this.next)));
  }

  read(code) {
    if (code === this.clear) {
      this.next = this.clear + 2;
      this.#last = -1;
      return;
    }
    const known = this.#last < 0 ? this.clear - 1 : this.next;
    if (code === this.clear + 1 || code > known) throw new Error(`code ${code} out of place`);
    let length = 0;
    let at = code;
    if (code === this.next) {
      this.#string[length++] = this.#head;
      at = this.#last;
    }
    for (; at >= this.clear; at = this.#prefix[at]) this.#string[length++] = this.#suffix[at];
    this.#string[length++] = at;
    while (length > 0 && this.filled < this.out.length) {
      this.out[this.filled++] = this.#string[--length];
    }
    this.#add(at);
    this.#head = at;
    this.#last = code;
  }

  #add(colour) {
    if (this.#last < 0 || this.next === CODES) return;
    this.#prefix[this.next] = this.#last;
    this.#suffix[this.next] = colour;
    this.next += 1;
  }
}
