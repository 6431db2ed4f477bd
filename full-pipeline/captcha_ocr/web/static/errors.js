/** A picture or a page that cannot be read. `code` is the server's, "network" or "lost". */
export class ApiError extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}
