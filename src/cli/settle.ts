/** `sluice settle`: moves money between an account at a seller's ledger and an account of the XRP Ledger. */
import { join } from 'node:path'
import { parseBtpUri } from '../btp/index.js'
import { readOffer } from '../fetch/index.js'
import { openWallet } from '../fetch/wallet.js'
import type { Link } from '../link/index.js'
import { holderAt } from '../link/ws.js'
import type { Log } from '../log/index.js'
import { formatMoney, parseMoney, toBaseUnits } from '../money/index.js'
import { LevelStore } from '../store/level.js'
import type { Settled } from '../xrp/index.js'
import { CliError, EXIT } from './errors.js'
import { openLog, type LogLevel } from './log.js'
import { walletDirectory } from './payer.js'
import { loadXrp, readSecret } from './xrp-account.js'

export interface SettleOptions {
  readonly xrpSecretFile: string
  readonly xrpServer: string
  readonly deposit?: string
  readonly withdraw?: string
  readonly to?: string
  readonly toTag?: number
  readonly rate?: string
  readonly json?: boolean
  readonly logLevel: LogLevel
}

interface OpenAccount {
  readonly link: Link
  close(): Promise<void>
}

/** Nothing is spent from the wallet's budgets here. */
const NOTHING = { perOrigin: 0n, perDay: 0n }
const XRP = { code: 'XRP', scale: 6 }

export async function settle(address: string, options: SettleOptions): Promise<number> {
  const { deposit, withdraw, to, rate } = options
  if (deposit !== undefined && withdraw !== undefined) {
    throw new CliError('CLI_USAGE', 'either --deposit or --withdraw: without both, the balance is moved to zero')
  }
  if (withdraw === undefined && (to !== undefined || options.toTag !== undefined)) {
    throw new CliError('CLI_USAGE', '--to and --to-tag are for --withdraw')
  }
  const secret = await readSecret(options.xrpSecretFile)
  const { addressOfSecret, XrpSettler } = await loadXrp()
  const log = await openLog(options.logLevel)
  // One store for each account of the XRP Ledger: what a killed run left on its way goes on.
  const store = new LevelStore(join(walletDirectory(), 'xrp', addressOfSecret(secret)))
  const account = await openAccount(address, log)
  const { link } = account
  const settler = new XrpSettler({
    link,
    secret,
    server: options.xrpServer,
    store,
    log,
    ...(rate !== undefined && { rate }),
  })
  try {
    await settler.open()
    const asset = { code: link.info.assetCode, scale: link.info.assetScale }
    const units = (text: string): bigint => toBaseUnits(parseMoney(text), asset)
    let settled: Settled
    if (deposit !== undefined) settled = await settler.deposit(units(deposit))
    else if (withdraw === undefined) settled = await settler.settle()
    else settled = await settler.withdraw(withdraw === 'all' ? 'all' : units(withdraw), to, options.toTag)
    say(options.json === true ? jsonOf(settled) : textOf(settled, asset))
    return EXIT.ok
  } finally {
    await settler.close()
    await account.close()
  }
}

/** The account of a ledger's URI with its secret, of a ledger in the wallet, or at the seller of a URL. */
async function openAccount(address: string, log: Log): Promise<OpenAccount> {
  if (!/^https?:/.test(address)) {
    const { url, token } = parseBtpUri(address)
    if (token === '') return walletAccount(`btp+${url}`, log)
    const holder = holderAt(address, { log })
    await holder.open()
    return { link: holder, close: () => holder.close() }
  }
  if (!URL.canParse(address)) throw new CliError('CLI_URL', `${address} is no URL`)
  const response = await fetch(address)
  const offer = readOffer(response, address, { bare: 'psk', unit: 'letter' })
  await response.body?.cancel()
  if (offer === undefined)
    throw new CliError('CLI_LEDGER', 'the seller asks for nothing there: name a URL that is sold')
  const wallet = await openWallet(walletDirectory(), { budget: { [offer.terms?.asset ?? '']: NOTHING }, log })
  try {
    return { link: await wallet.linkFor(offer), close: () => wallet.close() }
  } catch (error) {
    await wallet.close()
    throw error
  }
}

async function walletAccount(ledger: string, log: Log): Promise<OpenAccount> {
  const looking = await openWallet(walletDirectory(), { budget: {}, log })
  const account = (await looking.accounts()).find((one) => one.ledger === ledger)
  await looking.close()
  if (account === undefined) {
    throw new CliError(
      'CLI_LEDGER',
      `the wallet has no account at ${ledger}: name the seller's URL, or the account's secret`,
    )
  }
  const wallet = await openWallet(walletDirectory(), { budget: { [account.asset]: NOTHING }, log })
  try {
    return { link: await wallet.linkTo(account), close: () => wallet.close() }
  } catch (error) {
    await wallet.close()
    throw error
  }
}

function textOf({ direction, units, drops, hash, balance }: Settled, asset: typeof XRP): string {
  const now = `the balance is ${formatMoney(balance, asset)}`
  if (direction === 'none') return `nothing to settle: ${now}`
  const moved = `${formatMoney(drops, XRP)} for ${formatMoney(units, asset)}`
  return `${direction === 'deposit' ? 'deposited' : 'withdrew'} ${moved}, ${now}\ntransaction ${hash ?? ''}`
}

function jsonOf(settled: Settled): string {
  const { units, drops, balance } = settled
  return JSON.stringify(
    { ...settled, units: String(units), drops: String(drops), balance: String(balance) },
    undefined,
    2,
  )
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
