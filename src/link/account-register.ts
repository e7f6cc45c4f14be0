/**
 * Who may have an account of a hosted ledger: those on a list, those that were opened before, and, if the host says so,
 * whoever comes, within limits. Tokens are kept as their SHA-256, those of opened accounts in the ledger itself.
 */
import { fromBase64, utf8 } from '../bytes/index.js'
import { isPreimage, sha256 } from '../crypto/index.js'
import type { Ledger, Limits } from '../ledger/index.js'
import { type Authenticate, hashToken } from '../session/index.js'
import { LinkError } from './errors.js'
import { failureOf } from './failures.js'
import { isAccountName } from './host.js'

export interface ListedAccount extends Limits {
  /** Base64url of the token's SHA-256, as `hashToken` makes it. */
  readonly tokenHash: string
  /** Whether the holder's word is enough for a settlement. */
  readonly trustsSettlements: boolean
}

/** What an account that a stranger opens may do, and how many of them there may be. */
export interface OpenPolicy extends Limits {
  readonly openAccountsMax: number
}

export interface AccountRegisterOptions {
  readonly ledger: Ledger
  readonly listed: ReadonlyMap<string, ListedAccount>
  /** Absent: closed to strangers. */
  readonly open: OpenPolicy | undefined
}

/** The last time that a ledger knows: a token does not expire. */
export const NEVER = 2 ** 48 - 1

export class AccountRegister {
  readonly #ledger: Ledger
  readonly #listed: ReadonlyMap<string, ListedAccount>
  readonly #open: OpenPolicy | undefined
  /** Accounts that are not on the list. */
  #opened = 0

  constructor({ ledger, listed, open }: AccountRegisterOptions) {
    this.#ledger = ledger
    this.#listed = listed
    this.#open = open
  }

  /** Opens the listed accounts, or gives them their limits. Durable when it resolves. @throws {LinkError} `LINK_ACCOUNT` */
  async enroll(): Promise<void> {
    const ledger = this.#ledger
    for (const [account, { creditLimit, balanceMax }] of this.#listed) {
      const type = ledger.account(account) === undefined ? 'open' : 'limit'
      const decision = ledger.execute({ type, account, creditLimit, balanceMax })
      if (!decision.ok) throw new LinkError('LINK_ACCOUNT', decision.message, failureOf(decision))
    }
    this.#opened = ledger.accounts().length - this.#listed.size
    await this.#committed()
  }

  trustsSettlements(account: string): boolean {
    return this.#listed.get(account)?.trustsSettlements === true
  }

  /** The account of a user name and token; without a user name it is named after the token. */
  readonly authenticate: Authenticate = ({ username, token }) => {
    if (token === '') return undefined
    const account = username === '' ? hashToken(token) : username
    if (!isAccountName(account)) return undefined
    const known = this.#tokenHash(account)
    if (known !== undefined) return isPreimage(utf8(token), known) ? account : undefined
    // It is there for holders of another kind, who authenticate otherwise.
    if (this.#ledger.account(account) !== undefined) return undefined
    return this.#openFor(account, token)
  }

  #tokenHash(account: string): Uint8Array | undefined {
    const listed = this.#listed.get(account)
    return listed === undefined ? this.#ledger.note(tokenNote(account)) : fromBase64(listed.tokenHash)
  }

  async #openFor(account: string, token: string): Promise<string | undefined> {
    const policy = this.#open
    if (policy === undefined || this.#opened >= policy.openAccountsMax) return undefined
    const { creditLimit, balanceMax } = policy
    const value = sha256(utf8(token))
    const noted = this.#ledger.execute({ type: 'note', key: tokenNote(account), value, expiresAt: NEVER })
    if (!noted.ok) return undefined
    const opened = this.#ledger.execute({ type: 'open', account, creditLimit, balanceMax })
    if (!opened.ok) return undefined
    this.#opened += 1
    await this.#committed()
    return account
  }

  #committed(): Promise<void> {
    return new Promise((resolve) => this.#ledger.committed(resolve))
  }
}

/** The note that keeps an account's token, as its SHA-256. */
export function tokenNote(account: string): string {
  return `token.${account}`
}

/**
 * Lets in whoever shows the secret of an account that an operator has opened with one; about all others `policy` decides.
 */
export function withKeptAccounts(ledger: Ledger, policy: Authenticate): Authenticate {
  return (claim) => {
    const { username, token } = claim
    const kept = isAccountName(username) && ledger.account(username) !== undefined && ledger.note(tokenNote(username))
    return kept && isPreimage(utf8(token), kept) ? username : policy(claim)
  }
}
