/** The books of a purchase as each side keeps them, and what they say when they are laid side by side. */
import type { PaidResponse } from '../fetch/index.js'
import type { AccountView } from '../ledger/index.js'
import { formatMoney, type Asset } from '../money/index.js'

/** The buyer's own count. Amounts are decimal base units, so that it travels between processes. */
export interface BuyerBook {
  readonly account: string
  readonly asset: Asset
  readonly unit: string
  readonly price: string
  readonly units: number
  readonly unitsRead: number
  readonly spent: string
  readonly held: string
  readonly inDoubt: string
  /** As the link tells it; `undefined` when the ledger could not be asked. */
  readonly balance: string | undefined
  readonly end: string | undefined
  /** What the seller signed about it, if it was asked for and is good: `sluice receipt verify` checks it. */
  readonly receipt?: string
}

export function buyerBook(
  { payment }: PaidResponse,
  about: Pick<BuyerBook, 'account' | 'asset' | 'unit' | 'balance' | 'receipt'>,
): BuyerBook {
  return {
    ...about,
    price: String(payment.price),
    units: payment.units,
    unitsRead: payment.unitsRead,
    spent: String(payment.spent),
    held: String(payment.held),
    inDoubt: String(payment.inDoubt),
    end: payment.end,
  }
}

/** Whether a message from another process is a book. */
export function isBuyerBook(message: unknown): message is BuyerBook {
  return typeof message === 'object' && message !== null && 'unitsRead' in message && 'account' in message
}

/** Where host and buyer differ; empty when the books agree. */
export function differences(host: AccountView, buyer: BuyerBook): string[] {
  const found: string[] = []
  const compare = (what: string, theirs: bigint, ours: bigint): void => {
    if (theirs !== ours) found.push(`${what}: host ${theirs}, buyer ${ours}`)
  }
  compare('captured', host.fulfilledOut, BigInt(buyer.spent))
  compare('captured units × price', host.fulfilledOut, BigInt(buyer.units) * BigInt(buyer.price))
  compare('held', host.heldOut, BigInt(buyer.held) + BigInt(buyer.inDoubt))
  if (buyer.balance === undefined) found.push('balance: the buyer could not ask for it')
  else compare('balance', host.balance, BigInt(buyer.balance))
  return found
}

/** Both books as a table, for people. */
export function bookTable(host: AccountView, buyer: BuyerBook): string[] {
  const { asset } = buyer
  const money = (amount: bigint | string | undefined): string =>
    amount === undefined ? 'unknown' : formatMoney(BigInt(amount), asset)
  const rows: [string, string, string][] = [
    ['', 'host', 'buyer'],
    ['balance', money(host.balance), money(buyer.balance)],
    ['captured', money(host.fulfilledOut), money(buyer.spent)],
    ['held', money(host.heldOut), money(BigInt(buyer.held) + BigInt(buyer.inDoubt))],
    [
      `${buyer.unit}s`,
      String(host.fulfilledOut / BigInt(buyer.price)),
      `${buyer.units} bought, ${buyer.unitsRead} read`,
    ],
  ]
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length)) + 2
  const lines = rows.map(([what, left, right]) => `${what.padEnd(width(0))}${left.padEnd(width(1))}${right}`)
  return [`account ${buyer.account}`, ...lines]
}
