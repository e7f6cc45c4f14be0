/** Strangers at the HTTP port of a shop: garbage, silence, slowness, size, and guests that never pay. */
import { connect, type Socket } from 'node:net'
import { type Stranger, tcp } from '../session/stranger-kinds.js'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const DRIP_MS = 100

/** Says a little more from time to time. */
function dripping(port: number, first: string, drop: string): Socket {
  const socket = tcp(port, first)
  const drip = setInterval(() => socket.write(drop), DRIP_MS)
  socket.on('close', () => clearInterval(drip))
  return socket
}

/** Takes nothing of what it is sent; an empty line from time to time shows it that the other side has gone. */
function deaf(port: number, text: string): Socket {
  const socket = dripping(port, text, '\r\n')
  socket.pause()
  return socket
}

/** Each ends by itself, through the shop. */
export const HTTP_STRANGERS: Readonly<Record<string, Stranger>> = {
  'bytes that are not HTTP': (port) => tcp(port, '\u0016\u0003\u0001garbage\r\n\r\n'),
  'nothing at all': (port) => tcp(port),
  'half a request': (port) => tcp(port, 'GET / HTTP/1.1\r\nHost: x\r\n'),
  'headers that drip': (port) => dripping(port, 'GET / HTTP/1.1\r\n', 'X: y\r\n'),
  'a body that drips': (port) => dripping(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', 'drop'),
  'headers without end': (port) => tcp(port, `GET / HTTP/1.1\r\n${'X: yyyyyyyyyyyyyyyyyyy\r\n'.repeat(5000)}`),
  'an address without end': (port) => tcp(port, `GET /${'x'.repeat(100_000)}`),
  'a body without end': (port) => {
    const socket = tcp(port, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const more = setInterval(() => {
      if (socket.writableLength < 1_000_000) socket.write(chunk)
    }, DRIP_MS)
    socket.on('close', () => clearInterval(more))
    return socket
  },
  'a request, then silence': (port) => tcp(port, 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'a guest that never pays': (port) => tcp(port, GET),
  'a guest that never reads': (port) => deaf(port, GET),
  'a guest that has said goodbye, and stays': (port) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    socket.resume()
    socket.end(GET)
    return socket
  },
  'guests in a row on one socket': (port) => tcp(port, GET.repeat(100)),
  'a WebSocket at the wrong door': (port) =>
    tcp(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
}
