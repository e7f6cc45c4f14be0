/** The transfers of a plugin's own ledger, as the transfer log that payment channel modules expect. */
import { formatTransferId, parseTransferId } from '../btp/index.js'
import { toBase64url } from '../bytes/index.js'
import { formatAmount } from '../ilp/index.js'
import type { AccountView, Ledger, Limits, LiveTransfer } from '../ledger/index.js'
import type { TransferLog, TransferWithInfo } from './channel-backend.js'
import { NotAcceptedError, TransferNotFoundError, UnreachableError } from './errors.js'
import { formatSigned, NO_LIMIT, parseSigned } from './signed-amount.js'

/** In the ledger of two peers the other side is the holder: what it pays comes in. */
export class LedgerTransferLog implements TransferLog {
  readonly #ledger: () => Ledger
  readonly #account: string

  constructor(ledger: () => Ledger, account: string) {
    this.#ledger = ledger
    this.#account = account
  }

  async getBalance(): Promise<string> {
    return String(-this.#view().balance)
  }

  async getIncomingFulfilled(): Promise<string> {
    return String(this.#view().fulfilledOut)
  }

  async getIncomingFulfilledAndPrepared(): Promise<string> {
    const { fulfilledOut, heldOut } = this.#view()
    return String(fulfilledOut + heldOut)
  }

  async getOutgoingFulfilled(): Promise<string> {
    return String(this.#view().fulfilledIn)
  }

  async getOutgoingFulfilledAndPrepared(): Promise<string> {
    const { fulfilledIn, heldIn } = this.#view()
    return String(fulfilledIn + heldIn)
  }

  async getMaximum(): Promise<string> {
    return formatSigned(unlimited(this.#view().creditLimit))
  }

  async getMinimum(): Promise<string> {
    return formatSigned(-unlimited(this.#view().balanceMax))
  }

  async setMaximum(maximum: string): Promise<void> {
    await this.#limit({ ...this.#view(), creditLimit: bounded(parseSigned(maximum, 'maximum')) })
  }

  async setMinimum(minimum: string): Promise<void> {
    await this.#limit({ ...this.#view(), balanceMax: bounded(-parseSigned(minimum, 'minimum')) })
  }

  /** A transfer that is prepared; of ended ones the ledger keeps the outcome only. */
  async get(id: string): Promise<TransferWithInfo> {
    const view = this.#ledger().transfer(this.#account, parseTransferId(id))
    if (view?.state === 'prepared') return liveInfo(view.transfer)
    throw new TransferNotFoundError(`no transfer ${id} is prepared`)
  }

  async prepare(): Promise<void> {
    throw ownTransfers()
  }

  async fulfill(): Promise<void> {
    throw ownTransfers()
  }

  async cancel(): Promise<void> {
    throw ownTransfers()
  }

  #view(): AccountView {
    const view = this.#ledger().account(this.#account)
    if (view === undefined) throw new UnreachableError('connect the plugin before reading its transfer log')
    return view
  }

  async #limit({ creditLimit, balanceMax }: Limits): Promise<void> {
    const ledger = this.#ledger()
    const decision = ledger.execute({ type: 'limit', account: this.#account, creditLimit, balanceMax })
    await new Promise<void>((resolve) => ledger.committed(resolve))
    if (!decision.ok) throw new NotAcceptedError(decision.message)
  }
}

function liveInfo({ id, payer, amount, condition, expiresAt }: LiveTransfer): TransferWithInfo {
  const transfer = {
    id: formatTransferId(id),
    amount: formatAmount(amount),
    executionCondition: toBase64url(condition),
    expiresAt: new Date(expiresAt).toISOString(),
  }
  return { transfer, isIncoming: payer === 'holder', state: 'prepared' }
}

function unlimited(limit: bigint): bigint {
  return limit >= NO_LIMIT - 1n ? NO_LIMIT : limit
}

function bounded(limit: bigint): bigint {
  return limit >= NO_LIMIT ? NO_LIMIT - 1n : limit
}

function ownTransfers(): NotAcceptedError {
  return new NotAcceptedError("the plugin's own transfers are made by its methods; use a log of your own for others")
}
