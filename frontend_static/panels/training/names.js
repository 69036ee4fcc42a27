/**
 * A dictionary's name, with the run it was logged in where others are called the same.
 * @param {import('../../api.js').DictionaryEntry} entry @param {import('../../api.js').DictionaryEntry[]} dictionaries
 * @returns {{name: string, note: string}} `name` tells it from the others where its run does
 */
export function distinctName(entry, dictionaries) {
  const alone = dictionaries.filter(({ name }) => name === entry.name).length < 2;
  return alone || !entry.run ? { name: entry.name, note: entry.run } : { name: entry.run, note: entry.name };
}
