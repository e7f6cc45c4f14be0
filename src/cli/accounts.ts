/** `sluice accounts` and `sluice transfers`: what an operator sees of a ledger and does to it. */
import { formatTransferId, parseTransferId } from '../btp/index.js'
import { toBase64url } from '../bytes/index.js'
import { randomBytes } from '../crypto/index.js'
import type { AdminAccount, AdminRequest, AdminTransfer, LedgerAsset } from '../link/admin-socket.js'
import { hashToken } from '../session/index.js'
import { formatMoney, parseMoney, toBaseUnits } from '../money/index.js'
import { CliError, EXIT } from './errors.js'
import { askLedger, type Answered } from './ledger-door.js'
import { columns, facts } from './table.js'

interface LedgerOptions {
  readonly dir: string
  readonly json?: boolean
}

export interface ListOptions extends LedgerOptions {
  readonly limit: number
}

export interface OpenOptions extends LedgerOptions {
  readonly credit: string
  readonly balanceMax?: string
  readonly secret?: string
}

export interface FundOptions extends LedgerOptions {
  readonly withdraw?: boolean
  readonly id?: string
}

export interface LimitOptions extends LedgerOptions {
  readonly credit?: string
  readonly balanceMax?: string
}

export interface FreezeOptions extends LedgerOptions {
  readonly undo?: boolean
}

export interface TransfersOptions extends ListOptions {
  readonly account?: string
}

/** What the host may owe an account at most, unless the operator says otherwise: as much as shops allow. */
const BALANCE_MAX = 1n << 62n
const TOKEN_BYTES = 32
/** How long a deposit may be repeated under its id; later it is refused, never made twice. */
const FUND_REPEAT_MS = 30 * 60_000

export async function listAccounts({ dir, json, limit }: ListOptions): Promise<number> {
  const answer = await askLedger(dir, { do: 'list', most: limit })
  if (json === true) return sayJson(answer.accounts)
  say(accountsTable(answer))
  return EXIT.ok
}

export async function showAccount(account: string, options: LedgerOptions): Promise<number> {
  return report(await askLedger(options.dir, { do: 'show', account }), options)
}

/** Prints the secret that its holder has to show: it is kept as a hash only, and never told again. */
export async function openAccount(account: string, options: OpenOptions): Promise<number> {
  const { dir, credit, balanceMax, secret = toBase64url(randomBytes(TOKEN_BYTES)) } = options
  const asset = await assetOf(dir)
  const answer = await askLedger(dir, {
    do: 'open',
    account,
    creditLimit: amountIn(asset, credit),
    balanceMax: balanceMax === undefined ? String(BALANCE_MAX) : amountIn(asset, balanceMax),
    tokenHash: hashToken(secret),
  })
  if (options.secret !== undefined) return report(answer, options)
  const uri = `btp+ws://${account}:${secret}@HOST:PORT/`
  return report(answer, options, { secret }, `holder's ledger address, told only now: ${uri}`)
}

export async function fundAccount(account: string, amount: string, options: FundOptions): Promise<number> {
  const { dir, withdraw, id = newDepositId() } = options
  const { asset } = await askLedger(dir, { do: 'show', account })
  const units = amountIn(asset, amount)
  // Before it is done: whoever does not see how this ends can repeat it safely.
  if (options.id === undefined) process.stderr.write(`id ${id}: to repeat this, add --id ${id}\n`)
  const signed = withdraw === true ? `-${units}` : units
  const answer = await askLedger(dir, { do: 'fund', account, id, amount: signed, expiresAt: repeatableUntil(id) })
  return report(answer, options, { id, repeated: answer.repeated }, answer.repeated ? 'done before: nothing new' : '')
}

export async function limitAccount(account: string, options: LimitOptions): Promise<number> {
  const { dir, credit, balanceMax } = options
  if (credit === undefined && balanceMax === undefined) {
    throw new CliError('CLI_USAGE', 'say what to limit: --credit, --balance-max, or both')
  }
  const { asset } = await askLedger(dir, { do: 'show', account })
  const request: AdminRequest = {
    do: 'limit',
    account,
    ...(credit !== undefined && { creditLimit: amountIn(asset, credit) }),
    ...(balanceMax !== undefined && { balanceMax: amountIn(asset, balanceMax) }),
  }
  return report(await askLedger(dir, request), options)
}

export async function freezeAccount(account: string, options: FreezeOptions): Promise<number> {
  return report(await askLedger(options.dir, { do: 'freeze', account, frozen: options.undo !== true }), options)
}

export async function closeAccount(account: string, { dir, json }: LedgerOptions): Promise<number> {
  await askLedger(dir, { do: 'close', account })
  if (json === true) return sayJson({ account, closed: true })
  say([`closed ${account}`])
  return EXIT.ok
}

