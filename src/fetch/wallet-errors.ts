/** What a wallet refuses, and what to do about it. */
import { SluiceError } from '../errors/index.js'

export type WalletErrorCode =
  | 'WALLET_ACCOUNT'
  | 'WALLET_BUDGET'
  | 'WALLET_BUSY'
  | 'WALLET_CLOSED'
  | 'WALLET_DECLINED'
  | 'WALLET_FILE'
  | 'WALLET_KEY'
  | 'WALLET_LEDGER'
  | 'WALLET_MODE'

/**
 * Codes:
 * `WALLET_ACCOUNT` there is no account at this ledger, and the seller does not let anyone open one;
 * `WALLET_BUDGET` the wallet has no budget in the asset that would be debited, or one that cannot be read;
 * `WALLET_BUSY` other processes use the wallet, too many or for too long;
 * `WALLET_CLOSED` the wallet was closed;
 * `WALLET_DECLINED` the user does not want to pay this seller;
 * `WALLET_FILE` a file of the wallet cannot be read or written, or has a format of another version;
 * `WALLET_KEY` the seller's key is another than the one it had at first;
 * `WALLET_LEDGER` the seller names no ledger that may be believed;
 * `WALLET_MODE` others can read the wallet's secrets.
 */
export class WalletError extends SluiceError {
  declare readonly code: WalletErrorCode

  constructor(code: WalletErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
