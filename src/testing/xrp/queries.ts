/**
 * The requests that only ask: about the server, ledgers, accounts, entries and transactions. A subset of what servers
 * answer, in their shapes; what is asked beyond it is refused by name, not ignored.
 */
import { isValidClassicAddress } from 'xrpl'
import { tellHistory, tellTransaction, tellUnvalidated, type ApiVersion, type Fields } from './answers.js'
import { CLOSE_TIME_RESOLUTION, type Chain, type ClosedLedger } from './chain.js'
import {
  accountIn,
  accountKey,
  depositPreauthKey,
  directoryKey,
  escrowKey,
  LSF_DEFAULT_RIPPLE,
  LSF_DEPOSIT_AUTH,
  LSF_DISALLOW_XRP,
  LSF_REQUIRE_AUTH,
  LSF_REQUIRE_DEST_TAG,
  type Entry,
  type LedgerState,
} from './entries.js'
import { isClaimSigned } from './pay-channels.js'
import { RequestError } from './request-error.js'
import { humanTime, isoTime } from './times.js'

export interface Request extends Fields {
  readonly command: string
}

export type Query = (chain: Chain, request: Request, version: ApiVersion) => Fields

/** A state to look into, and how answers name it. */
interface Chosen {
  readonly state: LedgerState
  readonly named: Fields
}

function choose(chain: Chain, request: Request): Chosen {
  const ledger = closedLedger(chain, request)
  if (ledger === undefined) {
    return { state: chain.open.state, named: { ledger_current_index: chain.open.index, validated: false } }
  }
  return { state: ledger.state, named: { ledger_hash: ledger.hash, ledger_index: ledger.index, validated: true } }
}

/** The closed ledger that a request names; undefined for the open one. @throws {RequestError} `lgrNotFound` */
function closedLedger(
  chain: Chain,
  { ledger_index: index = 'current', ledger_hash: hash }: Request,
): ClosedLedger | undefined {
  if (typeof hash === 'string') return chain.ledgerOf(hash) ?? notFound()
  if (index === 'current' || index === chain.open.index) return undefined
  if (index === 'validated' || index === 'closed') return chain.validated
  return chain.ledger(Number(index)) ?? notFound()
}

function notFound(): never {
  throw new RequestError('lgrNotFound', 21, 'ledgerNotFound')
}

function addressIn({ account }: Request): string {
  if (typeof account === 'string' && isValidClassicAddress(account)) return account
  throw new RequestError('actMalformed', 35, 'Account malformed.')
}

const accountInfo: Query = (chain, request) => {
  const address = addressIn(request)
  const { state, named } = choose(chain, request)
  const account = accountIn(state, address)
  if (account === undefined) throw accountNotFound(address, named)
  const has = (flag: number): boolean => (account.Flags & flag) !== 0
  return {
    account_data: { ...account, index: accountKey(address) },
    account_flags: {
      defaultRipple: has(LSF_DEFAULT_RIPPLE),
      depositAuth: has(LSF_DEPOSIT_AUTH),
      disableMasterKey: false,
      disallowIncomingXRP: has(LSF_DISALLOW_XRP),
      globalFreeze: false,
      noFreeze: false,
      passwordSpent: false,
      requireAuthorization: has(LSF_REQUIRE_AUTH),
      requireDestinationTag: has(LSF_REQUIRE_DEST_TAG),
    },
    ...named,
  }
}

const accountNotFound = (account: string, named: Fields): RequestError =>
  new RequestError('actNotFound', 19, 'Account not found.', { account, ...named })

const OBJECT_TYPES: Readonly<Record<string, Entry['LedgerEntryType']>> = {
  escrow: 'Escrow',
  payment_channel: 'PayChannel',
  deposit_preauth: 'DepositPreauth',
}

const accountObjects: Query = (chain, request) => {
  const address = addressIn(request)
  const { state, named } = choose(chain, request)
  if (accountIn(state, address) === undefined) throw accountNotFound(address, named)
  const directory = state.get(directoryKey(address))
  const keys = directory?.LedgerEntryType === 'DirectoryNode' ? directory.Indexes : []
  const { type, limit, marker } = request
  const wanted = keys.filter((key) => {
    const of = state.get(key)?.LedgerEntryType
    return typeof type === 'string' ? OBJECT_TYPES[type] === of : true
  })
  const start = typeof marker === 'string' ? wanted.indexOf(marker) : 0
  if (start < 0) throw invalidField('marker')
  const end = typeof limit === 'number' && limit > 0 ? start + limit : wanted.length
  const next = wanted[end]
  return {
    account: address,
    account_objects: wanted.slice(start, end).map((key) => ({ ...state.get(key), index: key })),
    ...(limit === undefined ? {} : { limit }),
    ...(next === undefined ? {} : { marker: next }),
    ...named,
  }
}

const invalidField = (name: string): RequestError => new RequestError('invalidParams', 31, `Invalid field '${name}'.`)

const ledgerEntry: Query = (chain, request) => {
  const { state, named } = choose(chain, request)
  const key = entryKey(request)
  const entry = state.get(key)
  if (entry === undefined) throw new RequestError('entryNotFound', undefined, undefined, named)
  return { index: key, node: { ...entry, index: key }, ...named }
}

