/** What the XRP Ledger, its server, or the options of a link over it refuse. What becomes of a hold is a `HoldOutcome`. */
import { SluiceError } from '../errors/index.js'

/**
 * A link over the XRP Ledger that cannot do what it was asked. Codes:
 * `XRP_ADDRESS` the text is no address of the ledger, or not the one that the secret is for;
 * `XRP_HISTORY` the server does not have the ledgers that are needed, or they are too many to read;
 * `XRP_OPTION` an option is missing or wrong;
 * `XRP_RECORD` the link's record cannot be read or written: see to its store;
 * `XRP_SECRET` the secret is no seed of an XRP Ledger account;
 * `XRP_SERVER` the server answered with an error (`serverError` has its name), or cannot be reached.
 */
export class XrpError extends SluiceError {
  /** The server's own name of the error, such as `actNotFound`; empty where there was no answer. */
  readonly serverError: string

  constructor(code: string, message: string, serverError = '') {
    super(code, message)
    this.serverError = serverError
  }
}

/** Why a transaction was not made, or what it came to when that is not success. Stable: they begin the messages of refused holds. */
export type RefusalCode =
  | 'XRP_ACCOUNT'
  | 'XRP_BUSY'
  | 'XRP_DESTINATION'
  | 'XRP_EXPIRED'
  | 'XRP_FEE'
  | 'XRP_FUNDS'
  | 'XRP_MEMO'
  | 'XRP_NOT_VALIDATED'
  | 'XRP_REFUSED'
  | 'XRP_RESERVE'
  | 'XRP_TRANSFER'
