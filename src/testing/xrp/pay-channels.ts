/**
 * Payment channels as far as they are recorded beside the escrows: PaymentChannelCreate, and PaymentChannelClaim of a
 * signed amount. Not: funding, closing, expiry.
 */
import { verifyPaymentChannelClaim, dropsToXrp } from 'xrpl'
import { lacksTag, mayDeposit } from './accounts.js'
import type { Transaction } from './blob.js'
import { payChannelKey, ZERO_HASH } from './entries.js'
import { spareOf } from './escrows.js'
import { isDrops, type Transactor } from './transactor.js'

interface CreateTx extends Transaction {
  readonly Amount: string
  readonly Destination: string
  readonly DestinationTag?: number
  readonly SourceTag?: number
  readonly CancelAfter?: number
  readonly PublicKey: string
  readonly SettleDelay: number
}

export const payChannelCreate: Transactor<CreateTx> = {
  flags: 0,
  check({ Account, Amount, Destination }) {
    if (!isDrops(Amount)) return 'temBAD_AMOUNT'
    return Account === Destination ? 'temDST_IS_SRC' : undefined
  },
  apply(tx, sandbox) {
    // Unlike with escrows the balance counts as it was before the fee.
    const owner = sandbox.account(tx.Account)
    const funds = spareOf(sandbox, tx.Account) + BigInt(tx.Fee)
    if (owner === undefined || funds < 0n) return 'tecINSUFFICIENT_RESERVE'
    if (funds < BigInt(tx.Amount)) return 'tecUNFUNDED'
    const destination = sandbox.account(tx.Destination)
    if (destination === undefined) return 'tecNO_DST'
    if (lacksTag(destination, tx.DestinationTag)) return 'tecDST_TAG_NEEDED'
    const { Account, Amount, Destination, PublicKey, SettleDelay, CancelAfter, DestinationTag, SourceTag } = tx
    const key = payChannelKey(Account, Destination, tx.Sequence)
    sandbox.put(key, {
      LedgerEntryType: 'PayChannel',
      Account,
      Amount,
      Balance: '0',
      Destination,
      Flags: 0,
      PublicKey,
      SettleDelay,
      OwnerNode: '0',
      DestinationNode: '0',
      ...(CancelAfter === undefined ? {} : { CancelAfter }),
      ...(DestinationTag === undefined ? {} : { DestinationTag }),
      ...(SourceTag === undefined ? {} : { SourceTag }),
      PreviousTxnID: ZERO_HASH,
      PreviousTxnLgrSeq: 0,
    })
    sandbox.list(Account, key)
    sandbox.list(Destination, key)
    sandbox.credit(owner, -BigInt(Amount), 1)
    return 'tesSUCCESS'
  },
}

interface ClaimTx extends Transaction {
  readonly Channel: string
  readonly Balance?: string
  readonly Amount?: string
  readonly Signature?: string
  readonly PublicKey?: string
}

export const payChannelClaim: Transactor<ClaimTx> = {
  flags: 0,
  check({ Channel, Balance, Amount, Signature, PublicKey }) {
    if ([Balance, Amount].some((amount) => amount !== undefined && !isDrops(amount))) return 'temBAD_AMOUNT'
    if (Balance !== undefined && Amount !== undefined && BigInt(Balance) > BigInt(Amount)) return 'temBAD_AMOUNT'
    if (Signature === undefined) return undefined
    const authorized = Amount ?? Balance
    if (PublicKey === undefined || Balance === undefined || authorized === undefined) return 'temMALFORMED'
    return isClaimSigned(Channel, authorized, Signature, PublicKey) ? undefined : 'temBAD_SIGNATURE'
  },
  apply(tx, sandbox) {
    const channel = sandbox.get(tx.Channel)
    if (channel?.LedgerEntryType !== 'PayChannel') return 'tecNO_TARGET'
    if (tx.Account !== channel.Account && tx.Account !== channel.Destination) return 'tecNO_PERMISSION'
    if (tx.Balance === undefined) return 'tesSUCCESS'
    if (tx.Account === channel.Destination && tx.Signature === undefined) return 'temBAD_SIGNATURE'
    if (tx.Signature !== undefined && tx.PublicKey !== channel.PublicKey) return 'temBAD_SIGNER'
    const paid = BigInt(tx.Balance) - BigInt(channel.Balance)
    if (paid <= 0n || BigInt(tx.Balance) > BigInt(channel.Amount)) return 'tecUNFUNDED_PAYMENT'
    const destination = sandbox.account(channel.Destination)
    if (destination === undefined) return 'tecNO_DST'
    if (!mayDeposit(sandbox, destination, tx.Account)) return 'tecNO_PERMISSION'
    sandbox.put(tx.Channel, { ...channel, Balance: tx.Balance })
    sandbox.credit(destination, paid)
    return 'tesSUCCESS'
  },
}

/** @param drops what the signature authorizes */
export function isClaimSigned(channel: string, drops: string, signature: string, publicKey: string): boolean {
  try {
    return verifyPaymentChannelClaim(channel, String(dropsToXrp(drops)), signature, publicKey)
  } catch {
    return false
  }
}
