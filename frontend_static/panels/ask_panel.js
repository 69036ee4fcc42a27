import { html, nothing } from '../vendor/lit.js';
import { counted, whole } from '../elements/format.js';
import '../elements/sheet.js';
import '../elements/sized_picture.js';
import { isUnderWay } from '../jobs.js';
import { originalOf } from '../outcomes.js';
import { Panel } from './base/panel.js';
import { jobLine } from './steering/job_line.js';
import { whyNoWorker } from './steering/asking.js';

/** @param {DataTransfer|null} data @returns {File|null} the first picture in it */
function pictureIn(data) {
  return [...(data?.files ?? [])].find(({ type }) => type.startsWith('image/')) ?? null;
}

/** A new question: a picture that is chosen, dropped or pasted, and a prompt. The answer comes word by word, then its run opens. */
export class AskPanel extends Panel {
  static properties = { picture: { state: true }, over: { state: true }, refused: { state: true } };

  constructor() {
    super();
    /** @type {File|Blob|null} null: the picture of the chosen run */
    this.picture = null;
    this.over = false;
    this.refused = '';
  }

  connectedCallback() {
    super.connectedCallback();
    const inScratchpad = () => this.selection.workspace === 'scratchpad' || this.open;
    this.onDrag = (event) => {
      if (!inScratchpad() || !event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      this.over = event.type === 'dragover';
    };
    this.onDrop = (event) => {
      if (!inScratchpad() || !event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      this.over = false;
      this.take(pictureIn(event.dataTransfer));
    };
    this.onPaste = (event) => {
      const picture = inScratchpad() ? pictureIn(event.clipboardData) : null;
      if (!picture) return;
      event.preventDefault();
      this.take(picture);
    };
    window.addEventListener('dragover', this.onDrag);
    window.addEventListener('dragleave', this.onDrag);
    window.addEventListener('drop', this.onDrop);
    window.addEventListener('paste', this.onPaste);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('dragover', this.onDrag);
    window.removeEventListener('dragleave', this.onDrag);
    window.removeEventListener('drop', this.onDrop);
    window.removeEventListener('paste', this.onPaste);
  }

  get open() {
    return this.store.session.sheet === 'ask';
  }

  /** @param {File|null} picture */
  take(picture) {
    this.refused = picture ? '' : 'That is no picture: drop a PNG, JPEG or WebP file.';
    if (picture) this.picture = picture;
    this.store.setSession({ sheet: 'ask' });
    this.store.jobs?.askWorker();
  }

  willUpdate() {
    if (this.open && !this.wasOpen) this.store.jobs?.askWorker();
    this.wasOpen = this.open;
  }

  /** @returns {{width: number, height: number}|null} the run's own picture can be asked about anew */
  get logged() {
    const entry = originalOf(this.store);
    return entry?.has_picture ? entry : null;
  }

  /** @param {SubmitEvent} event */
  submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const prompt = String(form.get('prompt')).trim();
    const limits = this.store.session.worker?.worker?.limits;
    if (!this.picture && !this.logged) this.refused = 'No picture is chosen: choose, drop or paste one.';
    else if (!prompt) this.refused = 'The prompt is empty: say what to ask about the picture.';
    else if (this.picture && limits?.picture_bytes && this.picture.size > limits.picture_bytes)
      this.refused = `The picture has ${whole(this.picture.size / 2 ** 20)} MiB, at most ${whole(limits.picture_bytes / 2 ** 20)} are taken: make it smaller.`;
    else {
      this.refused = '';
      const system = String(form.get('system')).trim();
      const job = {
        kind: 'run',
        prompt,
        ...(system ? { system } : {}),
        max_new_tokens: Number(form.get('tokens')),
        ...(this.picture ? {} : { picture: { run: this.logged.run, id: this.logged.id } }),
      };
      this.store.jobs.start(job, { name: prompt, subject: null, ...(this.picture ? { picture: this.picture } : {}) });
    }
  }

  renderPicture() {
    const own = this.picture === null && this.logged;
    return html`<div class="drop ${this.over ? 'over' : ''}">
      ${
        this.picture
          ? html`<vs-sized-picture .file=${this.picture}></vs-sized-picture>`
          : own
            ? html`<img src=${this.api.pictureUrl(this.logged)} alt="The picture of the chosen run">`
            : nothing
      }
      <div><p>${this.picture ? (this.picture.name ?? 'The pasted picture') : own ? 'The picture of the chosen run' : 'No picture yet'}</p>
        <p class="note">Drop one here, paste one (Ctrl+V), or</p>
        <input type="file" accept="image/*" aria-label="Choose a picture file" data-first @change=${(event) => this.take(event.target.files[0] ?? null)}>
        ${this.picture && this.logged ? html`<button type="button" class="button small" @click=${() => {
          this.picture = null;
        }}>Use the run’s own</button>` : nothing}</div></div>`;
  }

  renderContent() {
    const { worker, job } = this.store.session;
    const why = whyNoWorker({ session: this.store.session, selection: {} });
    const most = worker?.worker?.limits?.new_tokens ?? 1024;
    const asking = job?.kind === 'run';
    const entry = originalOf(this.store);
    return html`<form class="ask" @submit=${(event) => this.submit(event)}>${this.renderPicture()}
      <label>Prompt <textarea name="prompt" rows="2" required .defaultValue=${entry?.prompt ?? ''}></textarea></label>
      <label><span>System text <span class="k">(empty: the model’s own, if it has one)</span></span><textarea name="system" rows="1"></textarea></label>
      <label class="inline">At most <input type="number" name="tokens" min="1" max=${most} step="1" .defaultValue=${String(Math.min(512, most))} required> new tokens</label>
      ${this.refused ? html`<p class="note refused" role="alert">${this.refused}</p>` : nothing}
      ${why && !isUnderWay(job) ? html`<p class="note" role="status">${why}</p>` : nothing}
      ${
        asking
          ? jobLine(job, { onCancel: () => this.store.jobs.cancel(), onDismiss: () => this.store.jobs.dismiss(), onOpen: () => {} })
          : nothing
      }
      <button class="button main" ?disabled=${why !== null} title=${why ?? `Ask the model; at most ${counted(most, 'new token')}`}>Ask</button></form>`;
  }

  render() {
    return html`<vs-sheet .open=${this.open} label="New picture and prompt" .content=${this.open ? this.renderContent() : nothing}
        @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>
      ${this.over && !this.open ? html`<div class="drop-here" aria-hidden="true">Drop the picture to ask about it</div>` : nothing}`;
  }
}

customElements.define('vs-ask', AskPanel);
