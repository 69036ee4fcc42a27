import { html } from '../../vendor/lit.js';
import { fixed, percent } from '../../elements/format.js';
import { nameFromStatistics } from './names.js';

/**
 * What a latent's dot says under the pointer, in the scatter and in the map.
 * @param {import('../../packed.js').Packed|undefined} statistics @param {string[]} labels @param {number} latent
 */
export function describeLatent(statistics, labels, latent) {
  if (!statistics) return { spoken: `latent ${latent}`, content: html`<b class="mono">latent ${latent}</b>` };
  const { image_frequency: frequency, mean, label_entropy: entropy, flags } = statistics.arrays;
  const name = nameFromStatistics(statistics, labels, latent);
  const nats = flags[latent] & 2 ? `${fixed(entropy[latent], 2)} nat` : 'undefined';
  return {
    spoken: `latent ${latent}, ${name}: fires in ${percent(frequency[latent])} of the pictures, mean ${fixed(mean[latent], 2)}, label entropy ${nats}`,
    content: html`<div class="kv"><b class="mono">latent ${latent}</b><span>${name}</span></div>
      <div class="kv"><span>fires in pictures</span><b>${percent(frequency[latent])}</b></div>
      <div class="kv"><span>mean activation</span><b>${fixed(mean[latent], 2)}</b></div>
      <div class="kv"><span>label entropy</span><b>${nats}</b></div>`,
  };
}
