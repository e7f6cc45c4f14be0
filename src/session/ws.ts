/** The Node rim of sessions: WebSockets dialled, and listened for, with the `ws` library. Over TLS when asked. */
import type { ConnectionOptions } from 'node:tls'
import { WebSocket } from 'ws'
import { SessionError } from './errors.js'
import { FRAME_BYTES_MAX } from './limits.js'
import type { Dial } from './types.js'
import { WebSocketTransport, WS_OPTIONS } from './ws-transport.js'

export { attach, listen, listenWith, type Listener, type ListenOptions, type ServeOptions } from './ws-listen.js'

export interface DialOptions {
  /** Certificates of the connecting side, or whom to trust. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>
  /** Default 128 KiB. */
  readonly frameBytesMax?: number
  /** Default 10 000. */
  readonly handshakeTimeoutMs?: number
}

/** Dials `ws:` and `wss:` URLs. It rejects with {@link SessionError} `SESSION_UNREACHABLE`. @throws {SessionError} `SESSION_URL` */
export function dialWebSocket(url: string, options: DialOptions = {}): Dial {
  // Without the text, nor the error that has it: it may hold a secret.
  if (!URL.canParse(url) || !/^wss?:/i.test(url)) throw new SessionError('SESSION_URL', 'expected a ws: or wss: URL')
  return (signal) =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(url, {
        ...options.tls,
        ...WS_OPTIONS,
        maxPayload: options.frameBytesMax ?? FRAME_BYTES_MAX,
        handshakeTimeout: options.handshakeTimeoutMs ?? 10_000,
      })
      const giveUp = (): void => ws.terminate()
      signal.addEventListener('abort', giveUp)
      ws.once('upgrade', ({ socket }) => {
        ws.once('open', () => {
          signal.removeEventListener('abort', giveUp)
          // Messages that came with the upgrade wait until whoever dialled has set its handlers.
          ws.pause()
          setImmediate(() => ws.resume())
          resolve(new WebSocketTransport(ws, socket))
        })
      })
      // After the connection is made this changes nothing any more.
      ws.on('error', (error) => {
        signal.removeEventListener('abort', giveUp)
        reject(new SessionError('SESSION_UNREACHABLE', `cannot connect: ${describe(error)}`, { cause: error }))
      })
      if (signal.aborted) giveUp()
    })
}

/** Happy eyeballs fails with an AggregateError whose own message is empty. */
function describe(error: Error & { readonly code?: string }): string {
  return error.message || error.code || error.name
}
