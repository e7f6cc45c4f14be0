/**
 * The wallet on disk: accounts at sellers' ledgers with their secrets, and budgets, in one directory that any number of
 * processes may use at once. The Node rim of the paying fetch: `sluice/fetch/wallet`.
 *
 *     accounts.json   accounts and secrets           wallet-accounts.ts
 *     budget/         what was set aside, by day     wallet-book.ts
 *     records/…       holds in flight, by process    wallet-record.ts
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseBtpUri } from '../btp/index.js'
import { toBase64url, toHex, utf8 } from '../bytes/index.js'
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes, sha256 } from '../crypto/index.js'
import type { Holder, Link, LinkInfo } from '../link/index.js'
import { holderAt } from '../link/ws.js'
import { type Log, silentLog } from '../log/index.js'
import { checkLedger, ledgerByTerms, type Offer } from './offer.js'
import type { Allowance } from './purse.js'
import { keyOf } from './receipt.js'
import { dayOf, Slices, type SliceSource } from './slices.js'
import { type KeptAccount, WalletAccounts } from './wallet-accounts.js'
import { WalletBook } from './wallet-book.js'
import {
  amountOf,
  budgetIn,
  checkBudgets,
  grantSlice,
  type Taken,
  type WalletBudgets,
  withTaken,
} from './wallet-budget.js'
import { WalletError } from './wallet-errors.js'
import { RecordSlot } from './wallet-record.js'
import type { Wallet, WalletAccount } from './wallet-types.js'

export { WALLET_LOCK_TIMEOUT_MS } from './wallet-book.js'
export type { WalletBudgets } from './wallet-budget.js'
export { WALLET_PROCESSES_MAX } from './wallet-record.js'

export interface WalletOptions {
  /** By asset code. Nothing is paid in an asset that is not listed. */
  readonly budget: WalletBudgets
  /** Asked before an account is opened at a ledger for the first time; `false`: do not. Default: yes. */
  readonly confirm?: (offer: Offer, ledger: string) => boolean | Promise<boolean>
  /** Ledgers (`btp+ws://…`, without user and token) that may be used for a seller's origin although they are elsewhere. */
  readonly ledgers?: Readonly<Record<string, string>>
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
}

/**
 * Opens the wallet in `directory`, which is made when it is not there; `~/` is the user's home.
 * @throws {WalletError} `WALLET_BUDGET`, `WALLET_FILE`, `WALLET_MODE`
 */
export async function openWallet(directory: string, options: WalletOptions): Promise<Wallet> {
  checkBudgets(options.budget)
  const path = directory.startsWith('~/') ? join(homedir(), directory.slice(2)) : directory
  const accounts = new WalletAccounts(path)
  await accounts.prepare()
  return new DirectoryWallet(path, accounts, options)
}

/** An account that is in use here, and its link. */
interface OpenAccount {
  readonly account: KeptAccount
  readonly holder: Holder
}

const TOKEN_BYTES = 32
const ID_BYTES = 16
/** Amounts in a record are unsigned 64-bit numbers. */
const BLOCK_AMOUNT_LIMIT = (1n << 63n) - 1n

class DirectoryWallet implements Wallet {
  readonly #directory: string
  readonly #accounts: WalletAccounts
  readonly #options: WalletOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #book: WalletBook
  readonly #slices: Slices
  /** By ledger, or ledger and asset. */
  readonly #open = new Map<string, Promise<OpenAccount>>()
  readonly #holders = new Map<string, Holder>()
  #closing: Promise<void> | undefined