/** The key that `escrow`, `deposit_preauth`, `account_root` or `index` names. */
function entryKey({ escrow, deposit_preauth: preauth, account_root: root, index }: Request): string {
  if (isFields(escrow) && typeof escrow['seq'] === 'number') {
    return escrowKey(checked(escrow['owner'], 'malformedOwner'), escrow['seq'])
  }
  if (isFields(preauth)) {
    const owner = checked(preauth['owner'], 'malformedOwner')
    return depositPreauthKey(owner, checked(preauth['authorized'], 'malformedAuthorized'))
  }
  if (root !== undefined) return accountKey(checked(root, 'malformedAddress'))
  if (typeof index === 'string') return index
  throw new RequestError('invalidParams', 31, 'Name the entry by escrow, deposit_preauth, account_root or index.')
}

function checked(address: unknown, error: string): string {
  if (typeof address === 'string' && isValidClassicAddress(address)) return address
  throw new RequestError(error)
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const ledger: Query = (chain, request, version) => {
  const closed = closedLedger(chain, request)
  const indexOf = (index: number): number | string => (version === 1 ? String(index) : index)
  if (closed === undefined) {
    const { index } = chain.open
    const header = { closed: false, ledger_index: indexOf(index), parent_hash: chain.validated.hash }
    return { ledger: header, ledger_current_index: index, validated: false }
  }
  const { index, hash, closeTime, parentCloseTime, transactions } = closed
  return {
    ledger: {
      account_hash: closed.accountHash,
      close_flags: 0,
      close_time: closeTime,
      close_time_human: humanTime(closeTime),
      close_time_iso: isoTime(closeTime),
      close_time_resolution: CLOSE_TIME_RESOLUTION,
      closed: true,
      ledger_hash: hash,
      ledger_index: indexOf(index),
      parent_close_time: parentCloseTime,
      parent_hash: closed.parentHash,
      total_coins: String(closed.totalDrops),
      transaction_hash: closed.transactionHash,
      ...(request['transactions'] === true ? { transactions: transactions.map(({ signed }) => signed.hash) } : {}),
    },
    ledger_hash: hash,
    ledger_index: index,
    validated: true,
  }
}

const tx: Query = (chain, { transaction: hash }, version) => {
  if (typeof hash !== 'string' || !/^[0-9A-Fa-f]{64}$/.test(hash)) {
    throw new RequestError('notImpl', 74, 'Not implemented.')
  }
  const validated = chain.transaction(hash.toUpperCase())
  const closed = validated === undefined ? undefined : chain.ledger(validated.ledgerIndex)
  if (validated !== undefined && closed !== undefined) return tellTransaction(validated, closed, version)
  const seen = chain.seen(hash.toUpperCase())
  if (seen === undefined) throw new RequestError('txnNotFound', 29, 'Transaction not found.')
  return tellUnvalidated(seen, version)
}

const accountTx: Query = (chain, request, version) => {
  const account = addressIn(request)
  const { forward, limit } = request
  const [first, last] = rangeIn(chain, request, version)
  const found = chain.history(account).filter(({ ledgerIndex: at }) => at >= first && at <= last)
  const ordered = forward === true ? found : found.toReversed()
  const { marker } = request
  if (marker !== undefined && !isFields(marker)) throw invalidField('marker')
  const start = ordered.findIndex(
    ({ ledgerIndex, meta }) =>
      marker === undefined || (ledgerIndex === marker['ledger'] && meta.TransactionIndex === marker['seq']),
  )
  const end = typeof limit === 'number' && limit > 0 ? start + limit : ordered.length
  const next = ordered[end]
  return {
    account,
    ledger_index_max: last,
    ledger_index_min: first,
    limit: limit ?? 0,
    transactions: ordered.slice(Math.max(start, 0), end).flatMap((transaction) => {
      const closed = chain.ledger(transaction.ledgerIndex)
      return closed === undefined ? [] : [tellHistory(transaction, closed, version)]
    }),
    ...(next === undefined ? {} : { marker: { ledger: next.ledgerIndex, seq: next.meta.TransactionIndex } }),
    validated: true,
  }
}

function rangeIn(chain: Chain, request: Request, version: ApiVersion): [first: number, last: number] {
  const newest = chain.validated.index
  if (request['ledger_index'] !== undefined || request['ledger_hash'] !== undefined) {
    const { index } = closedLedger(chain, request) ?? chain.validated
    return [index, index]
  }
  const bound = (value: unknown, otherwise: number): number =>
    typeof value === 'number' && value >= 0 ? value : otherwise
  const first = bound(request['ledger_index_min'], chain.first)
  const last = bound(request['ledger_index_max'], newest)
  if (version === 2 && (last > newest || (first < chain.first && first !== 0))) {
    throw new RequestError('lgrIdxMalformed', 58, 'Ledger index malformed.')
  }
  if (first > last)
    throw new RequestError(version === 1 ? 'lgrIdxsInvalid' : 'invalidLgrRange', 57, 'Ledger range is invalid.')
  return [Math.max(first, chain.first), Math.min(last, newest)]
}

const channelVerify: Query = (_chain, { channel_id: channel, amount, signature, public_key: key }) => {
  const texts = [channel, amount, signature, key]
  if (!texts.every((text) => typeof text === 'string'))
    throw new RequestError('invalidParams', 31, 'Invalid parameters.')
  return { signature_verified: isClaimSigned(String(channel), String(amount), String(signature), String(key)) }
}

export const QUERIES: Readonly<Record<string, Query>> = {
  account_info: accountInfo,
  account_objects: accountObjects,
  account_tx: accountTx,
  channel_verify: channelVerify,
  ledger,
  ledger_current: (chain) => ({ ledger_current_index: chain.open.index }),
  ledger_entry: ledgerEntry,
  ping: () => ({}),
  tx,
}
