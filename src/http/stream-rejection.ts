/** How a stream gives a hold back: with a reason for programs, and a sentence for people. */
import type { IncomingHold } from '../link/index.js'
import { encodeStreamReason, type StreamReason } from './stream-messages.js'

export function reject(hold: IncomingHold, reason: StreamReason): void {
  hold.reject({
    code: 'F99',
    name: 'Application Error',
    message: MESSAGES[reason.why],
    data: encodeStreamReason(reason),
  })
}

const MESSAGES: Readonly<Record<StreamReason['why'], string>> = {
  ended: 'the stream has not so many units left',
  bulk: 'the hold pays for more units than are sold at once',
  cancelled: 'the buyer cancelled the stream',
  closed: 'the response is closed',
  closing: 'the shop is closing',
  failed: 'the source of the stream failed',
  idle: 'the stream was idle for too long',
  unavailable: 'the seller cannot reach its ledger',
}
