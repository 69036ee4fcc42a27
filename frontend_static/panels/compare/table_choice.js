import { segmented } from '../../elements/segmented.js';

/** Whether the table is of clusters or of a word's latents. @param {import('../../store.js').Store} store */
export function tableChoice(store) {
  return segmented({
    label: 'Table',
    value: store.selection.table,
    options: [
      ['clusters', 'Clusters'],
      ['latents', 'Latents of a word'],
    ],
    onChange: (table) => store.set({ table }),
  });
}