  constructor(directory: string, accounts: WalletAccounts, options: WalletOptions) {
    this.#directory = directory
    this.#accounts = accounts
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLog
    this.#book = new WalletBook(join(directory, 'budget'), this.#clock)
    const source: SliceSource = {
      reserve: (of, least, most) =>
        this.#book.change((book) => {
          const amount = grantSlice(book.taken, of, budgetIn(options.budget, of.asset), least, most)
          if (amount > 0n) book.taken = withTaken(book.taken, of, amount)
          return amount
        }),
      release: (of, amount) =>
        this.#book.change((book) => {
          book.taken = withTaken(book.taken, of, -amount)
        }),
    }
    this.#slices = new Slices(source, this.#clock, this.#log)
  }

  async accounts(): Promise<readonly WalletAccount[]> {
    return (await this.#accounts.read()).map(({ token: _secret, ...shown }) => shown)
  }

  allowanceFor(offer: Offer, info: LinkInfo): Allowance {
    this.#checkOpen()
    const asset = info.assetCode
    const scale = info.assetScale
    const { perCall } = budgetIn(this.#options.budget, asset)
    const most = perCall === undefined ? undefined : amountOf(perCall, asset, scale)
    return this.#slices.allowance({ asset, scale, origin: new URL(offer.url).origin }, most)
  }

  async linkFor(offer: Offer): Promise<Link> {
    this.#checkOpen()
    const ledger = this.#ledgerFor(offer)
    const asset = offer.terms?.asset
    if (asset !== undefined) budgetIn(this.#options.budget, asset)
    const key = asset === undefined ? ledger : `${ledger} ${asset}`
    const { account, holder } = await this.#once(key, () => this.#connect(offer, ledger))
    await this.#checkKey(key, account, offer)
    return holder
  }

  async linkTo(account: WalletAccount): Promise<Link> {
    this.#checkOpen()
    const kept = (await this.#accounts.read()).find(
      ({ ledger, asset, user }) => ledger === account.ledger && asset === account.asset && user === account.user,
    )
    if (kept === undefined) throw new WalletError('WALLET_ACCOUNT', 'this account is not in the wallet')
    const { holder } = await this.#once(`${kept.ledger} ${kept.asset}`, async () => this.#opened(kept))
    return holder
  }

  async add(uri: string): Promise<WalletAccount> {
    this.#checkOpen()
    const { url, username, token } = parseBtpUri(uri)
    const holder = holderAt(uri, { clock: this.#clock, log: this.#log })
    try {
      await holder.open()
      const account = this.#newAccount(`btp+${url}`, username, token, holder.info)
      const { token: _secret, ...shown } = await this.#book.change(async () => {
        const all = await this.#accounts.read()
        const first = all.find((one) => isSame(one, account))
        if (first?.token === token && first.user === username) return first
        // Its secret may stand for money.
        if (first !== undefined) throw new WalletError('WALLET_ACCOUNT', `there is another account at ${first.ledger}`)
        await this.#accounts.write([...all, account])
        return account
      })
      return shown
    } finally {
      await holder.close()
    }
  }

  async takenToday(): Promise<readonly Taken[]> {
    this.#checkOpen()
    const today = dayOf(this.#clock.now())
    const taken = await this.#book.change((book) => book.taken)
    return taken.filter(({ day }) => day === today)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#open.values())
    await Promise.all(Array.from(this.#holders.values(), (holder) => holder.close()))
    await this.#slices.close()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new WalletError('WALLET_CLOSED', 'the wallet was closed: open it again')
  }

  /** The ledger to pay on: the user's word, else the seller's when it may be believed. */
  #ledgerFor(offer: Offer): string {
    const { origin } = new URL(offer.url)
    const { ledgers = {} } = this.#options
    const allowed = Object.hasOwn(ledgers, origin) ? ledgers[origin] : undefined
    if (allowed !== undefined) return `btp+${parseBtpUri(allowed).url}`
    return `btp+${parseBtpUri(ledgerByTerms(offer)).url}`
  }

  /** One attempt for all who ask at once; the next one asks anew after a failure. */
  #once(key: string, connect: () => Promise<OpenAccount>): Promise<OpenAccount> {
    const known = this.#open.get(key)
    if (known !== undefined) return known
    const opening = connect()
    this.#open.set(key, opening)
    opening.catch(() => this.#open.delete(key))
    return opening
  }

  async #connect(offer: Offer, ledger: string): Promise<OpenAccount> {
    const asset = offer.terms?.asset
    const kept = (await this.#accounts.read()).find(
      (one) => one.ledger === ledger && (asset === undefined || one.asset === asset),
    )
    if (kept !== undefined) return this.#opened(kept)
    const policy = offer.terms === undefined ? 'open' : offer.terms.accounts
    if (policy !== 'open') {
      const message = `there is no account at ${ledger}, and the seller opens none by itself: ask it for one, and add it`
      throw new WalletError('WALLET_ACCOUNT', message)
    }
    if ((await this.#options.confirm?.(offer, ledger)) === false) {
      throw new WalletError('WALLET_DECLINED', `nothing is paid at ${ledger}: that was not wanted`)
    }
    return this.#opened(await this.#openAccount(offer, ledger))
  }

  /**
   * Opens an account with a secret of its own. It is written down before anything is paid from it; two processes that
   * open one at the same time keep the first.
   */
  async #openAccount(offer: Offer, ledger: string): Promise<KeptAccount> {
    const random = this.#options.randomBytes ?? randomBytes
    const token = toBase64url(random(TOKEN_BYTES))
    const probe = holderAt(withSecret(ledger, '', token), { clock: this.#clock, log: this.#log })
    try {
      await probe.open()
      checkLedger(offer, probe.info)
      const account = this.#newAccount(ledger, '', token, probe.info, keyTextOf(offer))
      return await this.#book.change(async () => {
        const all = await this.#accounts.read()
        const first = all.find((one) => isSame(one, account))
        if (first === undefined) await this.#accounts.write([...all, account])
        return first ?? account
      })
    } finally {
      await probe.close()
    }
  }

  #newAccount(ledger: string, user: string, token: string, info: LinkInfo, key?: string): KeptAccount {
    const since = new Date(this.#clock.now()).toISOString()
    return { ledger, asset: info.assetCode, scale: info.assetScale, user, key, since, token }
  }

  /** The account's link, which stays open until the wallet is closed. */
  async #opened(account: KeptAccount): Promise<OpenAccount> {
    const id = idOf(account)
    const known = this.#holders.get(id)
    if (known !== undefined) return { account, holder: known }
    const { perDay } = budgetIn(this.#options.budget, account.asset)
    const most = amountOf(perDay, account.asset, account.scale)
    const blockAmountMax = most < 1n ? 1n : most
    const holder = holderAt(withSecret(account.ledger, account.user, account.token), {
      record: {
        store: new RecordSlot(join(this.#directory, 'records', id)),
        blockAmountMax: blockAmountMax < BLOCK_AMOUNT_LIMIT ? blockAmountMax : BLOCK_AMOUNT_LIMIT,
      },
      clock: this.#clock,
      log: this.#log,
    })
    this.#holders.set(id, holder)
    try {
      await holder.open()
    } catch (error) {
      this.#holders.delete(id)
      await holder.close()
      throw error
    }
    return { account, holder }
  }

  /** The key by which a seller signs receipts is believed at first, and must stay what it was. */
  async #checkKey(at: string, account: KeptAccount, offer: Offer): Promise<void> {
    const key = keyTextOf(offer)
    if (key === undefined || key === account.key) return
    if (account.key !== undefined) throw keyChanged(account)
    await this.#book.change(async () => {
      const all = await this.#accounts.read()
      const pinned = all.find((one) => isSame(one, account))?.key
      if (pinned !== undefined && pinned !== key) throw keyChanged(account)
      if (pinned === undefined)
        await this.#accounts.write(all.map((one) => (isSame(one, account) ? { ...one, key } : one)))
    })
    const opened = await this.#open.get(at)
    if (opened !== undefined) this.#open.set(at, Promise.resolve({ ...opened, account: { ...opened.account, key } }))
  }
}

function keyTextOf(offer: Offer): string | undefined {
  const key = keyOf(offer)
  return key === undefined ? undefined : toBase64url(key)
}

function keyChanged({ ledger }: WalletAccount): WalletError {
  const message = `the receipt key of ${ledger} is not the one it had at first: nothing was paid; ask the seller why`
  return new WalletError('WALLET_KEY', message)
}

/** A wallet has one account for each ledger and asset. */
function isSame(one: WalletAccount, other: WalletAccount): boolean {
  return one.ledger === other.ledger && one.asset === other.asset
}

/** Names the account's directory; says nothing about its secret. */
function idOf({ ledger, user, token }: KeptAccount): string {
  return toHex(sha256(utf8(JSON.stringify([ledger, user, token]))).subarray(0, ID_BYTES))
}

function withSecret(ledger: string, user: string, token: string): string {
  return ledger.replace('://', () => `://${encodeURIComponent(user)}:${encodeURIComponent(token)}@`)
}
