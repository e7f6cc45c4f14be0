/** What a link refuses, apart from what becomes of a hold (that is a {@link HoldOutcome}, never an exception). */
import { SluiceError } from '../errors/index.js'

/**
 * A link that cannot do what it was asked. Codes:
 * `LINK_ACCOUNT` the account's name is not one valid address segment, or the ledger refused to open it;
 * `LINK_CLOSED` the link or its connection was closed while this was under way;
 * `LINK_NOT_OPEN` open the link first, or wait for its reconnection;
 * `LINK_PEER` the peer's answer is unreadable: it speaks something else;
 * `LINK_PREFIX` the host's ledger prefix is not the configured one, or is no address prefix;
 * `LINK_RECORD` the holder's record cannot be read or written: see to its store;
 * `LINK_REFUSED` the peer answered with an error (`peerCode` and `peerName` say which);
 * `LINK_TIMEOUT` the peer did not answer in time.
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
