/**
 * What an operator asks of a hosted ledger (admin-request.ts), done: accounts, limits, deposits, transfers. The answers
 * travel as JSON, too. How a request gets to the process that owns the ledger is admin-socket.ts's affair.
 */
import { formatTransferId, parseTransferId } from '../btp/index.js'
import { fromBase64, fromUtf8, utf8 } from '../bytes/index.js'
import type { AccountView, Command, Decision, Ledger } from '../ledger/index.js'
import { NEVER, tokenNote } from './account-register.js'
import type { AdminRequest } from './admin-request.js'
import { isAccountName } from './host.js'

/** The asset of a ledger's amounts. */
export interface LedgerAsset {
  readonly code: string
  /** Decimal places of a base unit. */
  readonly scale: number
}

/** An account; amounts as in the ledger's `AccountView`. */
export interface AdminAccount {
  readonly account: string
  readonly frozen: boolean
  readonly balance: string
  readonly heldOut: string
  readonly heldIn: string
  readonly creditLimit: string
  readonly balanceMax: string
  readonly fulfilledIn: string
  readonly fulfilledOut: string
  readonly posted: string
  readonly live: number
  readonly remembered: number
}

export interface AdminTransfer {
  readonly account: string
  readonly id: string
  readonly state: 'prepared' | 'fulfilled' | 'rejected' | 'expired' | 'posted'
  /** Who pays, and how much. A ledger does not remember that of what has ended. */
  readonly payer?: 'host' | 'holder'
  readonly amount?: string
  readonly expiresAt: number
}

export type AdminAnswer =
  | {
      readonly ok: true
      /** Absent when no host has run on this ledger yet. */
      readonly asset?: LedgerAsset
      readonly accounts: readonly AdminAccount[]
      readonly transfers: readonly AdminTransfer[]
      /** Accounts or transfers that there are besides: for transfers, live ones only. */
      readonly left: number
      /** True when the ledger had done that before, and nothing happened now. */
      readonly repeated: boolean
    }
  | { readonly ok: false; readonly code: string; readonly message: string }

/** The most rows of an answer, whatever `most` says. */
export const ADMIN_ROWS_MAX = 10_000

const ASSET_KEY = 'asset'

/** Writes down the asset of the ledger's amounts, for whoever opens it without its host. Durable with the next commit. */
export function noteAsset(ledger: Ledger, { code, scale }: LedgerAsset): void {
  const value = `${scale} ${code}`
  const known = ledger.note(ASSET_KEY)
  if (known !== undefined && fromUtf8(known) === value) return
  ledger.execute({ type: 'note', key: ASSET_KEY, value: utf8(value), expiresAt: NEVER })
}

function notedAsset(ledger: Ledger): LedgerAsset | undefined {
  const [, scale, code] = /^(\d+) (.+)$/.exec(fromUtf8(ledger.note(ASSET_KEY) ?? new Uint8Array(0))) ?? []
  return scale === undefined || code === undefined ? undefined : { code, scale: Number(scale) }
}

/**
 * Does what is asked; resolves when it is durable, as is every state that the answer shows.
 * @throws what a ledger throws that is not open, or that fails meanwhile
 */
export async function administer(ledger: Ledger, request: AdminRequest): Promise<AdminAnswer> {
  // Throws where the ledger has failed, which would never commit.
  ledger.now()
  const decision = change(ledger, request)
  await committed(ledger)
  if (decision !== undefined && !decision.ok) return decision
  const asset = notedAsset(ledger)
  const about = { ok: true, ...(asset && { asset }), repeated: decision?.repeated ?? false } as const
  if (request.do === 'list') return { ...about, ...listAccounts(ledger, request.most), transfers: [] }
  if (request.do === 'transfers') return { ...about, accounts: [], ...listTransfers(ledger, request) }
  const account = ledger.account(request.account)
  if (account === undefined && request.do !== 'close') {
    return { ok: false, code: 'ACCOUNT_NOT_FOUND', message: `there is no account ${JSON.stringify(request.account)}` }
  }
  return { ...about, accounts: account === undefined ? [] : [viewOf(account)], transfers: [], left: 0 }
}

