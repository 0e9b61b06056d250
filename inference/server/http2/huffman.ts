/** The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths say all. */

/** By length in bits: the symbols that have it, in order. 256 is the end of a string, which none may contain. */
const SYMBOLS: Readonly<Record<number, readonly (number | readonly [number, number])[]>> = {
  5: [[48, 50], 97, 99, 101, 105, 111, [115, 116]],
  6: [32, 37, [45, 47], [51, 57], 61, 65, 95, 98, 100, [102, 104], [108, 110], 112, 114, 117],
  7: [58, [66, 87], 89, [106, 107], 113, [118, 122]],
  8: [38, 42, 44, 59, 88, 90],
  10: [[33, 34], [40, 41], 63],
  11: [39, 43, 124],
  12: [35, 62],
  13: [0, 36, 64, 91, 93, 126],
  14: [94, 125],
  15: [60, 96, 123],
  19: [92, 195, 208],
  20: [128, [130, 131], 162, 184, 194, 224, 226],
  21: [153, 161, 167, 172, [176, 177], 179, 209, [216, 217], 227, [229, 230]],
  22: [
    ...([129, [132, 134], 136, 146, 154, 156, 160, [163, 164], [169, 170], 173, 178] as const),
    ...([181, [185, 187], [189, 190], 196, 198, 228, [232, 233]] as const),
  ],
  23: [
    ...([1, 135, [137, 139], [140, 141], 143, 147, [149, 152], 155, [157, 158]] as const),
    ...([[165, 166], 168, [174, 175], 180, [182, 183], 188, 191, 197, 231, 239] as const),
  ],
  24: [9, 142, [144, 145], 148, 159, 171, 206, 215, 225, [236, 237]],
  25: [199, 207, [234, 235]],
  26: [[192, 193], [200, 202], 205, 210, 213, [218, 219], 238, 240, [242, 243], 255],
  27: [[203, 204], [211, 212], 214, [221, 223], 241, [244, 248], [250, 254]],
  28: [[2, 8], [11, 12], [14, 21], [23, 31], 127, 220, 249],
  30: [10, 13, 22, 256],
};

const END = 256;
/** Padding is shorter than a byte. */
const MAX_PADDING_BITS = 7;

/** A binary tree in an array: `TREE[node * 2 + bit]` is the next node, or a symbol as its complement. */
const TREE = buildTree();

/** @returns undefined when it is no such text. */
export function decodeHuffman(bytes: Buffer, from: number, to: number): string | undefined {
  let text = '';
  let node = 0;
  /** Since the last symbol; padding is all ones. */
  let bits = 0;
  let ones = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >> shift) & 1;
      bits++;
      ones &&= bit === 1;
      const next = TREE[node * 2 + bit] as number;
      if (next > 0) {
        node = next;
        continue;
      }
      if (next === 0 || ~next === END) return undefined;
      text += String.fromCharCode(~next);
      node = 0;
      bits = 0;
      ones = true;
    }
  }
  return bits <= MAX_PADDING_BITS && ones ? text : undefined;
}

function buildTree(): Int16Array {
  // A tree with n leaves has n - 1 inner nodes.
  const tree = new Int16Array(END * 2 + 2);
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const [bits, symbols] of Object.entries(SYMBOLS)) {
    for (const symbol of symbols.flatMap(expand)) {
      code *= 2 ** (Number(bits) - length);
      length = Number(bits);
      let node = 0;
      for (let shift = length - 1; shift >= 0; shift--) {
        const edge = node * 2 + (Math.floor(code / 2 ** shift) % 2);
        if (shift === 0) tree[edge] = ~symbol;
        else if (tree[edge] === 0) tree[edge] = nodes++;
        node = tree[edge] as number;
      }
      code++;
    }
  }
  return tree;
}

function expand(range: number | readonly [number, number]): number[] {
  if (typeof range === 'number') return [range];
  const [first, last] = range;
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
