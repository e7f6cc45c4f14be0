/** `sluice serve DIR`: sells the files of a directory by the byte, over a ledger at `/btp` of its own port. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import send from 'send'
import { paid } from '../http/adapters/node.js'
import { bytes, nodeListener, readPrice } from '../http/index.js'
import { formatMoney } from '../money/index.js'
import { fileIndex } from './file-index.js'
import { runSeller, type SellerCommandOptions } from './run-seller.js'
import { servedPath, servedRoot } from './served-path.js'

export interface ServeOptions extends SellerCommandOptions {
  readonly price: string
  /** Bytes that are sold at once. */
  readonly step: number
  /** Steps. */
  readonly window: number
}

/** Resolves with the exit code once it was stopped. */
export async function serve(directory: string, options: ServeOptions): Promise<number> {
  const root = await servedRoot(directory)
  return runSeller(options, (seller, asset) => {
    const { price, unit } = readPrice(options.price, bytes(options.step), asset)
    const step = unit.step ?? 1
    const terms = { price, unit, window: BigInt(options.window) * price, route: 'files' }
    const file = paid(seller, terms, (request, response) => sendFile(root, request, response))
    const index = nodeListener(fileIndex({ root, price, step, asset }))
    return {
      listener: (request, response) => (pathOf(request).endsWith('/') ? index : file)(request, response),
      saying: (url) =>
        `selling the files of ${directory} at ${url}\nprice ${formatMoney(price, asset)} per ${step} bytes`,
    }
  })
}

/** With ranges, whose offsets count from the start of what is sent. What is not sent is free. */
async function sendFile(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refuse = (status: number, text: string): void => {
    response.statusCode = status
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    response.end(text)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'files are got by GET\n')
  const path = pathOf(request)
  if ((await servedPath(root, path)) === undefined) return refuse(404, 'there is no such file\n')
  send(request, path, { root, dotfiles: 'ignore', index: false, etag: false, cacheControl: false })
    .on('error', (error: Error & { readonly status?: number }) => {
      const status = error.status ?? 500
      refuse(status, status === 404 ? 'there is no such file\n' : 'the file cannot be sent\n')
    })
    .pipe(response)
}

/** The path of a request's URL, without its query. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split(/[?#]/)[0] ?? '/'
}
