/** The error answers of a server. */

/** An answer that says why there is none. */
export class RequestError extends Error {
  readonly fields: Readonly<Record<string, unknown>>

  /** @param beside what else the answer says */
  constructor(error: string, code?: number, text?: string, beside: Readonly<Record<string, unknown>> = {}) {
    super(text ?? error)
    this.fields = {
      error,
      ...(code === undefined ? {} : { error_code: code }),
      ...(text === undefined ? {} : { error_message: text }),
      ...beside,
    }
  }
}
