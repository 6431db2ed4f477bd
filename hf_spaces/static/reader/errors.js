/** What cannot be read. `code` is Python's (unsupported, size, broken), or model or browser. */
export class ReadError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
