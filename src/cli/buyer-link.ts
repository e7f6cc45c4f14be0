/**
 * The account that a command pays from. Without `--ledger` it is a fresh one at the seller's own ledger, for this run
 * only: its token is random and forgotten. Accounts that last are the wallet's business.
 */
import { toBase64url } from '../bytes/index.js'
import { randomBytes } from '../crypto/index.js'
import { ownLedgerOf, type Offer } from '../fetch/index.js'
import type { Holder } from '../link/index.js'
import { holderAt } from '../link/ws.js'
import type { Log } from '../log/index.js'
import { CliError } from './errors.js'

/** @throws {CliError} `CLI_LEDGER`; {BtpError} `BTP_URI` */
export function openHolder(offer: Offer, ledger: string | undefined, log: Log): Holder {
  return holderAt(ledger ?? freshAccount(offer), { log })
}

/** The URI of an account that nobody has opened yet. */
function freshAccount(offer: Offer): string {
  const named = offer.terms?.ledger
  if (named === undefined) {
    throw new CliError('CLI_LEDGER', 'the seller does not say where its ledger is: add --ledger btp+ws://host:port')
  }
  const own = ownLedgerOf(offer)
  if (own === undefined) {
    const message = `the seller names the ledger ${named.uri}, which is not on its own host or not as secure`
    throw new CliError('CLI_LEDGER', `${message}: if you trust it, add --ledger ${named.uri}`)
  }
  if (own.version !== 1) throw new CliError('CLI_LEDGER', `the ledger speaks BTP ${own.version}.0, this command 1.0`)
  // Named without user and token, which the terms' reader has checked.
  return own.uri.replace('://', `://:${toBase64url(randomBytes(32))}@`)
}
