/**
 * The base of every error that Sluice throws. Match on `code`: it is stable, the message is not.
 * Each subclass lives in the module that throws it and is listed in docs/reference/errors.md.
 */

/** An error with a stable `code` (upper case, `_`-separated) and a message that says what to do. */
export class SluiceError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** A bug of ours: a state that must not be. Whoever holds money stops when it sees one. */
export class InvariantError extends SluiceError {
  constructor(message: string) {
    super('INVARIANT', message)
  }
}

/** Throws {@link InvariantError} unless `condition` holds. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
