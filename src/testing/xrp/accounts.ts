/** Transactions of accounts: Payment of XRP, AccountSet of flags, DepositPreauth. By the servers' order of checks. */
import type { Transaction } from './blob.js'
import {
  accountKey,
  depositPreauthKey,
  LSF_DEFAULT_RIPPLE,
  LSF_DEPOSIT_AUTH,
  LSF_DISALLOW_XRP,
  LSF_REQUIRE_AUTH,
  LSF_REQUIRE_DEST_TAG,
  ZERO_HASH,
  type AccountRoot,
} from './entries.js'
import type { Sandbox } from './sandbox.js'
import { isDrops, type Transactor } from './transactor.js'

interface PaymentTx extends Transaction {
  readonly Amount: string
  readonly Destination: string
  readonly DestinationTag?: number
}

export const payment: Transactor<PaymentTx> = {
  flags: 0,
  check(tx) {
    if (typeof tx.Amount !== 'string' || ['SendMax', 'Paths', 'DeliverMin'].some((field) => field in tx)) {
      return 'temDISABLED'
    }
    if (!isDrops(tx.Amount)) return 'temBAD_AMOUNT'
    return tx.Account === tx.Destination ? 'temREDUNDANT' : undefined
  },
  apply(tx, sandbox) {
    const amount = BigInt(tx.Amount)
    const { reserveBase } = sandbox.view.fees
    const destination = sandbox.account(tx.Destination)
    if (destination === undefined && amount < reserveBase) return 'tecNO_DST_INSUF_XRP'
    if (destination !== undefined && lacksTag(destination, tx.DestinationTag)) return 'tecDST_TAG_NEEDED'
    const sender = sandbox.account(tx.Account)
    // What it had before the fee must cover the reserve: the fee may come out of that.
    const reserve = sandbox.reserve(sender?.OwnerCount ?? 0)
    const before = BigInt(sender?.Balance ?? 0) + BigInt(tx.Fee)
    if (sender === undefined || before < amount + (reserve > BigInt(tx.Fee) ? reserve : BigInt(tx.Fee))) {
      return 'tecUNFUNDED_PAYMENT'
    }
    if (destination !== undefined && !mayDeposit(sandbox, destination, tx.Account)) {
      // A little may always be sent to an account that has too little to act.
      if (amount > reserveBase || BigInt(destination.Balance) > reserveBase) return 'tecNO_PERMISSION'
    }
    sandbox.credit(sender, -amount)
    if (destination === undefined) sandbox.put(accountKey(tx.Destination), newAccount(tx.Destination, amount, sandbox))
    else sandbox.credit(destination, amount)
    return 'tesSUCCESS'
  },
}

function newAccount(address: string, drops: bigint, { view }: Sandbox): AccountRoot {
  return {
    LedgerEntryType: 'AccountRoot',
    Account: address,
    Balance: String(drops),
    Flags: 0,
    OwnerCount: 0,
    Sequence: view.index,
    PreviousTxnID: ZERO_HASH,
    PreviousTxnLgrSeq: 0,
  }
}

/** The destination asks for a tag and there is none. */
export const lacksTag = (destination: AccountRoot, tag: number | undefined): boolean =>
  (destination.Flags & LSF_REQUIRE_DEST_TAG) !== 0 && tag === undefined

/** Takes `destination` money that `sender` brings? */
export function mayDeposit(sandbox: Sandbox, destination: AccountRoot, sender: string): boolean {
  if ((destination.Flags & LSF_DEPOSIT_AUTH) === 0 || destination.Account === sender) return true
  return sandbox.get(depositPreauthKey(destination.Account, sender)) !== undefined
}

interface AccountSetTx extends Transaction {
  readonly SetFlag?: number
  readonly ClearFlag?: number
}

const TF_REQUIRE_DEST_TAG = 0x0001_0000
const TF_OPTIONAL_DEST_TAG = 0x0002_0000