function committed(ledger: Ledger): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = ledger.onFailure(reject)
    ledger.committed(() => {
      forget()
      resolve()
    })
  })
}

/** What the ledger says to a request that changes it. */
function change(ledger: Ledger, request: AdminRequest): Decision | undefined {
  switch (request.do) {
    case 'list':
    case 'show':
    case 'transfers':
      return undefined
    case 'open':
      return open(ledger, request)
    case 'limit': {
      const { account, creditLimit, balanceMax } = request
      const now = ledger.account(account)
      return ledger.execute({
        type: 'limit',
        account,
        creditLimit: creditLimit === undefined ? (now?.creditLimit ?? 0n) : BigInt(creditLimit),
        balanceMax: balanceMax === undefined ? (now?.balanceMax ?? 0n) : BigInt(balanceMax),
      })
    }
    case 'freeze':
      return ledger.execute({ type: 'freeze', account: request.account, frozen: request.frozen })
    case 'close': {
      const closed = ledger.execute({ type: 'close', account: request.account })
      if (closed.ok) ledger.execute(tokenOf(request.account, new Uint8Array(0)))
      return closed
    }
    case 'fund': {
      const { account, id, amount, expiresAt } = request
      return ledger.execute({
        type: 'post',
        account,
        id: parseTransferId(id),
        amount: BigInt(amount),
        expiresAt,
      })
    }
  }
}

function open(ledger: Ledger, request: Extract<AdminRequest, { do: 'open' }>): Decision {
  const { account, creditLimit, balanceMax, tokenHash } = request
  if (!isAccountName(account)) {
    const message = "an account's name is at most 128 letters, digits, _, ~ or -, and not 'server'"
    return { ok: false, code: 'INVALID', message }
  }
  const opened = ledger.execute({
    type: 'open',
    account,
    creditLimit: BigInt(creditLimit),
    balanceMax: BigInt(balanceMax),
  })
  if (!opened.ok || tokenHash === undefined) return opened
  const noted = ledger.execute(tokenOf(account, fromBase64(tokenHash)))
  // In the same turn, so in the same commit: nobody sees the account that is not to be.
  if (!noted.ok) ledger.execute({ type: 'close', account })
  return noted.ok ? opened : noted
}

function tokenOf(account: string, value: Uint8Array): Command {
  return { type: 'note', key: tokenNote(account), value, expiresAt: NEVER }
}

function listAccounts(ledger: Ledger, most: number): { accounts: AdminAccount[]; left: number } {
  const all = ledger.accounts().toSorted((a, b) => (a.account < b.account ? -1 : 1))
  const accounts = all.slice(0, Math.min(most, ADMIN_ROWS_MAX)).map(viewOf)
  return { accounts, left: all.length - accounts.length }
}

function listTransfers(
  ledger: Ledger,
  { account, most }: { readonly account?: string; readonly most: number },
): { transfers: AdminTransfer[]; left: number } {
  const rows = Math.min(most, ADMIN_ROWS_MAX)
  const live = ledger.live(account)
  const shown = live.slice(0, rows).map(({ account: name, id, payer, amount, expiresAt }) => {
    const state = 'prepared' as const
    return { account: name, id: formatTransferId(id), state, payer, amount: String(amount), expiresAt }
  })
  const ended = ledger.ended(rows - shown.length, account).map(({ account: name, id, outcome, expiresAt }) => {
    return { account: name, id: formatTransferId(id), state: outcome.state, expiresAt }
  })
  return { transfers: [...shown, ...ended], left: live.length - shown.length }
}

function viewOf(view: AccountView): AdminAccount {
  const { account, frozen, live, remembered } = view
  return {
    account,
    frozen,
    balance: String(view.balance),
    heldOut: String(view.heldOut),
    heldIn: String(view.heldIn),
    creditLimit: String(view.creditLimit),
    balanceMax: String(view.balanceMax),
    fulfilledIn: String(view.fulfilledIn),
    fulfilledOut: String(view.fulfilledOut),
    posted: String(view.posted),
    live,
    remembered,
  }
}
