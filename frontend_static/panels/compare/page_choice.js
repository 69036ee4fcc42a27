import { segmented } from '../../elements/segmented.js';

/** Whether Compare is about one run or a whole failure set. @param {import('../../store.js').Store} store */
export function pageChoice(store) {
  return segmented({
    label: 'Compare',
    value: store.selection.page,
    options: [
      ['answers', 'One run'],
      ['failures', 'Failure set'],
    ],
    onChange: (page) => store.set({ page }),
  });
}
