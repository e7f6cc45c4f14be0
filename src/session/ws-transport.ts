/**
 * A `Transport` over a WebSocket of the `ws` library. Binary messages only; text is ignored.
 * What is sent in one turn of the event loop leaves in one system call: the socket is corked by the first message and
 * uncorked after the turn, when commits that ended in it have been answered too.
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Transport } from './types.js'

/** What both sides ask of `ws`. Compression would let a peer make us spend memory and time out of proportion. */
export const WS_OPTIONS = {
  perMessageDeflate: false,
  // A peer that does not answer our close is cut off.
  closeTimeout: 2_000,
  // Messages that arrived together are served in one turn, so that their answers leave together.
  allowSynchronousEvents: true,
}

/** More than this does not wait for the end of the turn: it fills the system calls of its own. */
const CORK_BYTES_MAX = 64 * 1024

/** RFC 6455 section 5.5: a close reason has at most 123 bytes; a UTF-16 unit takes at most three. */
const REASON_LENGTH_MAX = 41

const SEND_OPTIONS = { binary: true, compress: false }

export class WebSocketTransport implements Transport {
  onMessage: (message: Uint8Array) => void = () => undefined
  onPong: () => void = () => undefined
  onClosed: (reason: string) => void = () => undefined

  readonly #ws: WebSocket
  readonly #socket: Duplex
  #corkedBytes = 0

  /** @param socket the stream under `ws`, which must be open */
  constructor(ws: WebSocket, socket: Duplex) {
    this.#ws = ws
    this.#socket = socket
    let failure: string | undefined
    ws.on('message', (data, isBinary) => {
      // Not as the Buffer that it is: slice() of one is a view, so that whoever means to copy would keep all that arrived.
      if (isBinary && data instanceof Uint8Array) {
        this.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      }
    })
    ws.on('pong', () => this.onPong())
    ws.on('error', (error) => {
      failure = error.message
    })
    ws.on('close', (code) => this.onClosed(failure ?? `closed with code ${code}`))
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount
  }

  send(message: Uint8Array, onSent?: () => void): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    if (this.#corkedBytes === 0) {
      this.#socket.cork()
      uncorkAfterTurn(this)
    }
    // One at least, to tell it from a socket that is not corked.
    this.#corkedBytes += message.length + 1
    this.#ws.send(
      message,
      SEND_OPTIONS,
      onSent === undefined
        ? undefined
        : (error) => {
            if (error === undefined || error === null) onSent()
          },
    )
    if (this.#corkedBytes > CORK_BYTES_MAX) {
      this.#socket.uncork()
      this.#socket.cork()
      this.#corkedBytes = 1
    }
  }

  /** @internal */
  uncork(): void {
    this.#corkedBytes = 0
    this.#socket.uncork()
  }

  close(code?: number, reason = ''): void {
    this.#ws.close(code, reason.slice(0, REASON_LENGTH_MAX))
  }

  terminate(): void {
    this.#ws.terminate()
  }

  ping(): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping()
  }
}

/** All sockets that were written to in this turn share one immediate. */
let corked: WebSocketTransport[] = []

function uncorkAfterTurn(transport: WebSocketTransport): void {
  if (corked.push(transport) === 1) setImmediate(uncorkAll)
}

function uncorkAll(): void {
  const transports = corked
  corked = []
  for (const transport of transports) transport.uncork()
}
