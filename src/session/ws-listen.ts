/**
 * Listening for WebSockets: on a port of its own, or at a path of an HTTP server that is there already.
 * A socket that has not become a WebSocket can do nothing: it is one of few, and not for long.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { SessionError } from './errors.js'
import { FRAME_BYTES_MAX } from './limits.js'
import type { Transport } from './types.js'
import { WebSocketTransport, WS_OPTIONS } from './ws-transport.js'

export interface ServeOptions {
  /** Sets the transport's handlers before it returns. */
  readonly onTransport: (transport: Transport, remoteAddress: string) => void
  /** Where WebSockets are served, such as `/btp`; any path by default. */
  readonly path?: string
  /** Web origins whose pages may connect. None by default: each page could reach a host on this machine. */
  readonly allowedOrigins?: readonly string[]
  /** Default 128 KiB. */
  readonly frameBytesMax?: number
}

export interface ListenOptions extends ServeOptions {
  /** 0 for any free one. */
  readonly port: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Certificate and key make it `wss:`. */
  readonly cert?: ServerOptions['cert']
  readonly key?: ServerOptions['key']
  /** Whose certificates connecting sides must show. */
  readonly ca?: ServerOptions['ca']
  /** From the connection to the WebSocket, TLS included. Default 2 000. */
  readonly handshakeTimeoutMs?: number
  /** Sockets that are not WebSockets yet; one more ends the one that has waited longest. Default 256. */
  readonly handshakesMax?: number
  /** All sockets; one more is not accepted. Default 10 000. */
  readonly socketsMax?: number
}

export interface Listener {
  /** What it listens on. */
  readonly host: string
  readonly port: number
  /** Sockets that have not ended. */
  readonly sockets: number
  /** Stops listening and ends all sockets that are left; resolves when they have ended. */
  close(): Promise<void>
}

/** Serves WebSockets at a path of `server`, whose own requests and limits stay its own. The result takes it away again. */
export function attach(server: Server, options: ServeOptions): () => void {
  const wss = new WebSocketServer({
    ...WS_OPTIONS,
    noServer: true,
    clientTracking: true,
    maxPayload: options.frameBytesMax ?? FRAME_BYTES_MAX,
  })
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { origin } = request.headers
    if (options.path !== undefined && pathOf(request) !== options.path) {
      // Whoever else listens may serve it; nobody would answer otherwise. If none does, an error of it would end the process.
      socket.on('error', () => socket.destroy())
      return server.listenerCount('upgrade') > 1 ? undefined : refuse(socket, '404 Not Found')
    }
    if (origin !== undefined && options.allowedOrigins?.includes(origin) !== true)
      return refuse(socket, '403 Forbidden')
    const remoteAddress = request.socket.remoteAddress ?? ''
    wss.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      options.onTransport(new WebSocketTransport(ws, socket), remoteAddress)
    })
  }
  server.on('upgrade', onUpgrade)
  return () => {
    server.off('upgrade', onUpgrade)
    for (const ws of wss.clients) ws.terminate()
  }
}

/**
 * {@link attach}, to a server that may not listen yet: it is then made to, if there is a port for it, and closed in the end.
 * One that listens is left as it is. @throws {SessionError} `SESSION_LISTEN`
 */
export async function listenWith(
  server: Server,
  options: ServeOptions & Partial<Pick<ListenOptions, 'host' | 'port'>>,
): Promise<Pick<Listener, 'port' | 'close'>> {
  const { host, port } = options
  const starts = port !== undefined && !server.listening
  const detach = attach(server, options)
  if (starts) {
    await bind(server, port, host).catch((error: unknown) => {
      detach()
      throw error
    })
  }
  return {
    get port() {
      return boundPort(server) ?? 0
    },
    async close() {
      detach()
      // What else it still answers is its owner's, and may take its time.
      if (starts) server.close()
    },
  }
}

/** @throws {SessionError} `SESSION_LISTEN` */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host = '127.0.0.1', handshakeTimeoutMs = 2_000 } = options
  const server = createHttpServer(options, handshakeTimeoutMs)
  server.maxConnections = options.socketsMax ?? 10_000
  const sockets = trackSockets(server, options.handshakesMax ?? 256)
  const detach = attach(server, options)
  await bind(server, options.port, host)
  // What fails later, such as accepting a socket, is no reason to stop.
  server.on('error', () => undefined)
  const port = boundPort(server) ?? options.port
  let closed: Promise<void> | undefined
  return {
    host,
    port,
    get sockets() {
      return sockets.size
    },
    close() {
      closed ??= end(server, sockets)
      detach()
      return closed
    },
  }
}

/** @throws {SessionError} `SESSION_LISTEN` by rejection */
function bind(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const message = `cannot listen on ${host ?? '*'}:${port}: ${error.message}`
      reject(new SessionError('SESSION_LISTEN', message, { cause: error }))
    }
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function boundPort(server: Server): number | undefined {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : undefined
}

async function end(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const ended = [new Promise<unknown>((resolve) => server.close(resolve))]
  for (const socket of sockets) {
    ended.push(new Promise((resolve) => socket.once('close', resolve)))
    socket.destroy()
  }
  await Promise.all(ended)
}

function createHttpServer({ cert, key, ca }: ListenOptions, handshakeTimeoutMs: number): Server {
  const limits = {
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: handshakeTimeoutMs,
    connectionsCheckingInterval: Math.max(50, handshakeTimeoutMs / 4),
    keepAlive: false,
    maxHeaderSize: 8 * 1024,
  }
  if (cert === undefined || key === undefined) return createServer(limits, notHere)
  const tls = { cert, key, handshakeTimeout: handshakeTimeoutMs }
  const clients = ca === undefined ? {} : { ca, requestCert: true }
  return createSecureServer({ ...limits, ...tls, ...clients }, notHere)
}

function notHere(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { connection: 'close', 'content-type': 'text/plain' })
  response.end('This port speaks BTP over WebSocket.\n')
}

/** All raw sockets of a server; of those that are not WebSockets yet, no more than `handshakesMax`. */
function trackSockets(server: Server, handshakesMax: number): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  /** Longest waiting first, by the peer's address and port, which a TLS socket has in common with the one under it. */
  const handshaking = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    sockets.add(socket)
    handshaking.set(peer, socket)
    socket.once('close', () => {
      sockets.delete(socket)
      if (handshaking.get(peer) === socket) handshaking.delete(peer)
    })
    if (handshaking.size <= handshakesMax) return
    for (const [longestPeer, longest] of handshaking) {
      handshaking.delete(longestPeer)
      longest.destroy()
      return
    }
  })
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    handshaking.delete(`${socket.remoteAddress}:${socket.remotePort}`)
  })
  return sockets
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/\?.*$/s, '')
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
