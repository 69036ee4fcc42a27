/**
 * The numbers behind a figure, as CSV and as JSON. Both begin with what the figure is of; numbers are written with all their digits.
 *
 * @typedef {Object} DataColumn
 * @property {string} name a word of the glossary, with its unit as the last part @property {string} told what it is
 *
 * @typedef {Object} DataTable
 * @property {DataColumn[]} columns @property {(string|number|boolean|null|undefined)[][]} rows NaN and null: no value
 */

/** A spreadsheet takes a text that begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** @param {string|number|boolean|null|undefined} value @returns {string} a cell of RFC 4180 */
function csvCell(value) {
  if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return '';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n#']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Lines that begin with `#` tell what it is, a key and its value as JSON each, then what each column is; then the table. A text
 * that a spreadsheet would take for a formula has an apostrophe before it.
 * @param {DataTable} table @param {Record<string, unknown>} about @returns {string}
 */
export function csvText({ columns, rows }, about) {
  const head = Object.entries(about).map(([key, value]) => `# ${key}: ${JSON.stringify(value)}`);
  const told = columns.map(({ name, told: what }) => `# column ${name}: ${what}`);
  const lines = [columns.map(({ name }) => name), ...rows].map((row) => row.map(csvCell).join(','));
  return `${[...head, ...told, ...lines].join('\n')}\n`;
}

/** @param {DataTable} table @param {Record<string, unknown>} about @returns {string} `about`, `columns`, and a row as an object each */
export function jsonText({ columns, rows }, about) {
  const bare = (value) => (value === undefined || (typeof value === 'number' && !Number.isFinite(value)) ? null : value);
  const objects = rows.map((row) => JSON.stringify(Object.fromEntries(columns.map(({ name }, i) => [name, bare(row[i])]))));
  const described = Object.fromEntries(columns.map(({ name, told }) => [name, told]));
  return `{\n"about": ${JSON.stringify(about, null, 1)},\n"columns": ${JSON.stringify(described, null, 1)},\n"rows": [\n${objects.join(',\n')}\n]\n}\n`;
}