/** Flags of accounts by the numbers of `SetFlag`. */
const ACCOUNT_FLAGS: ReadonlyMap<number | undefined, number> = new Map([
  [undefined, 0],
  [1, LSF_REQUIRE_DEST_TAG],
  [2, LSF_REQUIRE_AUTH],
  [3, LSF_DISALLOW_XRP],
  [8, LSF_DEFAULT_RIPPLE],
  [9, LSF_DEPOSIT_AUTH],
])

export const accountSet: Transactor<AccountSetTx> = {
  flags: TF_REQUIRE_DEST_TAG | TF_OPTIONAL_DEST_TAG,
  check({ SetFlag, ClearFlag, Flags = 0 }) {
    if (SetFlag !== undefined && SetFlag === ClearFlag) return 'temINVALID_FLAG'
    const sets = SetFlag === 1 || (Flags & TF_REQUIRE_DEST_TAG) !== 0
    const clears = ClearFlag === 1 || (Flags & TF_OPTIONAL_DEST_TAG) !== 0
    if (sets && clears) return 'temINVALID_FLAG'
    return ACCOUNT_FLAGS.has(SetFlag) && ACCOUNT_FLAGS.has(ClearFlag) ? undefined : 'temDISABLED'
  },
  apply({ Account, SetFlag, ClearFlag, Flags = 0 }, sandbox) {
    const account = sandbox.account(Account)
    if (account === undefined) return 'tecNO_ENTRY'
    let set = ACCOUNT_FLAGS.get(SetFlag) ?? 0
    let clear = ACCOUNT_FLAGS.get(ClearFlag) ?? 0
    if ((Flags & TF_REQUIRE_DEST_TAG) !== 0) set |= LSF_REQUIRE_DEST_TAG
    if ((Flags & TF_OPTIONAL_DEST_TAG) !== 0) clear |= LSF_REQUIRE_DEST_TAG
    sandbox.put(accountKey(Account), { ...account, Flags: (account.Flags | set) & ~clear })
    return 'tesSUCCESS'
  },
}

interface DepositPreauthTx extends Transaction {
  readonly Authorize?: string
  readonly Unauthorize?: string
}

export const depositPreauth: Transactor<DepositPreauthTx> = {
  flags: 0,
  check({ Account, Authorize, Unauthorize }) {
    if ((Authorize === undefined) === (Unauthorize === undefined)) return 'temMALFORMED'
    return Authorize === Account ? 'temCANNOT_PREAUTH_SELF' : undefined
  },
  apply({ Account, Authorize, Unauthorize, Fee }, sandbox) {
    const owner = sandbox.account(Account)
    if (owner === undefined) return 'tecNO_ENTRY'
    if (Authorize === undefined) {
      const key = depositPreauthKey(Account, Unauthorize ?? Account)
      if (sandbox.get(key) === undefined) return 'tecNO_ENTRY'
      sandbox.delete(key)
      sandbox.unlist(Account, key, 'delete')
      sandbox.credit(owner, 0n, -1)
      return 'tesSUCCESS'
    }
    const key = depositPreauthKey(Account, Authorize)
    if (sandbox.account(Authorize) === undefined) return 'tecNO_TARGET'
    if (sandbox.get(key) !== undefined) return 'tecDUPLICATE'
    if (BigInt(owner.Balance) + BigInt(Fee) < sandbox.reserve(owner.OwnerCount + 1)) return 'tecINSUFFICIENT_RESERVE'
    sandbox.put(key, {
      LedgerEntryType: 'DepositPreauth',
      Account,
      Authorize,
      Flags: 0,
      OwnerNode: '0',
      PreviousTxnID: ZERO_HASH,
      PreviousTxnLgrSeq: 0,
    })
    sandbox.list(Account, key)
    sandbox.credit(owner, 0n, 1)
    return 'tesSUCCESS'
  },
}
