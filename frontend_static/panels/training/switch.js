import { nothing } from '../../vendor/lit.js';
import { segmented } from '../../elements/segmented.js';

/** This step, or several side by side; nothing for a dictionary of which there is one. @param {import('../../store.js').Store} store */
export function overSwitch(store) {
  if (store.statisticsSteps.length < 2) return nothing;
  return segmented({
    label: 'Show',
    value: store.overTraining ? 'training' : 'step',
    options: [
      ['step', 'This step'],
      ['training', 'Over training'],
    ],
    onChange: (over) => store.set({ over }),
  });
}
