/** `sluice serve DIR`: sells the files of a directory by the byte, over a ledger at `/btp` of its own port. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import send from 'send'
import { paid } from '../http/adapters/node.js'
import { bytes, nodeListener, readPrice } from '../http/index.js'
import { formatMoney } from '../money/index.js'
import { fileIndex } from './file-index.js'
import { runSeller, type SellerCommandOptions } from './run-seller.js'

export interface ServeOptions extends SellerCommandOptions {
  readonly price: string
  /** Bytes that are sold at once. */
  readonly step: number
  /** Steps. */
  readonly window: number
}

/** Resolves with the exit code once it was stopped. */
export function serve(directory: string, options: ServeOptions): Promise<number> {
  return runSeller(options, (seller, asset) => {
    const { price, unit } = readPrice(options.price, bytes(options.step), asset)
    const step = unit.step ?? 1
    const terms = { price, unit, window: BigInt(options.window) * price, route: 'files' }
    const file = paid(seller, terms, (request, response) => sendFile(directory, request, response))
    const index = nodeListener(fileIndex({ directory, price, step, asset }))
    return {
      listener: (request, response) => (pathOf(request).endsWith('/') ? index : file)(request, response),
      saying: (url) =>
        `selling the files of ${directory} at ${url}\nprice ${formatMoney(price, asset)} per ${step} bytes`,
    }
  })
}

/** Below the directory only, and no hidden files; with ranges, whose offsets count from the start of what is sent. */
function sendFile(directory: string, request: IncomingMessage, response: ServerResponse): void {
  send(request, pathOf(request), {
    root: directory,
    dotfiles: 'ignore',
    index: false,
    etag: false,
    cacheControl: false,
  })
    .on('error', (error: Error & { readonly status?: number }) => {
      response.statusCode = error.status ?? 500
      response.setHeader('Content-Type', 'text/plain; charset=utf-8')
      response.end(error.status === 404 ? 'there is no such file\n' : 'the file cannot be sent\n')
    })
    .pipe(response)
}

/** The path of a request's URL, without its query. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split(/[?#]/)[0] ?? '/'
}