export async function listTransfers({ dir, json, account, limit }: TransfersOptions): Promise<number> {
  const answer = await askLedger(dir, { do: 'transfers', most: limit, ...(account !== undefined && { account }) })
  if (json === true) {
    return sayJson(answer.transfers.map((row) => ({ ...row, expiresAt: new Date(row.expiresAt).toISOString() })))
  }
  say(transfersTable(answer))
  return EXIT.ok
}

/** Accounts below each other. */
export function accountsTable({ accounts, asset, left }: Answered): string[] {
  const head = ['account', 'balance', 'held out', 'held in', 'credit', 'captured', 'holds', 'state']
  const rows = accounts.map((row) => [
    row.account,
    money(row.balance, asset),
    money(row.heldOut, asset),
    money(row.heldIn, asset),
    money(row.creditLimit, asset),
    money(row.fulfilledOut, asset),
    String(row.live),
    row.frozen ? 'frozen' : 'open',
  ])
  const table = columns([head, ...rows], new Set(head.slice(1, -1)))
  return left > 0 ? [...table, `and ${left} more: add --limit ${accounts.length + left}`] : table
}

/** Transfers below each other. */
export function transfersTable({ transfers, asset, left }: Answered): string[] {
  const head = ['account', 'id', 'state', 'amount', 'payer', 'expires']
  const rows = transfers.map(({ account, id, state, amount, payer, expiresAt }: AdminTransfer) => [
    account,
    id,
    state,
    amount === undefined ? '–' : money(amount, asset),
    payer ?? '–',
    new Date(expiresAt).toISOString(),
  ])
  const table = columns([head, ...rows], new Set(['amount']))
  return left > 0 ? [...table, `and ${left} more that are live: raise --limit`] : table
}

/** An id for a deposit, whose first 48 bits are the time (UUID version 7, RFC 9562). */
export function newDepositId(now = Date.now()): string {
  const id = randomBytes(16)
  const view = new DataView(id.buffer, id.byteOffset)
  view.setUint16(0, Math.floor(now / 2 ** 32))
  view.setUint32(2, now >>> 0)
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f))
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  return formatTransferId(id)
}

/**
 * When a deposit expires, from its id: the content of a repetition must be the same to the millisecond.
 * @throws {CliError} `CLI_USAGE` for any other id
 */
export function repeatableUntil(id: string): number {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) {
    throw new CliError('CLI_USAGE', `"${id}" is no id of a deposit: a UUID of version 7, as this command prints it`)
  }
  const bytes = parseTransferId(id)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2) + FUND_REPEAT_MS
}

/** One account, with what there is to say besides. */
function report({ accounts, asset }: Answered, { json }: LedgerOptions, extra: object = {}, note = ''): number {
  const [account] = accounts
  if (account === undefined) throw new CliError('CLI_LEDGER_REFUSED', 'the ledger does not show the account')
  if (json === true) return sayJson({ ...account, ...extra })
  say(accountFacts(account, asset))
  if (note !== '') say([note])
  return EXIT.ok
}

function accountFacts(row: AdminAccount, asset: LedgerAsset | undefined): string[] {
  return facts([
    ['account', row.account],
    ['state', row.frozen ? 'frozen' : 'open'],
    ['balance', money(row.balance, asset)],
    ['held out', money(row.heldOut, asset)],
    ['held in', money(row.heldIn, asset)],
    ['credit limit', money(row.creditLimit, asset)],
    ['balance limit', money(row.balanceMax, asset)],
    ['captured', money(row.fulfilledOut, asset)],
    ['paid out', money(row.fulfilledIn, asset)],
    ['deposits', money(row.posted, asset)],
    ['live holds', String(row.live)],
    ['remembered', String(row.remembered)],
  ])
}

/** The asset that the ledger is in; `undefined` where there is no ledger yet. */
async function assetOf(dir: string): Promise<LedgerAsset | undefined> {
  try {
    return (await askLedger(dir, { do: 'list', most: 0 })).asset
  } catch (error) {
    if (error instanceof CliError && error.code === 'CLI_NO_LEDGER') return undefined
    throw error
  }
}

/** Base units as digits. @throws {MoneyError}; {CliError} `CLI_USAGE` where the asset is not known */
function amountIn(asset: LedgerAsset | undefined, text: string): string {
  const written = parseMoney(text)
  if (asset === undefined && (written.asset !== undefined || written.fraction !== undefined)) {
    const message = 'no shop has run on this ledger yet, so its asset is not known: write base units'
    throw new CliError('CLI_USAGE', message)
  }
  return String(toBaseUnits(written, asset ?? { code: '', scale: 0 }))
}

function money(amount: string, asset: LedgerAsset | undefined): string {
  return asset === undefined ? amount : formatMoney(BigInt(amount), asset)
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}

function sayJson(value: unknown): number {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
  return EXIT.ok
}
