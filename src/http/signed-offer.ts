/**
 * Offers that are paid by one condition and that nobody stores: a time and a nonce, from which address and fulfillment
 * follow by the shop's secret. What is stored is that one was paid, in the commit of its capture.
 */
import { concat, EMPTY } from '../bytes/index.js'
import type { Ledger } from '../ledger/index.js'
import type { CheckedHold } from './till.js'

const NONCE_BYTES = 10
const TIME_BYTES = 6
export const OFFER_BYTES = TIME_BYTES + NONCE_BYTES

/** @param expiresAt milliseconds of the Unix epoch */
export function newOffer(expiresAt: number, random: (length: number) => Uint8Array): Uint8Array {
  const time = new Uint8Array(8)
  new DataView(time.buffer).setBigUint64(0, BigInt(expiresAt))
  return concat(time.subarray(8 - TIME_BYTES), random(NONCE_BYTES))
}

export function expiryOf(offer: Uint8Array): number {
  return offer.subarray(0, TIME_BYTES).reduce((ms, byte) => ms * 256 + byte, 0)
}

/** What the ledger remembers of an offer that is paid. */
export interface SoldNote {
  readonly key: string
  readonly value: Uint8Array
  readonly expiresAt: number
}

/** Captures a payment; where there is a ledger, the note that the offer is sold stands in the same commit. */
export function sell(ledger: Ledger | undefined, note: SoldNote, { hold, fulfillment }: CheckedHold): void {
  if (ledger) {
    if (ledger.note(note.key)) {
      return hold.reject({ code: 'F06', name: 'Unexpected Payment', message: 'this offer was paid: ask for a new one' })
    }
    const noted = ledger.execute({ type: 'note', ...note })
    if (!noted.ok) return hold.reject({ code: 'T02', name: 'Peer Busy', message: 'the shop is busy: try again later' })
  }
  hold.fulfill(fulfillment, EMPTY, () => {
    // The buyer hears of it; a capture that failed leaves the offer unusable, and another costs nothing.
  })
}
