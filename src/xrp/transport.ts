/**
 * One connection to a server of the XRP Ledger, by way of the `xrpl` library's client. Of that client only requests and
 * events are used: not its autofill (which gives parallel transactions one sequence number), not its submitAndWait
 * (which waits out refusals), and not its own reconnection (which forgets subscriptions): a lost connection is over.
 */
import { Client } from 'xrpl'
import { XrpError } from './errors.js'
import { isJson, type Json } from './ledger-messages.js'

export interface LedgerConnection {
  /** @throws {XrpError} `XRP_SERVER` */
  open(): Promise<void>
  /** The `result` of the answer. @throws {XrpError} `XRP_SERVER`, with the server's error where it gave one */
  request(command: Json): Promise<Json>
  close(): Promise<void>
  /** Set by the owner: a message of a subscription. */
  onMessage: (message: Json) => void
  /** Set by the owner; once: the connection is over, and not because of `close`. */
  onLost: (reason: string) => void
}

/** Makes a connection, not opened. */
export type Dial = () => LedgerConnection

export interface ServerOptions {
  /** `ws:` or `wss:`. */
  readonly server: string
  /** Version of the server's interface. Default 2; servers before 2.0 have 1 only. */
  readonly apiVersion?: 1 | 2
  readonly requestTimeoutMs?: number
  readonly connectTimeoutMs?: number
}

const REQUEST_TIMEOUT_MS = 20_000
const CONNECT_TIMEOUT_MS = 10_000

/** Connections to one server. */
export function dialServer(options: ServerOptions): Dial {
  return () => new XrplConnection(options)
}

class XrplConnection implements LedgerConnection {
  onMessage: (message: Json) => void = () => undefined
  onLost: (reason: string) => void = () => undefined
  readonly #client: Client
  #over = false

  constructor(options: ServerOptions) {
    const { server, apiVersion = 2 } = options
    this.#client = new Client(server, {
      timeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      connectionTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    })
    this.#client.apiVersion = apiVersion
  }

  async open(): Promise<void> {
    const { connection } = this.#client
    // Its connection's own events: the client would pass on half of what the server sends.
    connection.on('transaction', (message: unknown) => this.#message(message))
    connection.on('ledgerClosed', (message: unknown) => this.#message(message))
    connection.on('error', () => undefined)
    connection.on('disconnected', () => this.#lost('the connection to the server was lost'))
    // Its heartbeat and its own reconnection make a connection that nobody asked for.
    connection.on('connected', () => {
      if (this.#over) void connection.disconnect().catch(() => undefined)
    })
    this.#client.on('error', () => undefined)
    try {
      await connection.connect()
    } catch (error) {
      throw new XrpError('XRP_SERVER', `no connection to the server: ${messageOf(error)}`)
    }
    if (this.#over) {
      await connection.disconnect()
      throw new XrpError('XRP_SERVER', 'closed before it was connected')
    }
  }

  async request(command: Json): Promise<Json> {
    if (this.#over) throw new XrpError('XRP_SERVER', 'the connection is closed')
    const asked: object = { api_version: this.#client.apiVersion, ...command }
    try {
      const answer: unknown = await this.#client.connection.request(
        asked as Parameters<Client['connection']['request']>[0],
      )
      const result = isJson(answer) ? answer['result'] : undefined
      if (isJson(result)) return result
    } catch (error) {
      throw serverError(error)
    }
    throw new XrpError('XRP_SERVER', 'the server gave an answer without a result')
  }

  async close(): Promise<void> {
    this.#over = true
    await this.#client.connection.disconnect()
  }

  #message(message: unknown): void {
    if (!this.#over && isJson(message)) this.onMessage(message)
  }

  #lost(reason: string): void {
    // The client has set about connecting again: this ends it.
    queueMicrotask(() => void this.#client.connection.disconnect().catch(() => undefined))
    if (this.#over) return
    this.#over = true
    this.onLost(reason)
  }
}

/** The message of an error of the library names the request, which may be long; its data is the server's answer. */
function serverError(error: unknown): XrpError {
  const data = isJson(error) ? error['data'] : undefined
  const name = isJson(data) && typeof data['error'] === 'string' ? data['error'] : ''
  const told = isJson(data) ? (data['error_exception'] ?? data['error_message']) : undefined
  if (name === '') return new XrpError('XRP_SERVER', `the server did not answer: ${messageOf(error)}`)
  return new XrpError('XRP_SERVER', typeof told === 'string' ? `${name}: ${told}` : name, name)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : String(error)
}
