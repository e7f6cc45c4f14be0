/**
 * Compression as middleware of node:http does it, by the rule of the package `compression`: it decides when the head is
 * written, and leaves alone what must not be transformed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

export function compressing(request: IncomingMessage, response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response)
  const write = response.write.bind(response)
  const end = response.end.bind(response)
  const flushHeaders = response.flushHeaders.bind(response)
  let on = false
  const gzip = ([chunk, ...rest]: unknown[]): unknown[] => {
    const isBytes = typeof chunk === 'string' || chunk instanceof Uint8Array
    return [on && isBytes && chunk.length > 0 ? gzipSync(chunk) : chunk, ...rest]
  }
  Object.assign(response, {
    writeHead: (...args: unknown[]): unknown => {
      on = request.headers['accept-encoding'] === 'gzip'
      if (/\bno-transform\b/.test(String(response.getHeader('Cache-Control')))) on = false
      if (on) response.setHeader('Content-Encoding', 'gzip')
      if (on) response.removeHeader('Content-Length')
      return Reflect.apply(writeHead, undefined, args)
    },
    write: (...args: unknown[]): unknown => {
      flushHeaders()
      return Reflect.apply(write, undefined, gzip(args))
    },
    end: (...args: unknown[]): unknown => {
      if (args[0] !== undefined) flushHeaders()
      return Reflect.apply(end, undefined, gzip(args))
    },
  })
}
