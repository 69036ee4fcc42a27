/**
 * What a steered run shall change: latents, one by one or a cluster at a time. Plain values; the store keeps them.
 *
 * @typedef {'SET'|'SCALE'|'ADD'} Operation on the activation: z := v, z := v z (zero stays zero), z := z + v
 * @typedef {Object} BasketItem
 * @property {string|null} name of the cluster; null for a single latent
 * @property {readonly number[]} latents
 * @property {Operation} op a cluster is scaled only, since its latents have different scales
 * @property {number} value
 */

export const OPERATIONS = ['SET', 'SCALE', 'ADD'];

/** @param {number} latent @returns {BasketItem} */
export function latentItem(latent) {
  return Object.freeze({ name: null, latents: Object.freeze([latent]), op: 'SET', value: 0 });
}

/** @param {string} name @param {Iterable<number>} latents @returns {BasketItem} */
export function clusterItem(name, latents) {
  return Object.freeze({ name, latents: Object.freeze([...latents]), op: 'SCALE', value: 0 });
}

/** @param {BasketItem} item @returns {string} as a sentence names it */
export function itemName({ name, latents }) {
  return name === null ? `latent ${latents[0]}` : `cluster ${name || 'without a name'}`;
}

/**
 * @param {readonly BasketItem[]} basket @param {BasketItem} item
 * @returns {string|null} why it cannot be added: a latent is steered once
 */
export function refusal(basket, item) {
  const wanted = new Set(item.latents);
  for (const held of basket) {
    const shared = held.latents.filter((latent) => wanted.has(latent));
    if (!shared.length) continue;
    const what = shared.length === 1 ? `Latent ${shared[0]} is` : `${shared.length} of these latents are`;
    return `${what} in the basket already (${itemName(held)}): a latent is steered once. Remove that first.`;
  }
  return null;
}

/** @param {readonly BasketItem[]} basket @returns {string} for the address */
export function basketText(basket) {
  return basket
    .map(({ name, latents, op, value }) =>
      [op, value, latents.join('.'), ...(name === null ? [] : [encodeURIComponent(name)])].join(':'),
    )
    .join(',');
}

/** @param {string} text @returns {readonly BasketItem[]|undefined} undefined when it is not a basket's text */
export function parseBasket(text) {
  const basket = [];
  for (const part of text.split(',')) {
    const [op, number, list, name] = part.split(':');
    const value = Number(number);
    if (!OPERATIONS.includes(op) || number === '' || !Number.isFinite(value) || !/^\d+(\.\d+)*$/.test(list ?? ''))
      return undefined;
    const latents = list.split('.').map(Number);
    if (name === undefined ? latents.length !== 1 : op !== 'SCALE') return undefined;
    let plain = null;
    try {
      if (name !== undefined) plain = decodeURIComponent(name);
    } catch {
      return undefined;
    }
    const item = Object.freeze({ name: plain, latents: Object.freeze(latents), op, value });
    if (new Set(latents).size !== latents.length || refusal(basket, item)) return undefined;
    basket.push(item);
  }
  return Object.freeze(basket);
}

/**
 * The basket as the steering spec that `visualscratchpad run --steer` reads.
 * @param {import('./selection.js').Selection} selection @param {{width: number, height: number}|null} picture in pixels
 */
export function steeringSpec({ basket, scope, box, boxView, errorTerm }, picture) {
  const whole = [0, 0, picture?.width ?? 0, picture?.height ?? 0];
  const where =
    scope === 'base' || scope === 'tiles'
      ? { view: scope, box: whole }
      : scope === 'box'
        ? { view: boxView, box: box ?? whole }
        : scope;
  const interventions = basket.flatMap(({ latents, op, value }) =>
    latents.map((latent) => ({ latent, op, value, where })),
  );
  return { version: 1, error: errorTerm, interventions };
}

/** @param {BasketItem} item @returns {string} such as `cat × 0`, `latent 576 = 0`, `latent 576 + 2` */
export function changeName({ name, latents, op, value }) {
  const of = name === null ? `latent ${latents[0]}` : name || `${latents.length} latents`;
  return `${of} ${{ SET: '=', SCALE: '×', ADD: '+' }[op]} ${value}`.replace('+ -', '− ').replace(/ -(?=\d)/, ' −');
}

/** @param {readonly BasketItem[]} basket @returns {string} what a steered answer is called */
export function basketName(basket) {
  const [first, ...rest] = basket.map(changeName);
  return rest.length ? `${first} and ${rest.length} more` : first;
}

/**
 * A spec as basket and scope. Latents scaled alike become one item, named after the result when it is of one cluster.
 * @param {{error: 'kept'|'dropped', interventions: {latent: number, op: Operation, value: number, where: any}[]}} spec
 * @param {string} name of the result @returns {Partial<import('./selection.js').Selection>}
 */
export function basketOfSpec({ error, interventions }, name) {
  const scaled = interventions.filter(({ op }) => op === 'SCALE');
  const groups = Map.groupBy(scaled, ({ value }) => value);
  const of = /^(.+) × [−\d.]+$/u.exec(name)?.[1] ?? '';
  const items = [...groups].map(([value, members]) => {
    const latents = Object.freeze(members.map(({ latent }) => latent));
    return Object.freeze({ name: latents.length === 1 ? null : of, latents, op: 'SCALE', value });
  });
  const others = interventions
    .filter(({ op }) => op !== 'SCALE')
    .map(({ latent, op, value }) => Object.freeze({ name: null, latents: Object.freeze([latent]), op, value }));
  const { where } = interventions[0];
  const scope =
    typeof where === 'string'
      ? { scope: where }
      : { scope: 'box', box: Object.freeze(where.box.map(Math.round)), boxView: where.view };
  return { basket: Object.freeze([...items, ...others]), errorTerm: error, ...scope };
}
