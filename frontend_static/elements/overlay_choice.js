import { segmented } from './segmented.js';

/** How a map lies over a picture. @param {'spotlight'|'heat'|'off'} value @param {(value: string) => void} onChange */
export function overlayChoice(value, onChange) {
  return segmented({
    label: 'Overlay',
    value,
    options: [
      ['spotlight', 'Spotlight'],
      ['heat', 'Heat'],
      ['off', 'Off'],
    ],
    onChange,
  });
}
