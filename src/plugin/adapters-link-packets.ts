/**
 * A packet link, for the version 2 face, over any link: a Prepare (RFC-27 draft 10) that is sent becomes a hold, a hold
 * that comes becomes a Prepare. `peer.config` (RFC-31 draft 5) is answered here, from what the link knows.
 */
import { findEntry, octetEntry, type SubProtocol } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import { decodePacketOf, encodeIldcpResponse, encodePacket, ILDCP_ADDRESS, type PreparePacket } from '../ilp/index.js'
import {
  type HoldOutcome,
  type IncomingHold,
  type Link,
  LinkError,
  type PacketLink,
  type PacketOwner,
} from '../link/index.js'
import { carriedBy, paymentIn } from './adapters-carriage.js'
import { outcomeOf, rejectPacket } from './adapters-packet-hold.js'
import type { Clock } from '../clock/index.js'

export class LinkPackets implements PacketLink {
  readonly #link: Link
  readonly #owner: PacketOwner
  readonly #clock: Clock
  #connected = false

  constructor(link: Link, owner: PacketOwner, clock: Clock) {
    this.#link = link
    this.#owner = owner
    this.#clock = clock
    link.onHold((hold) => void this.#take(hold))
    link.onRequest('ilp', async (entries) => this.#answer(entries))
    link.onState(() => this.#tell())
  }

  get connected(): boolean {
    return this.#connected
  }

  async open(wait: { readonly timeoutMs?: number }): Promise<void> {
    await this.#link.open(wait)
    this.#tell()
  }

  async close(): Promise<void> {
    await this.#link.close()
    this.#tell()
  }

  async send(data: Uint8Array): Promise<Uint8Array> {
    const prepare = readPrepare(data)
    if (prepare !== undefined) return this.#send(prepare, data)
    const answer = await this.#link.request([octetEntry('ilp', data)])
    return (findEntry(answer, 'ilp') ?? findEntry(answer, 'custom'))?.data ?? EMPTY
  }

  async pay(): Promise<void> {
    throw new LinkError('LINK_REFUSED', 'version 1 has no settlement', { name: 'NotAcceptedError', code: 'F00' })
  }

  #tell(): void {
    const connected = this.#link.state === 'open'
    if (connected === this.#connected) return
    this.#connected = connected
    if (connected) this.#owner.onConnected()
    else this.#owner.onDisconnected()
  }

  async #send(prepare: PreparePacket, bytes: Uint8Array): Promise<Uint8Array> {
    const { info } = this.#link
    if (prepare.destination === ILDCP_ADDRESS) return encodeIldcpResponse({ ...info, clientAddress: info.account })
    const { amount, executionCondition: condition, expiresAt } = prepare
    return new Promise((resolve, reject) => {
      this.#link.send(
        // Each with an id that the link draws: only its bytes say whether a Prepare is another's repetition.
        { amount, condition, expiresAt, packet: carriedBy(prepare, bytes).packet },
        { onOutcome: (outcome) => settle(outcome, info.peer, resolve, reject) },
      )
    })
  }

  /** Never rejects. */
  async #take(hold: IncomingHold): Promise<void> {
    const { info } = this.#link
    const payment = paymentIn(hold.packet)
    try {
      if (!this.#owner.answersData) throw new LinkError('LINK_REFUSED', 'no data handler is registered')
      const prepare = encodePacket({
        type: 12,
        amount: hold.amount,
        expiresAt: hold.expiresAt,
        executionCondition: hold.condition,
        destination: payment?.account ?? info.account,
        // A payment of version 1 has an amount of its own, and a condition that is made of the whole of it.
        data: payment?.type === 10 ? payment.data : hold.packet,
      })
      const outcome = outcomeOf(await this.#owner.onData(prepare), info.account, this.#clock.now())
      if (outcome.status === 'fulfilled') {
        hold.fulfill(outcome.fulfillment, outcome.data, (settled) => {
          if (!settled.ok && settled.name === 'NotAcceptedError') hold.reject({ code: 'F05' })
        })
      } else hold.reject(outcome.reason)
    } catch {
      hold.reject({ code: this.#owner.answersData ? 'F00' : 'T01', message: 'the transfer could not be handled' })
    }
  }

  async #answer(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    return [octetEntry('ilp', await this.#owner.onData(findEntry(entries, 'ilp')?.data ?? EMPTY))]
  }
}

function settle(
  outcome: HoldOutcome,
  peer: string,
  resolve: (bytes: Uint8Array) => void,
  reject: (error: LinkError) => void,
): void {
  switch (outcome.status) {
    case 'fulfilled':
      return resolve(encodePacket({ type: 13, fulfillment: outcome.fulfillment, data: outcome.data }))
    case 'rejected':
    case 'expired':
      return resolve(rejectPacket(outcome.reason, peer))
    case 'refused':
      return resolve(rejectPacket({ code: refusalCode(outcome.name), message: outcome.message }, ''))
    case 'inDoubt':
      // Whoever waits hears of it now; what comes later comes too late.
      return reject(new LinkError('LINK_CLOSED', outcome.message))
  }
}

function refusalCode(name: string): string {
  if (name === 'UnreachableError') return 'T01'
  if (name === 'InsufficientBalanceError') return 'T04'
  return name === 'AccountNotFoundError' ? 'F02' : 'F00'
}

function readPrepare(data: Uint8Array): PreparePacket | undefined {
  try {
    return decodePacketOf(12, data)
  } catch {
    return undefined
  }
}
