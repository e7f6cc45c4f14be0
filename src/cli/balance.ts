/** `sluice balance`: what the wallet's accounts hold, as their ledgers say; with `--dir`, what a ledger owes to whom. */
import { openWallet } from '../fetch/wallet.js'
import type { Wallet, WalletAccount } from '../fetch/index.js'
import { formatMoney } from '../money/index.js'
import { describeError, EXIT } from './errors.js'
import { askLedger } from './ledger-door.js'
import { walletDirectory } from './payer.js'
import { columns } from './table.js'

export interface BalanceOptions {
  readonly dir?: string
  readonly json?: boolean
}

/** An account of the wallet, as it is shown. */
interface WalletRow extends Omit<WalletAccount, 'key'> {
  /** Base units; `undefined` when the ledger does not answer. */
  readonly balance: string | undefined
  readonly error: string | undefined
}

/** How long a ledger may take to tell a balance. */
const ANSWER_TIMEOUT_MS = 5_000
/** As many as an answer about a ledger can have. */
const ROWS_MOST = 10_000

export async function balance({ dir, json }: BalanceOptions): Promise<number> {
  if (dir !== undefined) return ledgerBalance(dir, json === true)
  const rows = await walletRows(walletDirectory())
  if (json === true) sayJson(rows)
  else say(rows.length === 0 ? ['no accounts yet: buy something with sluice get'] : walletTable(rows))
  return rows.every((row) => row.error === undefined) ? EXIT.ok : EXIT.ledger
}

/** Accounts below each other. */
function walletTable(rows: readonly WalletRow[]): string[] {
  const head = ['ledger', 'balance', 'since']
  const lines = rows.map(({ ledger, asset, scale, balance: amount, error, since }) => [
    ledger,
    amount === undefined ? `unknown (${error ?? 'no answer'})` : formatMoney(BigInt(amount), { code: asset, scale }),
    since.slice(0, 'yyyy-mm-dd'.length),
  ])
  return columns([head, ...lines], new Set(['balance']))
}

async function walletRows(directory: string): Promise<WalletRow[]> {
  const looking = await openWallet(directory, { budget: {} })
  const accounts = await looking.accounts()
  await looking.close()
  const nothing = { perOrigin: 0n, perDay: 0n }
  const budget = Object.fromEntries(accounts.map(({ asset }) => [asset, nothing]))
  const wallet = await openWallet(directory, { budget })
  try {
    return await Promise.all(accounts.map((account) => rowOf(wallet, account)))
  } finally {
    await wallet.close()
  }
}

async function rowOf(wallet: Wallet, account: WalletAccount): Promise<WalletRow> {
  const { key: _key, ...shown } = account
  try {
    const amount = await answered(wallet.linkTo(account).then((link) => link.balance()))
    return { ...shown, balance: String(amount), error: undefined }
  } catch (error) {
    return { ...shown, balance: undefined, error: describeError(error) }
  }
}

async function answered<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the ledger does not answer')), ANSWER_TIMEOUT_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

async function ledgerBalance(dir: string, json: boolean): Promise<number> {
  const { accounts, asset, left } = await askLedger(dir, { do: 'list', most: ROWS_MOST })
  const total = accounts.reduce((sum, row) => sum + BigInt(row.balance), 0n)
  if (json) {
    sayJson({ accounts: accounts.length + left, owed: String(total), asset: asset?.code, scale: asset?.scale })
    return EXIT.ok
  }
  const money = (amount: bigint): string => (asset === undefined ? String(amount) : formatMoney(amount, asset))
  const rows = accounts.map((row) => [row.account, money(BigInt(row.balance))])
  const more = left > 0 ? [`and ${left} more accounts, which are not in the sum`] : []
  say([...columns([['account', 'balance'], ...rows, ['in all', money(total)]], new Set(['balance'])), ...more])
  return EXIT.ok
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}

function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}
