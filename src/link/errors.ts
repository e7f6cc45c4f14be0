/** What a link refuses, apart from what becomes of a hold (that is a {@link HoldOutcome}, never an exception). */
import { SluiceError } from '../errors/index.js'

/**
 * A link that cannot do what it was asked. Codes:
 * `LINK_NOT_OPEN` open the link first, or wait for its reconnection;
 * `LINK_CLOSED` the link was closed while this was under way;
 * `LINK_TIMEOUT` the peer did not answer in time;
 * `LINK_REFUSED` the peer answered with an error (`peerCode` and `peerName` say which);
 * `LINK_PREFIX` the peer's ledger prefix is not the configured one;
 * `LINK_PEER` the peer's answer is unreadable;
 * `LINK_ACCOUNT` the account name is unknown, or is not one valid address segment;
 * `LINK_RECORD` the holder's record cannot be read, or cannot be written;
 * `LINK_LEDGER` the ledger stopped: restart, which recovers.
 */
export class LinkError extends SluiceError {
  /** The peer's BTP error code and name, for `LINK_REFUSED`. */
  readonly peerCode: string
  readonly peerName: string

  constructor(code: string, message: string, peer: { code: string; name: string } = { code: '', name: '' }) {
    super(code, message)
    this.peerCode = peer.code
    this.peerName = peer.name
  }
}
