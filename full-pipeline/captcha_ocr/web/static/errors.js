/**
 * A picture or a page that cannot be read. `code` is the server's, or "network", "lost", "other";
 * `field` the one that is "invalid".
 */
export class ApiError extends Error {
  constructor(code, detail, field = "") {
    super(detail);
    this.code = code;
    this.field = field;
  }
}
