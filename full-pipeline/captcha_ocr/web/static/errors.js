/**
 * A picture or a page that cannot be read. `code` is the server's, or "network", "lost", "other";
 * `field` the one that is "invalid"; of a rule, `kind` says which mistake it is and `position` where
 * it stands in the pattern.
 */
export class ApiError extends Error {
  constructor(code, detail, { field, kind, position } = {}) {
    super(detail);
    Object.assign(this, { code, field, kind, position });
  }
}
