/** What a wallet is to programs and to the paying fetch. Kept on disk by `openWallet`; others may keep theirs elsewhere. */
import type { Link, LinkInfo } from '../link/index.js'
import type { Offer } from './offer.js'
import type { Allowance } from './purse.js'
import type { Taken } from './wallet-budget.js'

/** An amount: base units, or text such as `0.01 USD` or `0.01`, which is read by the scale of the asset. */
export type Money = bigint | string

/** What may be spent in one asset. 0 means: look, but pay nothing. Days are those of UTC. */
export interface WalletBudget {
  /** In one call; the call's own budget bounds it too. Default: no other bound than the next two. */
  readonly perCall?: Money
  /** To one origin (scheme, host and port of the seller) in a day. */
  readonly perOrigin: Money
  /** To all of them, in a day. */
  readonly perDay: Money
}

/** An account at a seller's ledger. Its secret is not part of this. */
export interface WalletAccount {
  /** `btp+ws://…` or `btp+wss://…`, without user and password. */
  readonly ledger: string
  readonly asset: string
  readonly scale: number
  /** The user name, where the seller gave one. */
  readonly user: string
  /** The seller's receipt key as it was at first, base64url; `undefined` when it named none. */
  readonly key: string | undefined
  /** When it was put into the wallet, in ISO 8601. */
  readonly since: string
}

/** What the paying fetch asks of a wallet. */
export interface PaymentSource {
  /**
   * The link to pay an offer over; opens an account where the seller's policy allows.
   * @throws {WalletError} `WALLET_ACCOUNT`, `WALLET_BUDGET`, `WALLET_BUSY`, `WALLET_CLOSED`, `WALLET_DECLINED`,
   * `WALLET_FILE`, `WALLET_KEY`, `WALLET_LEDGER`, `WALLET_MODE`
   */
  linkFor(offer: Offer): Promise<Link>
  /** What a call may spend on this offer, in the asset of the link. @throws {WalletError} `WALLET_BUDGET`, `WALLET_CLOSED` */
  allowanceFor(offer: Offer, info: LinkInfo): Allowance
}

export interface Wallet extends PaymentSource {
  accounts(): Promise<readonly WalletAccount[]>
  /** The link of an account of {@link Wallet.accounts}, open. @throws {WalletError} */
  linkTo(account: WalletAccount): Promise<Link>
  /** Puts an account in that a seller opened: `btp+ws://user:token@host:port/path`. @throws {WalletError} */
  add(uri: string): Promise<WalletAccount>
  /** What counts against the budgets of today: spent, in doubt, or set aside by processes that run. @throws {WalletError} */
  takenToday(): Promise<readonly Taken[]>
  /** Closes its links, and returns to the budget what is not spent. Twice is fine. */
  close(): Promise<void>
}
