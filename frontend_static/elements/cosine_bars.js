import { svg } from '../vendor/lit.js';

const WIDTH = 400;
const HEIGHT = 96;

/**
 * How many latents have a best counterpart of which cosine, from 0 to 1, by square root of the count; a rule at each mark.
 * @param {number[]} counts @param {number[]} marks
 */
export function cosineBars(counts, marks) {
  const most = Math.max(1, ...counts);
  const w = WIDTH / counts.length;
  return svg`<svg class="cosine-bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    ${counts.map((n, i) => {
      const height = (HEIGHT - 4) * Math.sqrt(n / most);
      const close = (i + 0.5) / counts.length > marks.at(-1);
      const near = (i + 0.5) / counts.length > marks[0];
      return n ? svg`<rect x=${i * w + 0.1 * w} width=${0.8 * w} y=${HEIGHT - height} height=${height} class=${close ? 'close' : near ? 'near' : 'none'}/>` : '';
    })}
    ${marks.map((mark) => svg`<line x1=${mark * WIDTH} x2=${mark * WIDTH} y1="0" y2=${HEIGHT}/>`)}
  </svg>`;
}
