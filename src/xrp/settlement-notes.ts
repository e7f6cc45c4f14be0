/**
 * What settlements must know after a crash, kept as notes of the very ledger whose balances they change: commands of one
 * turn share one commit, so a credit and the fact that a payment was credited are durable together or not at all.
 */
import { fromUtf8, utf8 } from '../bytes/index.js'
import type { Ledger } from '../ledger/index.js'
import { XrpError } from './errors.js'
import { isJson, type Json } from './ledger-messages.js'

const PREFIX = 'xrp/'
/** The last time that a ledger can keep. */
const FOR_EVER = 2 ** 48 - 1

export class SettlementNotes {
  readonly #ledger: Ledger

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** @throws {XrpError} `XRP_RECORD` */
  get(key: string): Json | undefined {
    const value = this.#ledger.note(PREFIX + key)
    return value === undefined ? undefined : read(key, value)
  }

  /** Values whose keys begin so, with the rest of the key. @throws {XrpError} `XRP_RECORD` */
  list(prefix: string): (readonly [rest: string, value: Json])[] {
    return this.#ledger.notes(PREFIX + prefix).map(([rest, value]) => [rest, read(prefix + rest, value)] as const)
  }

  /** A note that is there already is never refused. @throws {XrpError} `XRP_RECORD`, and nothing was put */
  put(key: string, value: Json, expiresAt = FOR_EVER): void {
    this.#note(key, utf8(JSON.stringify(value)), expiresAt)
  }

  delete(key: string): void {
    this.#note(key, new Uint8Array(0), FOR_EVER)
  }

  /** Resolves when all that was executed before is durable; never if the ledger fails. */
  async saved(): Promise<void> {
    await new Promise<void>((resolve) => this.#ledger.committed(resolve))
  }

  #note(key: string, value: Uint8Array, expiresAt: number): void {
    const decision = this.#ledger.execute({ type: 'note', key: PREFIX + key, value, expiresAt })
    if (!decision.ok) throw new XrpError('XRP_RECORD', `the ledger does not keep it now: ${decision.message}`)
  }
}

function read(key: string, bytes: Uint8Array): Json {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes))
    if (isJson(value)) return value
  } catch {
    // Told below.
  }
  throw new XrpError('XRP_RECORD', `the ledger's note ${key} is unreadable`)
}
