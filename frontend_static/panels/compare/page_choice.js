import { segmented } from '../../elements/segmented.js';

/** What Compare is about. @param {import('../../store.js').Store} store */
export function pageChoice(store) {
  return segmented({
    label: 'Compare',
    value: store.selection.page,
    options: [
      ['answers', 'One run'],
      ['failures', 'Failure set'],
      ['runs', 'Two runs'],
      ['dictionaries', 'Two dictionaries'],
    ],
    onChange: (page) => store.set({ page }),
  });
}
