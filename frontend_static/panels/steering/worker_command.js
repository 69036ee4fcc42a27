/** What starts a worker for the chosen run, as far as this is known. @param {import('../../store.js').Store} store @returns {string} */
export function workerCommand({ session: { worker }, dictionaryEntry: entry }) {
  const said = /visualscratchpad worker .*/.exec(worker?.sentence ?? '');
  const logdir = /--logdir (.+)$/.exec(said?.[0] ?? '')?.[1] ?? 'LOGDIR';
  const isDemo = entry && /emoji/i.test(entry.vlm_name);
  return `visualscratchpad worker --vlm ${isDemo ? 'demo' : 'MODEL'} --sae ${isDemo ? 'demo' : 'SAE'} --logdir ${logdir}`;
}
