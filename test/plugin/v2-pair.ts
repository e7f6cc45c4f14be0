/** What the tests of version 2 plugins share: pairs over a real socket, packets, raw peers, a log that remembers. */
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { format } from 'node:util'
import { decodeFrame, encodeFrame, type Frame, octetEntry, type SubProtocol, textEntry } from 'sluice/btp'
import { sha256 } from 'sluice/crypto'
import { decodePacket, encodePacket, type Packet } from 'sluice/ilp'
import {
  BtpPlugin,
  type BtpPluginOptions,
  HostPlugin,
  type HostPluginOptions,
  type PluginServices,
} from 'sluice/plugin'
import { MemoryStore } from 'sluice/store'
import { WebSocket } from 'ws'

export const PREFIX = 'example.shop.'
export const SECRET = 'a peer secret'

export class LogLines {
  readonly lines: string[] = []
  readonly services: PluginServices = {
    log: {
      debug: (message, ...params) => this.#write(message, params),
      info: (message, ...params) => this.#write(message, params),
      warn: (message, ...params) => this.#write(message, params),
      error: (message, ...params) => this.#write(message, params),
    },
  }

  get text(): string {
    return this.lines.join('\n')
  }

  #write(message: string, params: unknown[]): void {
    this.lines.push(format(message, ...params))
  }
}

/** A listener and what connects to it, both disconnected after the test. */
export async function peers(
  t: TestContext,
  options: { listener?: Partial<BtpPluginOptions>; client?: Partial<BtpPluginOptions>; api?: PluginServices } = {},
): Promise<{ listener: BtpPlugin; client: BtpPlugin; port: number }> {
  const api = options.api ?? new LogLines().services
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET }, ...options.listener }, api)
  t.after(async () => listener.disconnect())
  const { connecting, port } = await listening(listener)
  const server = `btp+ws://:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`
  const client = new BtpPlugin({ server, ...options.client }, api)
  t.after(async () => client.disconnect())
  await Promise.all([connecting, client.connect()])
  return { listener, client, port }
}

/** A listener that listens, and waits for its peer. */
export async function listening(plugin: BtpPlugin): Promise<{ connecting: Promise<void>; port: number }> {
  const connecting = plugin.connect()
  connecting.catch(() => undefined)
  while (plugin.port === undefined) await turn()
  return { connecting, port: plugin.port }
}

export function quietStore(): MemoryStore {
  return new MemoryStore({ warn: () => undefined })
}

export function hostOptions(options: Partial<HostPluginOptions> = {}): HostPluginOptions {
  return {
    listener: { port: 0, host: '127.0.0.1' },
    prefix: PREFIX,
    info: { currencyCode: 'USD', currencyScale: 9 },
    accounts: {
      alice: { token: 'token of alice', maxBalance: '1000' },
      bob: { token: 'token of bob', maxBalance: '1000' },
    },
    store: quietStore(),
    ...options,
  }
}

/** A connected host; disconnected after the test. */
export async function hosting(t: TestContext, options: Partial<HostPluginOptions> = {}, api?: PluginServices) {
  const host = new HostPlugin(hostOptions(options), api ?? new LogLines().services)
  t.after(async () => host.disconnect())
  await host.connect()
  return host
}

/** A connected holder, with our plugin for one peer. */
export async function holding(
  t: TestContext,
  host: HostPlugin,
  account = 'alice',
  options: Partial<BtpPluginOptions> = {},
) {
  const holder = new BtpPlugin(
    { server: `btp+ws://127.0.0.1:${host.port}`, btpAccount: account, btpToken: `token of ${account}`, ...options },
    new LogLines().services,
  )
  t.after(async () => holder.disconnect())
  await holder.connect()
  return holder
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function secretOf(n: number): Uint8Array {
  return new Uint8Array(32).fill(n)
}

/** The Prepare number `n`, whose fulfillment is `secretOf(n)`. It expires before a fake clock makes anyone ping. */
export function prepare(n: number, fields: Partial<Extract<Packet, { type: 12 }>> = {}): Buffer {
  const packet = encodePacket({
    type: 12,
    amount: 10n,
    expiresAt: Date.now() + 15_000,
    executionCondition: sha256(secretOf(n)),
    destination: `${PREFIX}server.goods`,
    data: Uint8Array.of(n),
    ...fields,
  })
  return Buffer.from(packet)
}

export function fulfill(n: number, data: Uint8Array = Uint8Array.of(7)): Buffer {
  return Buffer.from(encodePacket({ type: 13, fulfillment: secretOf(n), data }))
}

export function reject(code = 'F99'): Buffer {
  return Buffer.from(
    encodePacket({ type: 14, code, triggeredBy: 'example.shop.server', message: 'no', data: Uint8Array.of(1) }),
  )
}

/** `fulfill`, or the code of a Reject. */
export function answerOf(bytes: Uint8Array): string {
  const packet = decodePacket(bytes)
  return packet.type === 14 ? packet.code : packet.type === 13 ? 'fulfill' : String(packet.type)
}

/** A program that speaks frames: what it sends and gets is the wire itself. */
export class RawPeer {
  readonly frames: Frame[] = []
  readonly ws: WebSocket
  closedWith: number | undefined
  #waiting: (() => void)[] = []

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('message', (data: Buffer) => {
      this.frames.push(decodeFrame(data, 2))
      for (const wake of this.#waiting.splice(0)) wake()
    })
    ws.on('close', (code) => {
      this.closedWith = code
      for (const wake of this.#waiting.splice(0)) wake()
    })
    ws.on('error', () => undefined)
  }

  /** `autoPong` false: a peer that is gone without a word. */
  static async dial(t: TestContext, port: number | undefined, { path = '', autoPong = true } = {}): Promise<RawPeer> {
    const peer = new RawPeer(new WebSocket(`ws://127.0.0.1:${port}${path}`, { autoPong }))
    t.after(() => peer.ws.terminate())
    await once(peer.ws, 'open')
    return peer
  }

  send(frame: Frame): void {
    this.ws.send(encodeFrame(frame, 2))
  }

  message(requestId: number, entries: readonly SubProtocol[]): void {
    this.send({ type: 6, requestId, entries })
  }

  data(requestId: number, data: Uint8Array): void {
    this.message(requestId, [octetEntry('ilp', data)])
  }

  /** As interledger-rs does: without a user name, if it has none. */
  authenticate(token: string, username?: string): void {
    const name = username === undefined ? [] : [textEntry('auth_username', username)]
    this.message(1, [octetEntry('auth'), ...name, textEntry('auth_token', token)])
  }

  /** The first frame that fits, once it is there. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(fits)
      if (found !== undefined) return found
      if (this.closedWith !== undefined) throw new Error(`closed with ${this.closedWith} before the frame came`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** The answer to a request: the data of its Response, or its error's code and name. */
  async answer(requestId: number): Promise<Uint8Array | string> {
    const frame = await this.frame((one) => one.requestId === requestId && one.type <= 2)
    if (frame.type === 2) return `${frame.code} ${frame.name}`
    return frame.type === 1 ? (frame.entries[0]?.data ?? new Uint8Array(0)) : ''
  }

  async closed(): Promise<void> {
    while (this.closedWith === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
