/**
 * What holder and host say to each other about settling over the XRP Ledger: one BTP custom message,
 * `sluice.settlement`, with a JSON object each way. Amounts are decimal text. docs/reference/settlement.md.
 */
import { findEntry, jsonEntry, type SubProtocol } from '../btp/index.js'
import { EMPTY, fromHex, fromUtf8, toHex } from '../bytes/index.js'
import { isIndex, isJson, type Json, readDrops } from './ledger-messages.js'
import type { XrpRate } from './settlement-rate.js'
import type { Payout } from './settlement-payouts.js'

export const SETTLEMENT = 'sluice.settlement'

/** How an account settles with its host. */
export interface SettlementTerms {
  /** Whom to pay in the XRP Ledger, and the tag that says for which account. */
  readonly address: string
  readonly tag: number
  /** 0 the main net, 1 the test net, and so on; not known of old servers. */
  readonly network: number | undefined
  readonly rate: XrpRate
  /** Withdrawals of less are refused. */
  readonly payoutDropsMin: bigint
}

export type Question =
  | { readonly ask: 'terms' }
  | { readonly ask: 'deposit'; readonly hash: string }
  | { readonly ask: 'withdrawal'; readonly id: Uint8Array }
  | {
      readonly ask: 'withdraw'
      readonly id: Uint8Array
      readonly units: bigint | 'all'
      readonly to: string
      readonly tag: number | undefined
    }

export type DepositState = 'credited' | 'unclaimed' | 'unknown'

export function encodeQuestion(question: Question): SubProtocol[] {
  switch (question.ask) {
    case 'terms':
    case 'deposit':
      return [jsonEntry(SETTLEMENT, question)]
    case 'withdrawal':
      return [jsonEntry(SETTLEMENT, { ask: question.ask, id: toHex(question.id) })]
    case 'withdraw': {
      const { ask, id, units, to, tag } = question
      return [jsonEntry(SETTLEMENT, { ask, id: toHex(id), units: String(units), to, tag })]
    }
  }
}

/** `undefined` for anything else. */
export function decodeQuestion(entries: readonly SubProtocol[]): Question | undefined {
  const { ask, id: idText, hash, units: unitsText, to, tag } = jsonOf(entries) ?? {}
  switch (ask) {
    case 'terms':
      return { ask }
    case 'deposit':
      return typeof hash === 'string' && /^[0-9A-F]{64}$/.test(hash) ? { ask, hash } : undefined
    case 'withdrawal': {
      const id = readId(idText)
      return id === undefined ? undefined : { ask, id }
    }
    case 'withdraw': {
      const id = readId(idText)
      const units = unitsText === 'all' ? unitsText : readUnits(unitsText)
      if (id === undefined || units === undefined || typeof to !== 'string') return undefined
      if (tag !== undefined && !isTag(tag)) return undefined
      return { ask, id, units, to, tag }
    }
  }
  return undefined
}

export function encodeTerms({ address, tag, network, rate, payoutDropsMin }: SettlementTerms): SubProtocol[] {
  const { units, drops } = rate
  const told = { address, tag, network, units: String(units), drops: String(drops), least: String(payoutDropsMin) }
  return [jsonEntry(SETTLEMENT, { method: 'xrp', ...told })]
}

export function decodeTerms(entries: readonly SubProtocol[]): SettlementTerms | undefined {
  const { method, address, tag, network, units, drops, least } = jsonOf(entries) ?? {}
  const rate = { units: readUnits(units) ?? 0n, drops: readUnits(drops) ?? 0n }
  const payoutDropsMin = readDrops(least)
  if (method !== 'xrp' || typeof address !== 'string' || !isTag(tag) || payoutDropsMin === undefined) return undefined
  if (rate.units === 0n || rate.drops === 0n) return undefined
  return { address, tag, network: isIndex(network) ? network : undefined, rate, payoutDropsMin }
}

export function encodeDepositState(state: DepositState): SubProtocol[] {
  return [jsonEntry(SETTLEMENT, { state })]
}

export function decodeDepositState(entries: readonly SubProtocol[]): DepositState | undefined {
  const state = jsonOf(entries)?.['state']
  return state === 'credited' || state === 'unclaimed' || state === 'unknown' ? state : undefined
}

/** What the holder is told of its withdrawal; `undefined`: the host does not know it. */
export type PayoutTold = Pick<Payout, 'state' | 'units' | 'drops' | 'hash' | 'why'>

export function encodePayout(payout: Payout | undefined): SubProtocol[] {
  if (payout === undefined) return [jsonEntry(SETTLEMENT, { state: 'unknown' })]
  const { state, units, drops, hash, why } = payout
  return [jsonEntry(SETTLEMENT, { state, units: String(units), drops: String(drops), hash, why })]
}

export function decodePayout(entries: readonly SubProtocol[]): PayoutTold | 'unknown' | undefined {
  const { state, units: unitsText, drops: dropsText, hash, why } = jsonOf(entries) ?? {}
  if (state === 'unknown') return state
  const units = readUnits(unitsText)
  const drops = readDrops(dropsText)
  if (state !== 'paying' && state !== 'paid' && state !== 'returning' && state !== 'returned') return undefined
  if (units === undefined || drops === undefined) return undefined
  return { state, units, drops, hash: textOf(hash), why: textOf(why) }
}

function jsonOf(entries: readonly SubProtocol[]): Json | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(findEntry(entries, SETTLEMENT)?.data ?? EMPTY))
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

function readId(value: unknown): Uint8Array | undefined {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value) ? fromHex(value) : undefined
}

/** Not negative; rates may have more digits than amounts. */
function readUnits(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^[0-9]{1,60}$/.test(value) ? BigInt(value) : undefined
}

function isTag(value: unknown): value is number {
  return isIndex(value) && value <= 0xffff_ffff
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, 500) : undefined
}
