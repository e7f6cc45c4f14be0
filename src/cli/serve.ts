/** `sluice serve DIR`: sells the files of a directory by the byte, over a ledger at `/btp` of its own port. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import send from 'send'
import { paid } from '../http/adapters/node.js'
import { bytes, nodeListener, readPrice } from '../http/index.js'
import { openSeller } from '../http/seller.js'
import { formatMoney, parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { hashToken } from '../session/index.js'
import { EXIT } from './errors.js'
import { fileIndex } from './file-index.js'
import { openLog, type LogLevel } from './log.js'
import { closeHttp, HTTP_LIMITS, listenHttp, uriHost } from './shop-host.js'
import { watchStop } from './stop-signal.js'

export interface ServeOptions {
  readonly host: string
  readonly port: number
  readonly price: string
  /** Bytes that are sold at once. */
  readonly step: number
  /** Steps. */
  readonly window: number
  readonly credit?: string
  readonly open?: boolean
  readonly token?: string
  readonly asset: string
  readonly scale: number
  readonly prefix: string
  readonly dir: string
  readonly memory?: boolean
  readonly logLevel: LogLevel
}

/** What an account may owe where only this machine, or who shows the token, has one. */
const LOCAL_CREDIT = '1000000000'

/** Resolves with the exit code once it was stopped. */
export async function serve(directory: string, options: ServeOptions): Promise<number> {
  const asset: Asset = { code: options.asset, scale: options.scale }
  const quote = readPrice(options.price, bytes(options.step), asset)
  const step = quote.unit.step ?? 1
  const credit = toBaseUnits(parseMoney(options.credit ?? (options.open === true ? '0' : LOCAL_CREDIT)), asset)
  const log = await openLog(options.logLevel)
  const stop = watchStop()
  let failure: Error | undefined
  const seller = await openSeller({
    ...(options.memory === true ? { store: await memoryStore() } : { dir: options.dir }),
    ...(options.token !== undefined && { accounts: { tokens: [hashToken(options.token)] } }),
    ...(options.token === undefined && options.open === true && { accounts: 'open' as const }),
    prefix: options.prefix,
    asset,
    credit,
    log,
    onFailure: (error) => {
      failure = error
      stop.stop()
    },
  })
  try {
    const terms = { price: quote.price, unit: quote.unit, window: BigInt(options.window) * quote.price, route: 'files' }
    const file = paid(seller, terms, (request, response) => sendFile(directory, request, response))
    const index = nodeListener(fileIndex({ directory, price: quote.price, step, asset }))
    const server = createServer(HTTP_LIMITS, (request, response) => {
      const isIndex = pathOf(request).endsWith('/')
      return isIndex ? index(request, response) : file(request, response)
    })
    const detach = seller.attach(server)
    const port = await listenHttp(server, options.port, options.host)
    const url = `http://${uriHost(options.host)}:${port}/`
    say(`selling the files of ${directory} at ${url}`)
    say(
      `price ${formatMoney(quote.price, asset)} per ${step} bytes, credit of a new account ${formatMoney(credit, asset)}`,
    )
    say(options.memory === true ? 'books in memory: nothing survives a restart' : `books in ${options.dir}`)
    await new Promise<void>((resolve) => {
      stop.signal.addEventListener('abort', () => resolve(), { once: true })
      if (stop.signal.aborted) resolve()
    })
    detach()
    await closeHttp(server)
  } finally {
    stop.release()
    await seller.close()
  }
  if (failure !== undefined) throw failure
  say('stopped')
  return EXIT.ok
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

async function memoryStore() {
  const { MemoryStore } = await import('../store/index.js')
  return new MemoryStore()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
