/**
 * Packed answers: uint32 length of the header, the header as JSON, then arrays, each at a multiple of 8 bytes after the
 * header's end. Little-endian throughout.
 *
 * @typedef {Float32Array|Float64Array|Int32Array|Uint16Array|Uint8Array} PackedArray
 * @typedef {{header: Record<string, any>, arrays: Record<string, PackedArray>, shapes: Record<string, number[]>}} Packed
 */

const KINDS = { '<f4': Float32Array, '<f8': Float64Array, '<i4': Int32Array, '<u2': Uint16Array, '|u1': Uint8Array };

/**
 * @param {ArrayBuffer} buffer
 * @returns {Packed} the header without its array table, the arrays by name (views where alignment allows), their shapes
 * @throws {Error} when lengths do not add up or a dtype is unknown
 */
export function decodePacked(buffer) {
  if (buffer.byteLength < 4)
    throw new Error(`A packed answer has at least 4 bytes, this one has ${buffer.byteLength}.`);
  const start = 4 + new DataView(buffer).getUint32(0, true);
  if (start > buffer.byteLength) {
    throw new Error(`The header of a packed answer ends at byte ${start}, the answer at ${buffer.byteLength}.`);
  }
  const { arrays: table = [], ...header } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4)));
  const arrays = {};
  const shapes = {};
  for (const { name, dtype, shape, offset } of table) {
    const Kind = KINDS[dtype];
    if (!Kind) throw new Error(`Array ${name} of a packed answer has the unknown type ${dtype}.`);
    const length = shape.reduce((product, n) => product * n, 1);
    const from = start + offset;
    if (from + length * Kind.BYTES_PER_ELEMENT > buffer.byteLength) {
      throw new Error(`Array ${name} of a packed answer runs over its end.`);
    }
    arrays[name] =
      from % Kind.BYTES_PER_ELEMENT === 0
        ? new Kind(buffer, from, length)
        : new Kind(buffer.slice(from, from + length * Kind.BYTES_PER_ELEMENT));
    shapes[name] = shape;
  }
  return { header, arrays, shapes };
}

/**
 * Several answers in one: uint32 their number, uint32 0; of each, uint32 status and uint32 length; the bodies, each at a multiple
 * of 8 bytes.
 * @param {ArrayBuffer} buffer
 * @returns {{status: number, body: ArrayBuffer}[]}
 * @throws {Error} when lengths do not add up
 */
export function decodeSeveral(buffer) {
  const view = new DataView(buffer);
  const n = buffer.byteLength < 8 ? Infinity : view.getUint32(0, true);
  let at = 8 + 8 * n;
  const ends = () => new Error('An answer to several questions runs over its end.');
  if (at > buffer.byteLength) throw ends();
  const parts = [];
  for (let i = 0; i < n; i++) {
    const [status, length] = [8 + 8 * i, 12 + 8 * i].map((place) => view.getUint32(place, true));
    if (at + length > buffer.byteLength) throw ends();
    parts.push({ status, body: buffer.slice(at, at + length) });
    at += 8 * Math.ceil(length / 8);
  }
  return parts;
}
