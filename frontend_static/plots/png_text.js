/** Text in a PNG file: what a figure shows stays with it when its caption is cropped. */

const SIGNATURE_BYTES = 8;
/** After the signature: length, type, 13 bytes and the check sum of the header. */
const HEADER_END = SIGNATURE_BYTES + 25;

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c >>> 0;
});

/** @param {Uint8Array} bytes @returns {number} CRC-32 */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** @param {string} type @param {Uint8Array} data @returns {Uint8Array} */
function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** tEXt holds Latin-1 only; other text goes into iTXt, uncompressed UTF-8. @param {string} keyword Latin-1, 1 to 79 letters @param {string} text */
function textChunk(keyword, text) {
  const name = Uint8Array.from(keyword, (letter) => letter.charCodeAt(0));
  const clean = text.replaceAll('\0', '\ufffd');
  if (/^[\n\x20-\x7e\xa0-\xff]*$/.test(clean))
    return chunk('tEXt', Uint8Array.from([...name, 0, ...Uint8Array.from(clean, (letter) => letter.charCodeAt(0))]));
  return chunk('iTXt', Uint8Array.from([...name, 0, 0, 0, 0, 0, ...new TextEncoder().encode(clean)]));
}

/**
 * @param {Uint8Array} png @param {Readonly<Record<string, string>>} texts by keyword @param {number} ratio pixels per CSS pixel
 * @returns {Uint8Array} the same picture with these texts and its size on paper (a CSS pixel is 1/96 inch)
 */
export function withTexts(png, texts, ratio) {
  if (String.fromCharCode(...png.subarray(1, 4)) !== 'PNG' || String.fromCharCode(...png.subarray(12, 16)) !== 'IHDR')
    throw new Error('withTexts takes a PNG file that begins with its header.');
  const perMetre = Math.round((96 * ratio) / 0.0254);
  const size = new Uint8Array(9);
  new DataView(size.buffer).setUint32(0, perMetre);
  new DataView(size.buffer).setUint32(4, perMetre);
  size[8] = 1; // per metre
  const chunks = [chunk('pHYs', size), ...Object.entries(texts).map(([key, text]) => textChunk(key, text))];
  const parts = [png.subarray(0, HEADER_END), ...chunks, png.subarray(HEADER_END)];
  const made = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}
