/**
 * Data and settlements over one BTP 2.0 session (RFC-23 draft 9): data travel as the sub-protocol `ilp` of a Message and
 * its Response; a settlement is a Transfer. Between programs of ours a Transfer names itself in `sluice.settlement`, 16
 * bytes of id and the time until which the id counts, so that it is credited once.
 */
import { findEntry, octetEntry, type SubProtocol, TRANSFER, type TransferFrame } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import { Reader, Writer } from '../oer/index.js'
import type { Session } from '../session/index.js'
import { LinkError } from './errors.js'
import { ask } from './messages.js'

const SETTLEMENT = 'sluice.settlement'
const ID_BYTES = 16

const writer = new Writer()

/** What a Transfer says of itself: an id that counts until `expiresAt`, in milliseconds since 1970. */
export interface SettlementId {
  readonly id: Uint8Array
  readonly expiresAt: number
}

/** Sends data, and brings the answer: empty when the peer answered with nothing. @throws {LinkError} by rejection */
export async function askData(session: Session | undefined, data: Uint8Array): Promise<Uint8Array> {
  const answer = await ask(session, [octetEntry('ilp', data)])
  return findEntry(answer, 'ilp')?.data ?? EMPTY
}

/** The data of a request, and its answer as entries. */
export function dataOf(entries: readonly SubProtocol[]): Uint8Array {
  return findEntry(entries, 'ilp')?.data ?? EMPTY
}

export function dataEntries(answer: Uint8Array): SubProtocol[] {
  return [octetEntry('ilp', answer)]
}

/** Tells of money that was moved to the peer, once. @throws {LinkError} by rejection; `LINK_CLOSED` and `LINK_TIMEOUT`: in doubt */
export function tellSettlement(session: Session | undefined, amount: bigint, settlement: SettlementId): Promise<void> {
  writer.reset()
  writer.fixedOctets(settlement.id, ID_BYTES)
  writer.uint64(BigInt(settlement.expiresAt))
  const entries = [octetEntry(SETTLEMENT, writer.take())]
  return new Promise((resolve, reject) => {
    if (session === undefined) {
      reject(new LinkError('LINK_NOT_OPEN', 'there is no connection to pay over'))
      return
    }
    session.request({ type: TRANSFER, amount, entries }, (reply) => {
      if (reply.type === 'response') resolve()
      else if (reply.type === 'error') reject(new LinkError('LINK_REFUSED', reply.message, reply))
      else {
        const code = reply.why === 'timeout' ? 'LINK_TIMEOUT' : 'LINK_CLOSED'
        reject(new LinkError(code, 'the peer has not answered: whether it counts the settlement is in doubt'))
      }
    })
  })
}

/** The id of a Transfer of ours; `undefined` for those of other programs. */
export function readSettlementId(frame: TransferFrame): SettlementId | undefined {
  const data = findEntry(frame.entries, SETTLEMENT)?.data
  if (data === undefined || data.length < ID_BYTES + 8) return undefined
  const reader = new Reader(data)
  return { id: reader.octets(ID_BYTES).slice(), expiresAt: Number(reader.uint64()) }
}
