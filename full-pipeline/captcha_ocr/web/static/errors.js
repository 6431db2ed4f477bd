/** A picture or a page that cannot be read. `code` is the server's, or "network", "lost", "other". */
export class ApiError extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}
