import { html, nothing } from '../../vendor/lit.js';
import { fixed, percent } from '../../elements/format.js';
import { matchedWith, openCounterpart } from '../../dictionary_pairs.js';
import { request } from '../base/requests.js';
import { latentName } from './names.js';
import { referencePictures } from './references.js';

/** Under this a counterpart is hardly one. */
const NEAR = 0.7;
const REFERENCES = 4;

/**
 * A latent in every dictionary that its own was matched with, and the references of the best counterpart in each.
 * @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api @returns {import('../base/query.js').Request|null} null where nothing was matched
 */
export function askCounterparts(store, api) {
  const { dictionary, latent } = store.selection;
  if (latent === null || !matchedWith(store, dictionary).length) return null;
  return request('counterparts', [dictionary], [latent], async () => {
    const answer = await api.latentCounterparts(dictionary, latent);
    const has = (id) => store.session.listing?.dictionaries.find((entry) => entry.id === id)?.has_references;
    const references = await Promise.all(
      answer.matches.map(({ dictionary: { id }, counterparts: [best] }) => (best && has(id) ? api.references(id, best.latent, null) : null)),
    );
    return { ...answer, references };
  });
}

/**
 * The section of a latent in other dictionaries; nothing where none was matched.
 * @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api @param {any} answer of `askCounterparts`
 * @param {{count?: number}} [shown] how many references
 */
export function counterpartSections(store, api, answer, { count = REFERENCES } = {}) {
  const open = (dictionary, latent) => openCounterpart(store, dictionary, latent);
  const one = ({ dictionary, mutual, same_features: same, counterparts }, i) => {
    const [best, ...rest] = counterparts;
    const head = html`<h3><b title=${dictionary.name}>In the other dictionary, <i class="mono">${dictionary.sae_name}</i></b> <span>cosine</span></h3>`;
    if (!best) return html`<section class="section">${head}<p class="note">None: its decoder row has no direction.</p></section>`;
    const name = best.label === null ? '' : latentName(best.label, best.label_share ?? 0);
    const references = answer.references[i]?.references ?? null;
    return html`<section class="section counterpart" data-dictionary=${dictionary.id}>${head}
      <p class="found-line"><button type="button" class="tag" data-counterpart=${best.latent} title="To latent ${best.latent} of ${dictionary.name}; back returns" @click=${() => open(dictionary.id, best.latent)}><b class="mono">${best.latent}</b> ${name}</button>
        <span class="facts">cosine <b data-value="cosine">${fixed(best.cosine, 2)}</b>${best.frequency === null ? nothing : best.alive ? html` · <b>${percent(best.frequency)}</b> of pictures` : ' · dead'}</span></p>
      <p class="note">${
        best.cosine <= NEAR
          ? `Nothing there is over ${fixed(NEAR, 1)}: it has no counterpart.`
          : mutual
            ? 'Each is the other’s best.'
            : 'One way: its counterpart has a nearer one here.'
      }${same ? '' : ' They read different features, so cosines may say little.'}</p>
      ${
        references === null
          ? nothing
          : referencePictures({ references, count, theme: store.session.theme, url: (image) => api.referencePictureUrl(dictionary.id, image, null) })
      }
      ${
        rest.length
          ? html`<div class="tags rest">${rest.map(
              ({ latent, cosine }) => html`<button type="button" class="tag" title="To latent ${latent} of ${dictionary.name}" @click=${() => open(dictionary.id, latent)}><span class="mono">${latent}</span> <span class="k">${fixed(cosine, 2)}</span></button>`,
            )}</div>`
          : nothing
      }</section>`;
  };
  return html`${answer.matches.map(one)}${answer.problems.length ? html`<section class="section"><p class="note">${answer.problems.join(' ')}</p></section>` : nothing}`;
}
