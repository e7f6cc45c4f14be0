/**
 * The messages of the 2017 payment-channel framework that a link asks and answers: `info`, `balance`, `limit`
 * (seeds 000 and 001); and how a link's own requests and handlers use BTP messages.
 */
import {
  findEntry,
  jsonEntry,
  MESSAGE,
  octetEntry,
  textEntry,
  type MessageFrame,
  type SubProtocol,
} from '../btp/index.js'
import { EMPTY, fromUtf8 } from '../bytes/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Session } from '../session/index.js'
import { LinkError } from './errors.js'
import type { LinkInfo, RequestHandler } from './types.js'

/** What `info` tells: everything of a {@link LinkInfo} but the two addresses. */
export type LedgerInfo = Omit<LinkInfo, 'account' | 'peer'>

export const ASK_LEDGER_INFO: readonly SubProtocol[] = [octetEntry('info', Uint8Array.of(2))]
export const ASK_BALANCE: readonly SubProtocol[] = [octetEntry('balance', Uint8Array.of(0))]

/** A question with the byte 2 asks for the ledger's info; any other for the answering side's own account. */
export function answerInfo(question: Uint8Array, info: LinkInfo): SubProtocol[] {
  if (question[0] !== 2) return [textEntry('info', info.account)]
  const { prefix, assetScale, assetCode, connectors } = info
  const told = { prefix, currencyScale: assetScale, currencyCode: assetCode, connectors }
  return [jsonEntry('info', told)]
}

/** @throws {LinkError} `LINK_PEER` */
export function readLedgerInfo(entries: readonly SubProtocol[]): LedgerInfo {
  const value = jsonOf(entries, 'info')
  if (typeof value !== 'object' || value === null) throw unreadable('info')
  const { prefix, currencyScale, currencyCode, connectors } = value as Record<string, unknown>
  if (typeof prefix !== 'string' || prefix === '') throw unreadable('info')
  return {
    prefix: prefix.endsWith('.') ? prefix : `${prefix}.`,
    assetCode: typeof currencyCode === 'string' ? currencyCode : '',
    assetScale: typeof currencyScale === 'number' && Number.isInteger(currencyScale) ? currencyScale : 0,
    connectors: Array.isArray(connectors) ? connectors.filter((name) => typeof name === 'string') : [],
  }
}

/** From the answering side's view, as a signed 64-bit number. */
export function answerBalance(balance: bigint): SubProtocol[] {
  const data = new Uint8Array(8)
  new DataView(data.buffer).setBigInt64(0, balance)
  return [octetEntry('balance', data)]
}

/** The answering side's balance. @throws {LinkError} `LINK_PEER` */
export function readBalance(entries: readonly SubProtocol[]): bigint {
  const data = findEntry(entries, 'balance')?.data
  if (data?.length !== 8) throw unreadable('balance')
  return new DataView(data.buffer, data.byteOffset, 8).getBigInt64(0)
}

/** How far the asking side may go below zero, as the JSON string that the framework sends. */
export function answerLimit(creditLimit: bigint): SubProtocol[] {
  return [jsonEntry('limit', String(creditLimit))]
}

/** Asks over one session. @throws {LinkError} `LINK_NOT_OPEN`, `LINK_REFUSED`, `LINK_TIMEOUT` or `LINK_CLOSED` */
export async function ask(
  session: Session | undefined,
  entries: readonly SubProtocol[],
): Promise<readonly SubProtocol[]> {
  if (session === undefined) throw new LinkError('LINK_NOT_OPEN', 'there is no connection to ask over')
  return new Promise((resolve, reject) => {
    session.request({ type: MESSAGE, entries }, (reply) => {
      if (reply.type === 'response') resolve(reply.entries)
      else if (reply.type === 'error') reject(new LinkError('LINK_REFUSED', reply.message, reply))
      else if (reply.why === 'timeout') reject(new LinkError('LINK_TIMEOUT', 'the peer did not answer in time'))
      else reject(new LinkError('LINK_CLOSED', 'the connection closed before the answer'))
    })
  })
}

/** Answers with a handler. Its error text stays here, unless it throws `LINK_REFUSED`, which is meant for the peer. */
export function answerBy(
  handler: RequestHandler | undefined,
  session: Session,
  frame: MessageFrame,
  account: string,
  log: Log,
): void {
  const { requestId, entries } = frame
  if (handler === undefined) {
    session.fail(requestId, btpFailure('NotAcceptedError', 'nothing here answers this message'))
    return
  }
  Promise.resolve()
    .then(async () => handler(entries, account))
    .then((answer) => session.respond(requestId, answer))
    .catch((error: unknown) => {
      if (error instanceof LinkError && error.code === 'LINK_REFUSED' && error.peerName !== '') {
        session.fail(requestId, { code: error.peerCode, name: error.peerName, message: error.message })
        return
      }
      log.warn('a message handler failed', { name: entries[0]?.name, error: String(error) })
      session.fail(requestId, btpFailure('NotAcceptedError', 'the message could not be processed'))
    })
}

function jsonOf(entries: readonly SubProtocol[], name: string): unknown {
  try {
    return JSON.parse(fromUtf8(findEntry(entries, name)?.data ?? EMPTY))
  } catch {
    throw unreadable(name)
  }
}

function unreadable(name: string): LinkError {
  return new LinkError('LINK_PEER', `the peer's answer to ${name} is unreadable`)
}
