/**
 * EscrowCreate, EscrowFinish and EscrowCancel, check by check in the servers' order. Times are compared with the close time
 * of the parent ledger, never with a clock.
 */
import { lacksTag, mayDeposit } from './accounts.js'
import type { Transaction } from './blob.js'
import { conditionOf, isCondition } from './crypto-condition.js'
import { escrowKey, ZERO_HASH, type Escrow } from './entries.js'
import type { EngineResult } from './results.js'
import type { Sandbox } from './sandbox.js'
import { isDrops, type Transactor } from './transactor.js'

interface EscrowCreateTx extends Transaction {
  readonly Amount: string
  readonly Destination: string
  readonly DestinationTag?: number
  readonly SourceTag?: number
  readonly CancelAfter?: number
  readonly FinishAfter?: number
  readonly Condition?: string
}

export const escrowCreate: Transactor<EscrowCreateTx> = {
  flags: 0,
  check({ Amount, CancelAfter, FinishAfter, Condition }) {
    if (!isDrops(Amount)) return 'temBAD_AMOUNT'
    if (CancelAfter === undefined && FinishAfter === undefined) return 'temBAD_EXPIRATION'
    if (CancelAfter !== undefined && FinishAfter !== undefined && CancelAfter <= FinishAfter) return 'temBAD_EXPIRATION'
    if (FinishAfter === undefined && Condition === undefined) return 'temMALFORMED'
    return Condition === undefined || isCondition(Condition) ? undefined : 'temMALFORMED'
  },
  apply(tx, sandbox) {
    const now = sandbox.view.parentCloseTime
    if (isPast(tx.CancelAfter, now) || isPast(tx.FinishAfter, now)) return 'tecNO_PERMISSION'
    const owner = sandbox.account(tx.Account)
    const funds = spareOf(sandbox, tx.Account)
    if (owner === undefined || funds < 0n) return 'tecINSUFFICIENT_RESERVE'
    if (funds < BigInt(tx.Amount)) return 'tecUNFUNDED'
    const destination = sandbox.account(tx.Destination)
    if (destination === undefined) return 'tecNO_DST'
    if (lacksTag(destination, tx.DestinationTag)) return 'tecDST_TAG_NEEDED'
    const key = escrowKey(tx.Account, tx.Sequence)
    sandbox.put(key, newEscrow(tx))
    sandbox.list(tx.Account, key)
    if (tx.Destination !== tx.Account) sandbox.list(tx.Destination, key)
    sandbox.credit(owner, -BigInt(tx.Amount), 1)
    return 'tesSUCCESS'
  },
}

const isPast = (time: number | undefined, now: number): boolean => time !== undefined && now > time

/** What an account could put into one more entry; negative below the reserve. */
export function spareOf(sandbox: Sandbox, address: string): bigint {
  const account = sandbox.account(address)
  if (account === undefined) return -1n
  return BigInt(account.Balance) - sandbox.reserve(account.OwnerCount + 1)
}

function newEscrow(tx: EscrowCreateTx): Escrow {
  const { Account, Amount, Destination, CancelAfter, FinishAfter, Condition, DestinationTag, SourceTag } = tx
  return {
    LedgerEntryType: 'Escrow',
    Account,
    Amount,
    Destination,
    Flags: 0,
    OwnerNode: '0',
    ...(Destination === Account ? {} : { DestinationNode: '0' }),
    ...(CancelAfter === undefined ? {} : { CancelAfter }),
    ...(FinishAfter === undefined ? {} : { FinishAfter }),
    ...(Condition === undefined ? {} : { Condition }),
    ...(DestinationTag === undefined ? {} : { DestinationTag }),
    ...(SourceTag === undefined ? {} : { SourceTag }),
    PreviousTxnID: ZERO_HASH,
    PreviousTxnLgrSeq: 0,
  }
}

interface EscrowEndTx extends Transaction {
  readonly Owner: string
  readonly OfferSequence: number
}

interface EscrowFinishTx extends EscrowEndTx {
  readonly Condition?: string
  readonly Fulfillment?: string
}

export const escrowFinish: Transactor<EscrowFinishTx> = {
  flags: 0,
  check: ({ Condition, Fulfillment }) =>
    (Condition === undefined) === (Fulfillment === undefined) ? undefined : 'temMALFORMED',
  fee({ Fulfillment }, { base }) {
    if (Fulfillment === undefined) return base
    return base * BigInt(33 + Math.floor(Fulfillment.length / 2 / 16))
  },
  apply(tx, sandbox) {
    const escrow = escrowOf(sandbox, tx)
    if (escrow === undefined) return 'tecNO_TARGET'
    const now = sandbox.view.parentCloseTime
    const early = escrow.FinishAfter !== undefined && now <= escrow.FinishAfter
    if (early || isPast(escrow.CancelAfter, now)) return 'tecNO_PERMISSION'
    const shown = tx.Fulfillment === undefined ? undefined : conditionOf(tx.Fulfillment)
    if (shown !== tx.Condition || tx.Condition !== escrow.Condition) return 'tecCRYPTOCONDITION_ERROR'
    const destination = sandbox.account(escrow.Destination)
    if (destination === undefined) return 'tecNO_DST'
    if (!mayDeposit(sandbox, destination, tx.Account)) return 'tecNO_PERMISSION'
    return end(sandbox, tx, escrow, escrow.Destination)
  },
}

export const escrowCancel: Transactor<EscrowEndTx> = {
  flags: 0,
  check: () => undefined,
  apply(tx, sandbox) {
    const escrow = escrowOf(sandbox, tx)
    if (escrow === undefined) return 'tecNO_TARGET'
    if (!isPast(escrow.CancelAfter, sandbox.view.parentCloseTime)) return 'tecNO_PERMISSION'
    return end(sandbox, tx, escrow, escrow.Account)
  },
}

function escrowOf(sandbox: Sandbox, { Owner, OfferSequence }: EscrowEndTx): Escrow | undefined {
  const entry = sandbox.get(escrowKey(Owner, OfferSequence))
  return entry?.LedgerEntryType === 'Escrow' ? entry : undefined
}

/** The money goes to `receiver`, the entry and its reserve go. */
function end(sandbox: Sandbox, tx: EscrowEndTx, escrow: Escrow, receiver: string): EngineResult {
  const key = escrowKey(tx.Owner, tx.OfferSequence)
  sandbox.delete(key)
  sandbox.unlist(escrow.Account, key, 'keep')
  if (escrow.DestinationNode !== undefined) sandbox.unlist(escrow.Destination, key, 'keep')
  const paid = sandbox.account(receiver)
  if (paid !== undefined) sandbox.credit(paid, BigInt(escrow.Amount))
  // Read again: owner and receiver may be one.
  const owner = sandbox.account(escrow.Account)
  if (owner !== undefined) sandbox.credit(owner, 0n, -1)
  return 'tesSUCCESS'
}
