/** Strangers at a port for BTP, over real TCP: garbage, silence, slowness, size, wrong tokens. */
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { authFrame } from './harness.js'

/** Knocks at a port of this machine. */
export type Stranger = (port: number) => Socket | WebSocket

export function tcp(port: number, text = ''): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  if (text !== '') socket.write(text, 'latin1')
  socket.resume()
  return socket
}

export function webSocket(port: number, options: { autoPong?: boolean; origin?: string } = {}): WebSocket {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, options)
  ws.on('error', () => undefined)
  return ws
}

/** Resolves when the other side has ended the socket. */
export function ended(socket: Socket | WebSocket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
const KEY = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

/** At a port for BTP. Each ends by itself, through the host. */
export const STRANGERS: Readonly<Record<string, Stranger>> = {
  'bytes that are not HTTP': (port) => tcp(port, '\u0000\u0001garbage\r\n\r\n'),
  'nothing at all': (port) => tcp(port),
  'an HTTP request that never ends': (port) => {
    const socket = tcp(port, 'GET / HTTP/1.1\r\n')
    const drip = setInterval(() => socket.write('X: y\r\n'), 20)
    socket.on('close', () => clearInterval(drip))
    return socket
  },
  'headers without end': (port) => tcp(port, `GET / HTTP/1.1\r\n${'X: yyyyyyyyyyyyyyyyyyy\r\n'.repeat(1000)}`),
  'a plain HTTP request': (port) => tcp(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'an upgrade to something else': (port) =>
    tcp(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
  'an upgrade without a key': (port) => tcp(port, `${UPGRADE}\r\n`),
  'a WebSocket that keeps silent': (port) => webSocket(port),
  'a WebSocket whose frames are garbage': (port) => tcp(port, `${UPGRADE}${KEY}\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff`),
  'a WebSocket frame without end': (port) => tcp(port, `${UPGRADE}${KEY}\u0082\u00ff\u0000\u0000\u0000`),
  'a WebSocket that sends text only': (port) => {
    const ws = webSocket(port)
    ws.on('open', () => ws.send('hello'))
    return ws
  },
  'one byte': (port) => sending(port, new Uint8Array([6])),
  'a message that is too long': (port) => sending(port, new Uint8Array(200 * 1024)),
  'a first message that is too long': (port) => sending(port, new Uint8Array(20 * 1024)),
  'a wrong token': (port) => sending(port, authFrame('hunter2', 'buyer')),
  'a page of another origin': (port) => webSocket(port, { origin: 'https://evil.example' }),
  'pings without end': (port) => {
    const ws = webSocket(port)
    ws.on('open', () => {
      for (let i = 0; i < 500; i++) ws.ping('x'.repeat(100))
    })
    return ws
  },
}

function sending(port: number, message: Uint8Array): WebSocket {
  const ws = webSocket(port)
  ws.on('open', () => ws.send(message))
  return ws
}
