/**
 * A server of the XRP Ledger in standalone mode, simulated: one process, one WebSocket port on this machine, ledgers closed on
 * command or on a timer. It speaks the requests that `xrpl` and an escrow plugin send, and can be made to fail. It is no
 * server: docs/reference/xrp-test-ledger.md says what it leaves out.
 */
import type { AddressInfo } from 'node:net'
import { deriveKeypair, Wallet } from 'xrpl'
import { WebSocket, WebSocketServer } from 'ws'
import { systemClock, type CancelTimer, type Clock } from '../../clock/index.js'
import { SluiceError } from '../../errors/index.js'
import type { Fields } from './answers.js'
import { readBlob } from './blob.js'
import { Chain, type ClosedLedger, type Load } from './chain.js'
import { Connection, type Host } from './connection.js'
import { accountIn, GENESIS_ACCOUNT, GENESIS_SEED } from './entries.js'
import type { Request } from './queries.js'
import { toRippleSeconds } from './times.js'
import type { StandaloneXrpLedger, StandaloneXrpLedgerOptions, XrpLedgerFaults } from './types.js'

/** Longest request that is read. */
export const REQUEST_BYTES_MAX = 1024 * 1024

/** An account could not be funded: `XRP_FUND`. */
export class XrpFundError extends SluiceError {}

class Standalone implements StandaloneXrpLedger {
  readonly faults: XrpLedgerFaults = {}
  readonly #clock: Clock
  readonly #chain: Chain
  readonly #server: WebSocketServer
  readonly #connections = new Map<WebSocket, Connection>()
  readonly #host: Host
  #stopTimer: CancelTimer | undefined
  #closed = false

  constructor(server: WebSocketServer, options: StandaloneXrpLedgerOptions) {
    const { clock = systemClock, baseFee = 10n, reserveBase = 1_000_000n, reserveIncrement = 200_000n } = options
    this.#clock = clock
    this.#server = server
    const startedAt = clock.now()
    this.#chain = new Chain({ base: baseFee, reserveBase, reserveIncrement }, toRippleSeconds(startedAt))
    this.#chain.withheld = ({ tx }) => this.faults.withhold?.(tx) ?? false
    this.#host = { chain: this.#chain, startedAt, now: () => clock.now(), acceptLedger: () => this.#accept() }
    server.on('connection', (socket) => this.#attach(socket))
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  acceptLedger(): number {
    return this.#accept().index
  }

  startClosing(intervalMs: number): void {
    this.stopClosing()
    if (this.#closed) return
    this.#stopTimer = this.#clock.after(intervalMs, () => {
      this.#accept()
      this.startClosing(intervalMs)
    })
  }

  stopClosing(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  fund(address: string, drops: bigint): string {
    const sequence = accountIn(this.#chain.open.state, GENESIS_ACCOUNT)?.Sequence ?? 1
    const cost = Math.max(this.#chain.load.server, this.#chain.load.openLedger)
    const { publicKey, privateKey } = deriveKeypair(GENESIS_SEED)
    const { tx_blob: blob, hash } = new Wallet(publicKey, privateKey).sign({
      TransactionType: 'Payment',
      Account: GENESIS_ACCOUNT,
      Destination: address,
      Amount: String(drops),
      Fee: String(Math.ceil(Number(this.#chain.fees.base) * cost)),
      Sequence: sequence,
    })
    const { result } = this.#chain.submit(readBlob(blob), true)
    if (result !== 'tesSUCCESS') throw new XrpFundError('XRP_FUND', `cannot fund ${address}: ${result}`)
    this.#accept()
    return hash
  }

  balance(address: string): bigint | undefined {
    const account = accountIn(this.#chain.validated.state, address)
    return account === undefined ? undefined : BigInt(account.Balance)
  }

  get closeTime(): number {
    return this.#chain.validated.closeTime
  }

  setLoad(load: Partial<Load>): void {
    this.#chain.load = { ...this.#chain.load, ...load }
  }

  dropConnections(): void {
    for (const socket of this.#connections.keys()) socket.terminate()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.stopClosing()
    this.dropConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(): ClosedLedger {
    const ledger = this.#chain.close(toRippleSeconds(this.#clock.now()))
    for (const [socket, connection] of this.#connections) {
      const events = connection.eventsOf(ledger)
      for (const event of this.faults.onEvents?.(events) ?? events) send(socket, event)
    }
    return ledger
  }

  #attach(socket: WebSocket): void {
    const connection = new Connection(this.#host)
    this.#connections.set(socket, connection)
    socket.on('close', () => this.#connections.delete(socket))
    socket.on('error', () => socket.terminate())
    socket.on('message', (data: Buffer) => this.#receive(socket, connection, data.toString()))
  }

  #receive(socket: WebSocket, connection: Connection, text: string): void {
    const request = parse(text)
    if (request === undefined) return send(socket, { error: 'jsonInvalid', type: 'error', value: text })
    const fate = this.faults.onRequest?.(request) ?? 'answer'
    if (fate === 'ignore') return undefined
    if (fate === 'cut-before') return socket.terminate()
    const answer = connection.answer(request)
    if (fate === 'cut-after') return socket.terminate()
    if (fate === 'answer') return send(socket, answer)
    this.#clock.after(fate.delayMs, () => send(socket, answer))
    return undefined
  }
}

function send(socket: WebSocket, message: Fields): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

function parse(text: string): Request | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'command' in value && typeof value.command === 'string'
      ? { ...value, command: value.command }
      : undefined
  } catch {
    return undefined
  }
}

/** Starts a simulated server. It listens on this machine only, and holds all XRP in the genesis account. */
export async function standaloneXrpLedger(options: StandaloneXrpLedgerOptions = {}): Promise<StandaloneXrpLedger> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: options.port ?? 0, maxPayload: REQUEST_BYTES_MAX })
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', reject)
  })
  return new Standalone(server, options)
}
