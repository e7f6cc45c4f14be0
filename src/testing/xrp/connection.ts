/** One connection's side of the server: requests into answers, and which streams it follows. Knows no socket. */
import { isValidClassicAddress } from 'xrpl'
import { transactionEvent, type ApiVersion, type Fields } from './answers.js'
import { openLedgerCost } from './apply.js'
import { BlobError, readBlob, type SignedTransaction } from './blob.js'
import type { Chain, ClosedLedger } from './chain.js'
import { QUERIES, type Request } from './queries.js'
import { RequestError } from './request-error.js'
import { tellResult } from './results.js'
import { completeLedgers, feeAnswer, serverInfo, serverState } from './server-queries.js'

/** What a connection needs of the server. */
export interface Host {
  readonly chain: Chain
  /** Milliseconds since 1970. */
  readonly startedAt: number
  now(): number
  acceptLedger(): ClosedLedger
}

const STREAMS = ['ledger', 'transactions']

export class Connection {
  readonly #host: Host
  readonly #streams = new Set<string>()
  readonly #accounts = new Set<string>()
  /** Of the last subscription: messages come in its shape. */
  #version: ApiVersion = 1

  constructor(host: Host) {
    this.#host = host
  }

  /** The whole answer. Never throws for what a client sends. */
  answer(request: Request): Fields {
    const { id, api_version: asked } = request
    const named = { ...(id === undefined ? {} : { id }), ...(asked === undefined ? {} : { api_version: asked }) }
    try {
      const version = asked ?? 1
      if (version !== 1 && version !== 2) throw new RequestError('invalid_API_version')
      return { ...named, result: this.#run(request, version), status: 'success', type: 'response' }
    } catch (error) {
      const { fields } = error instanceof RequestError ? error : new RequestError('internal', 73, 'Internal error.')
      return { ...named, ...fields, request, status: 'error', type: 'response' }
    }
  }

  /** The messages that this connection gets of a ledger that closed. */
  eventsOf(ledger: ClosedLedger): Fields[] {
    const events: Fields[] = []
    if (this.#streams.has('ledger')) events.push(this.#ledgerClosed(ledger))
    for (const transaction of ledger.transactions) {
      const event = transactionEvent(transaction, ledger, this.#version)
      if (this.#streams.has('transactions')) events.push(event)
      if ([...transaction.accounts].some((account) => this.#accounts.has(account))) events.push(event)
    }
    return events
  }

  #run(request: Request, version: ApiVersion): Fields {
    const { chain, startedAt } = this.#host
    switch (request.command) {
      case 'submit':
        return this.#submit(request)
      case 'subscribe':
        return this.#subscribe(request, version)
      case 'unsubscribe':
        for (const name of textsIn(request, 'streams')) this.#streams.delete(name)
        for (const account of textsIn(request, 'accounts')) this.#accounts.delete(account)
        return {}
      case 'ledger_accept':
        this.#host.acceptLedger()
        return { ledger_current_index: chain.open.index }
      case 'server_info':
        return serverInfo(chain, this.#host.now(), startedAt)
      case 'server_state':
        return serverState(chain, this.#host.now(), startedAt)
      case 'fee':
        return feeAnswer(chain)
      default: {
        const query = Object.hasOwn(QUERIES, request.command) ? QUERIES[request.command] : undefined
        if (query === undefined) throw new RequestError('unknownCmd', 32, 'Unknown method.')
        return query(chain, request, version)
      }
    }
  }

  #submit({ tx_blob: blob, fail_hard: failHard }: Request): Fields {
    const { chain } = this.#host
    if (typeof blob !== 'string') throw new RequestError('invalidParams', 31, "Missing field 'tx_blob'.")
    const signed = read(blob)
    const { result, applied, kept, queued, next, available } = chain.submit(signed, failHard === true)
    const told = { ...tellResult(result), tx_blob: blob, tx_json: { ...signed.tx, hash: signed.hash } }
    return {
      ...told,
      accepted: applied || kept || queued,
      account_sequence_available: available,
      account_sequence_next: next,
      applied,
      broadcast: applied || queued,
      kept,
      open_ledger_cost: String(openLedgerCost(signed.tx, chain.fees, chain.load.openLedger)),
      queued,
      validated_ledger_index: chain.validated.index,
    }
  }

  #subscribe(request: Request, version: ApiVersion): Fields {
    const streams = textsIn(request, 'streams')
    const accounts = textsIn(request, 'accounts')
    const stranger = streams.find((name) => !STREAMS.includes(name))
    if (stranger !== undefined)
      throw new RequestError('malformedStream', 53, `Stream malformed, or not simulated: ${stranger}.`)
    if (!accounts.every(isValidClassicAddress)) throw new RequestError('actMalformed', 35, 'Account malformed.')
    for (const name of streams) this.#streams.add(name)
    for (const account of accounts) this.#accounts.add(account)
    this.#version = version
    if (!streams.includes('ledger')) return {}
    const { type: _type, txn_count: _count, ...told } = this.#ledgerClosed(this.#host.chain.validated)
    return told
  }

  #ledgerClosed(ledger: ClosedLedger): Fields {
    const { chain } = this.#host
    const { base, reserveBase, reserveIncrement } = chain.fees
    return {
      fee_base: Number(base),
      fee_ref: Number(base),
      ledger_hash: ledger.hash,
      ledger_index: ledger.index,
      ledger_time: ledger.closeTime,
      reserve_base: Number(reserveBase),
      reserve_inc: Number(reserveIncrement),
      txn_count: ledger.transactions.length,
      type: 'ledgerClosed',
      validated_ledgers: completeLedgers(chain),
    }
  }
}

function read(blob: string): SignedTransaction {
  try {
    return readBlob(blob)
  } catch (error) {
    if (!(error instanceof BlobError)) throw error
    throw new RequestError('invalidTransaction', undefined, undefined, { error_exception: error.message })
  }
}

function textsIn(request: Request, name: string): string[] {
  const list = request[name] ?? []
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list
  throw new RequestError('invalidParams', 31, `Invalid field '${name}'.`)
}
