/**
 * Where the layers write what an operator may want to know. Silent unless a program passes its own.
 * Nothing secret goes in: no tokens, no fulfillments before they are public, no frame contents.
 */

/** What happened, and the facts about it by name. Never throws. */
type Write = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export interface Log {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}

const ignore: Write = () => undefined

export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
