/// QR codes (ISO/IEC 18004) of a text in bytes, with error correction M: up to 666 bytes of UTF-8.

/// By version: bytes of correction in a block, and blocks.
const correction = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const blocks = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];

/// - Returns: rows of modules, of which `true` is dark; null where the text is too long.
export function qrCode(text) {
  const data = new TextEncoder().encode(text);
  const version = correction.findIndex((_, one) => one > 0 && room(one) * 8 >= 4 + lengthBits(one) + data.length * 8);
  if (version < 0) return null;
  const codewords = interleaved(padded(data, version), version);
  const drawn = Array.from({ length: 8 }, (_, mask) => draw(version, codewords, mask));
  return drawn.reduce((best, other) => (penalty(other) < penalty(best) ? other : best));
}

const size = (version) => version * 4 + 17;
const lengthBits = (version) => (version < 10 ? 8 : 16);

/// Bytes of all kinds (§7.1).
function total(version) {
  let bits = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    bits -= (25 * aligned - 10) * aligned - 55;
    if (version >= 7) bits -= 36;
  }
  return Math.floor(bits / 8);
}

/// Bytes of data.
const room = (version) => total(version) - correction[version] * blocks[version];

// MARK: Data

function padded(data, version) {
  const bits = [];
  const put = (value, length) => {
    for (let bit = length - 1; bit >= 0; bit -= 1) bits.push((value >>> bit) & 1);
  };
  put(0b0100, 4);
  put(data.length, lengthBits(version));
  for (const byte of data) put(byte, 8);
  const all = room(version) * 8;
  put(0, Math.min(4, all - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < all; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: all / 8 }, (_, at) => bits.slice(at * 8, at * 8 + 8).reduce((byte, bit) => byte * 2 + bit, 0));
}

/// Blocks with their correction, a byte of each in turn (§7.6). Earlier blocks may be a byte shorter.
function interleaved(data, version) {
  const [count, extra] = [blocks[version], correction[version]];
  const short = count - (data.length % count);
  const length = Math.floor(data.length / count);
  const divisor = generator(extra);
  const parts = [];
  for (let number = 0, at = 0; number < count; number += 1) {
    const part = data.slice(at, (at += length + (number < short ? 0 : 1)));
    parts.push({ part, rest: remainder(part, divisor) });
  }
  const inTurn = (lists, longest) => Array.from({ length: longest }, (_, at) => lists.flatMap((list) => (at < list.length ? [list[at]] : []))).flat();
  return [...inTurn(parts.map(({ part }) => part), length + 1), ...inTurn(parts.map(({ rest }) => rest), extra)];
}

// MARK: Reed–Solomon over GF(2⁸), modulo x⁸ + x⁴ + x³ + x² + 1

function times(one, other) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((other >>> bit) & 1) * one;
  }
  return product;
}

function generator(degree) {
  const result = Array(degree).fill(0);
  result[degree - 1] = 1;
  for (let step = 0, root = 1; step < degree; step += 1, root = times(root, 2)) {
    for (let at = 0; at < degree; at += 1) result[at] = times(result[at], root) ^ (result[at + 1] ?? 0);
  }
  return result;
}

function remainder(data, divisor) {
  const result = Array(divisor.length).fill(0);
  for (const byte of data) {
    const factor = byte ^ result.shift();
    result.push(0);
    divisor.forEach((coefficient, at) => { result[at] ^= times(coefficient, factor); });
  }
  return result;
}

// MARK: Modules

const masks = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2, (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

function draw(version, codewords, mask) {
  const width = size(version);
  const rows = Array.from({ length: width }, () => Array(width).fill(null));
  const set = (x, y, isDark) => { rows[y][x] = isDark; };
  patterns(version, set, rows);
  format(mask, width, set);
  if (version >= 7) versionInformation(version, width, set);
  let bit = 0;
  // Two columns at a time, from the right, up and down in turn; the sixth column is a pattern's.
  for (let right = width - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < width; step += 1) {
      const y = ((right + 1) & 2) === 0 ? width - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (rows[y][x] !== null) continue;
        const isSet = bit < codewords.length * 8 && ((codewords[bit >>> 3] >>> (7 - (bit & 7))) & 1) === 1;
        rows[y][x] = isSet !== (masks[mask](x, y) === 0);
        bit += 1;
      }
    }
  }
  return rows;
}

/// What is the same in every code of a version (§6.3): finders, their edges, timing, alignment.
function patterns(version, set, rows) {
  const width = size(version);
  for (const [left, top] of [[0, 0], [width - 7, 0], [0, width - 7]]) {
    for (let y = -1; y <= 7; y += 1) {
      for (let x = -1; x <= 7; x += 1) {
        if (!rows[top + y] || rows[top + y][left + x] === undefined) continue;
        const ring = Math.max(Math.abs(x - 3), Math.abs(y - 3));
        set(left + x, top + y, ring !== 2 && ring !== 4);
      }
    }
  }
  const centres = alignments(version);
  for (const x of centres) {
    for (const y of centres) {
      if (rows[y][x] !== null) continue;
      for (let dy = -2; dy <= 2; dy += 1) {
        for (let dx = -2; dx <= 2; dx += 1) set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
      }
    }
  }
  for (let at = 8; at < width - 8; at += 1) {
    set(at, 6, at % 2 === 0);
    set(6, at, at % 2 === 0);
  }
}

function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, at) => size(version) - 7 - at * step).reverse()];
}

/// Which correction and mask, twice (§7.9): 15 bits of a BCH code. M is 00.
function format(mask, width, set) {
  let rest = mask;
  for (let step = 0; step < 10; step += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412;
  const isSet = (at) => ((bits >>> at) & 1) === 1;
  for (let at = 0; at < 15; at += 1) {
    // Around the finder at the top left …
    if (at < 6) set(8, at, isSet(at));
    else if (at < 8) set(8, at + 1, isSet(at));
    else if (at === 8) set(7, 8, isSet(at));
    else set(14 - at, 8, isSet(at));
    // … and beside the two others.
    if (at < 8) set(width - 1 - at, 8, isSet(at));
    else set(8, width - 15 + at, isSet(at));
  }
  set(8, width - 8, true);
}

/// Twice (§7.10): 18 bits of a BCH code.
function versionInformation(version, width, set) {
  let rest = version;
  for (let step = 0; step < 12; step += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let at = 0; at < 18; at += 1) {
    const isSet = ((bits >>> at) & 1) === 1;
    const [long, short] = [width - 11 + (at % 3), Math.floor(at / 3)];
    set(long, short, isSet);
    set(short, long, isSet);
  }
}

/// How hard a code is to read (§7.8.3): runs, blocks, what looks like a finder, and how far from half of it is dark.
function penalty(rows) {
  const width = rows.length;
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let sum = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map((isDark) => (isDark ? "1" : "0")).join("");
    for (const run of text.match(/1{5,}|0{5,}/g) ?? []) sum += run.length - 2;
    for (const finder of ["10111010000", "00001011101"]) {
      for (let at = text.indexOf(finder); at >= 0; at = text.indexOf(finder, at + 1)) sum += 40;
    }
  }
  for (let y = 1; y < width; y += 1) {
    for (let x = 1; x < width; x += 1) {
      if (rows[y][x] === rows[y - 1][x] && rows[y][x] === rows[y][x - 1] && rows[y][x] === rows[y - 1][x - 1]) sum += 3;
    }
  }
  const dark = rows.flat().filter(Boolean).length / (width * width);
  return sum + Math.floor(Math.abs(dark - 0.5) * 20) * 10;
}
