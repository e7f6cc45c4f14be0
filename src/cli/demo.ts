/**
 * `sluice demo`: a shop with its ledger here, a buyer in a process of its own (`sluice get`), letters as they are bought;
 * at the end both books, and whether they agree.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import colors from 'picocolors'
import { LevelStore } from '../store/level.js'
import { bookTable, differences, isBuyerBook, type BuyerBook } from './book.js'
import { CliError, EXIT } from './errors.js'
import { openLog, type LogLevel } from './log.js'
import { formatMoney, parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { openShopHost, type ShopHost } from './shop-host.js'
import { watchStop, type StopSignal } from './stop-signal.js'

export interface DemoOptions {
  readonly letters: number
  readonly price: string
  /** Units. */
  readonly window: number
  readonly logLevel: LogLevel
}

const ASSET: Asset = { code: 'USD', scale: 9 }

/** Resolves with the exit code: 0 when the books agree. */
export async function demo(options: DemoOptions): Promise<number> {
  const price = toBaseUnits(parseMoney(options.price), ASSET)
  const budget = BigInt(options.letters) * price
  const log = await openLog(options.logLevel)
  const stop = watchStop()
  const directory = await mkdtemp(join(tmpdir(), 'sluice-demo-'))
  let shop: ShopHost | undefined
  try {
    shop = await openShopHost({
      store: new LevelStore(join(directory, 'ledger')),
      adminDirectory: undefined,
      host: '127.0.0.1',
      port: 0,
      btpPort: 0,
      price,
      window: BigInt(options.window) * price,
      asset: ASSET,
      credit: budget,
      prefix: 'example.letter-shop.mytrustline.',
      token: undefined,
      log,
      onFailure: (error) => log.error('the ledger stopped', { error: error.message }),
    })
    say(`shop    ${shop.url}, ${formatMoney(price, ASSET)} a letter, books in ${join(directory, 'ledger')}`)
    say(`ledger  ${shop.ledgerUri}`)
    say(`buyer   another process, with ${formatMoney(budget, ASSET)} to spend and ${options.window} letters at risk\n`)
    const buyer = await runBuyer(shop.url, budget, options, directory, stop)
    return conclude(shop, buyer, stop.signal.aborted)
  } finally {
    stop.release()
    await shop?.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** The buyer's book, once its process has ended; `undefined` when it made none. */
async function runBuyer(
  url: string,
  budget: bigint,
  { letters, window, logLevel }: DemoOptions,
  directory: string,
  stop: StopSignal,
): Promise<BuyerBook | undefined> {
  if (stop.signal.aborted) return undefined
  const main = fileURLToPath(new URL('main.js', import.meta.url))
  const limits = ['--letters', String(letters), '--max-spend', String(budget), '--window', String(window)]
  const child = fork(main, ['get', url, ...limits, '--log-level', logLevel], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Its account is for this run only, as the shop's books are.
    env: { ...process.env, SLUICE_HOME: join(directory, 'buyer') },
  })
  let book: BuyerBook | undefined
  child.on('message', (message: unknown) => {
    if (isBuyerBook(message)) book = message
  })
  const onStop = (): void => askToStop(child)
  stop.signal.addEventListener('abort', onStop, { once: true })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => resolve())
  })
  stop.signal.removeEventListener('abort', onStop)
  return book
}

/** By message, because Ctrl-C in a terminal signals both processes, and a second signal would end it at once. */
function askToStop(child: ChildProcess): void {
  if (child.connected) child.send('stop')
}

function conclude(shop: ShopHost, buyer: BuyerBook | undefined, stopped: boolean): number {
  const account = buyer && shop.account(buyer.account.slice(buyer.account.lastIndexOf('.') + 1))
  if (buyer === undefined || account === undefined) {
    if (stopped) {
      say('\nstopped before the first letter')
      return EXIT.ok
    }
    throw new CliError('CLI_BUYER', 'the buyer ended without its book: run with --log-level debug to see why')
  }
  say('\n')
  for (const line of bookTable(account, buyer)) say(line)
  const found = differences(account, buyer)
  if (found.length === 0) {
    say(`\n${paint(colors.green, 'the books agree')}${stopped ? ' (stopped early)' : ''}`)
    return EXIT.ok
  }
  say(`\n${paint(colors.red, 'THE BOOKS DO NOT AGREE')}`)
  for (const line of found) say(`  ${line}`)
  return EXIT.failure
}

function paint(color: (text: string) => string, text: string): string {
  return process.stdout.isTTY ? color(text) : text
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
