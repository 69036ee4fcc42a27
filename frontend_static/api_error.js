/** What the plugin says about a request it cannot answer: one sentence for the user. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status HTTP status; 0 when nothing answered */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}
