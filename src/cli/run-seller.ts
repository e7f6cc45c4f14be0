/** What the commands that sell over HTTP have in common: a seller whose ledger is at `/btp` of its port, until it is stopped. */
import { createServer, type ServerOptions } from 'node:http'
import type { NodeListener } from '../http/index.js'
import { openSeller, type Seller } from '../http/seller.js'
import { formatMoney, parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { hashToken } from '../session/index.js'
import { EXIT } from './errors.js'
import { openLog, type LogLevel } from './log.js'
import { openSettlement, type OpenSettlement, type SettleHostOptions } from './settle-host.js'
import { closeHttp, HTTP_LIMITS, listenHttp, uriHost } from './shop-host.js'
import { watchStop } from './stop-signal.js'

export interface SellerCommandOptions extends SettleHostOptions {
  readonly host: string
  readonly port: number
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

/** What is sold, and what is said of it. */
export interface Wares {
  readonly listener: NodeListener
  readonly saying: (url: string) => string
  readonly server?: ServerOptions
}

/** What an account may owe where only this machine, or who shows the token, has one. */
const LOCAL_CREDIT = '1000000000'

/** Resolves with the exit code once it was stopped. */
export async function runSeller(
  options: SellerCommandOptions,
  waresOf: (seller: Seller, asset: Asset) => Wares,
): Promise<number> {
  const asset: Asset = { code: options.asset, scale: options.scale }
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
  let settlement: OpenSettlement | undefined
  try {
    settlement = await openSettlement(seller.host, options, log)
    const { listener, saying, server: limits } = waresOf(seller, asset)
    const server = createServer({ ...HTTP_LIMITS, ...limits }, listener)
    const detach = seller.attach(server)
    const port = await listenHttp(server, options.port, options.host)
    say(saying(`http://${uriHost(options.host)}:${port}/`))
    say(`credit of a new account ${formatMoney(credit, asset)}`)
    if (settlement !== undefined) say(`settles over the XRP Ledger, from ${settlement.address}`)
    say(options.memory === true ? 'books in memory: nothing survives a restart' : `books in ${options.dir}`)
    await new Promise<void>((resolve) => {
      stop.signal.addEventListener('abort', () => resolve(), { once: true })
      if (stop.signal.aborted) resolve()
    })
    detach()
    await closeHttp(server)
  } finally {
    stop.release()
    await settlement?.close()
    await seller.close()
  }
  if (failure !== undefined) throw failure
  say('stopped')
  return EXIT.ok
}

async function memoryStore() {
  const { MemoryStore } = await import('../store/index.js')
  return new MemoryStore()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
