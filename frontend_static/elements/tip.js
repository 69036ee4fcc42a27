/**
 * Sets what is read under the pointer beside it, within the page.
 * @param {HTMLElement|null} tip null where there is none @param {{x: number, y: number}|undefined} at the pointer, in the page
 */
export function placeTip(tip, at) {
  if (!tip || !at) return;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(innerWidth - width - 8, at.x + 14))}px`;
  tip.style.top = `${at.y + 16 + height > innerHeight - 4 ? at.y - height - 10 : at.y + 16}px`;
}
