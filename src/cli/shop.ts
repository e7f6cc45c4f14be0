/** `sluice shop`: sells letters, one for each captured payment, over a ledger of its own. Runs until it is stopped. */
import type { LedgerStore } from '../store/index.js'
import { EXIT } from './errors.js'
import { openLog, type LogLevel } from './log.js'
import { formatMoney, parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { type SettleHostOptions } from './settle-host.js'
import { openShopHost } from './shop-host.js'
import { watchStop } from './stop-signal.js'
import type { XrpLedgerOptions } from './xrp-ledger.js'

export interface ShopOptions extends SettleHostOptions, XrpLedgerOptions {
  readonly host: string
  readonly port: number
  readonly btpPort: number
  readonly price: string
  /** Units. */
  readonly window?: number
  readonly credit: string
  readonly asset: string
  readonly scale: number
  readonly prefix: string
  readonly token?: string
  readonly dir: string
  readonly memory?: boolean
  readonly logLevel: LogLevel
}

const WINDOW_UNITS = 100

/** Resolves with the exit code once the shop was stopped. */
export async function shop(options: ShopOptions): Promise<number> {
  const asset: Asset = { code: options.asset, scale: options.scale }
  const price = toBaseUnits(parseMoney(options.price), asset)
  const credit = toBaseUnits(parseMoney(options.credit), asset)
  const log = await openLog(options.logLevel)
  const stop = watchStop()
  let failure: Error | undefined
  const running = await openShopHost({
    ...options,
    store: await openStore(options),
    adminDirectory: options.memory === true ? undefined : options.dir,
    price,
    credit,
    window: BigInt(options.window ?? WINDOW_UNITS) * price,
    asset,
    token: options.token,
    settle: options,
    log,
    onStreamEnd: ({ clientId, why, totals }) => {
      const { captures, amount, endOffset } = totals
      log.info('a stream has ended', { clientId, why, captures, amount: String(amount), bytes: endOffset })
    },
    onFailure: (error) => {
      failure = error
      stop.stop()
    },
  })
  const say = (line: string): boolean => process.stdout.write(`${line}\n`)
  say(`selling letters at ${running.url} for ${formatMoney(price, asset)} each`)
  say(`ledger at ${running.ledgerUri}, credit of a new account ${formatMoney(credit, asset)}`)
  if (running.settlesFrom !== undefined) say(`settles over the XRP Ledger, from ${running.settlesFrom}`)
  say(options.memory === true ? 'books in memory: nothing survives a restart' : `books in ${options.dir}`)
  say(`buy with: sluice get ${running.url} --letters 100 --max-spend ${100n * price}`)
  await new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true })
    if (stop.signal.aborted) resolve()
  })
  stop.release()
  if (failure !== undefined) throw failure
  const accounts = running.accounts()
  await running.close()
  const owed = accounts.reduce((total, account) => total + account.fulfilledOut, 0n)
  say(`stopped: ${accounts.length} accounts, ${formatMoney(owed, asset)} captured in all`)
  return EXIT.ok
}

async function openStore({ memory, dir }: ShopOptions): Promise<LedgerStore> {
  if (memory === true) {
    const { MemoryStore } = await import('../store/index.js')
    return new MemoryStore()
  }
  const { LevelStore } = await import('../store/level.js')
  return new LevelStore(dir)
}
