import { html } from '../../vendor/lit.js';
import { fixed, percent } from '../../elements/format.js';
import { nameFromStatistics } from './names.js';

/** A note in a reading is cut after so many characters. */
const MOST = 140;

/** @param {Readonly<import('../../notes_home.js').LatentNote>|undefined} note */
function noteLines(note) {
  if (!note?.note) return '';
  return html`<div class="tip-note">${note.note.length > MOST ? `${note.note.slice(0, MOST)}…` : note.note}</div>`;
}

/**
 * What a latent's dot says under the pointer, in the scatter and in the map.
 * @param {import('../../packed.js').Packed|undefined} statistics @param {string[]} labels @param {number} latent
 * @param {Readonly<import('../../notes_home.js').LatentNote>} [note] the user's words
 */
export function describeLatent(statistics, labels, latent, note) {
  if (!statistics)
    return {
      spoken: `latent ${latent}${note?.name ? `, ${note.name}` : ''}`,
      content: html`<div class="kv"><b class="mono">latent ${latent}</b><span>${note?.name ?? ''}</span></div>${noteLines(note)}`,
    };
  const { image_frequency: frequency, mean, label_entropy: entropy, flags } = statistics.arrays;
  const label = nameFromStatistics(statistics, labels, latent);
  const name = note?.name || label;
  const nats = flags[latent] & 2 ? `${fixed(entropy[latent], 2)} nat` : 'undefined';
  return {
    spoken: `latent ${latent}, ${name}: fires in ${percent(frequency[latent])} of the pictures, mean ${fixed(mean[latent], 2)}, label entropy ${nats}`,
    content: html`<div class="kv"><b class="mono">latent ${latent}</b><span>${note?.name ? html`<b>${name}</b> <span class="k">${label}</span>` : name}</span></div>
      <div class="kv"><span>fires in pictures</span><b>${percent(frequency[latent])}</b></div>
      <div class="kv"><span>mean activation</span><b>${fixed(mean[latent], 2)}</b></div>
      <div class="kv"><span>label entropy</span><b>${nats}</b></div>${noteLines(note)}`,
  };
}
