/** A holder by the BTP URI of its account: the Node rim of `holder.ts`, as `hosted-ledger.ts` is that of the host. */
import { type Credentials, parseBtpUri } from '../btp/index.js'
import { hashToken } from '../session/index.js'
import { type DialOptions, dialWebSocket } from '../session/ws.js'
import { Holder, type HolderOptions } from './holder.js'

/** All that a holder can be told, but what the URI says. */
export type HolderAtOptions = Omit<HolderOptions, keyof Credentials | 'dial'> & Pick<DialOptions, 'tls'>

/**
 * The holder of the account that `btp+ws://user:token@host:port/path` names; not open yet. The account's name is the user
 * name; without one the hash of the token, as Sluice's hosts have it; without either `client`, as in the seeds.
 * @throws {BtpError} `BTP_URI`
 */
export function holderAt(uri: string, options: HolderAtOptions = {}): Holder {
  const { url, username, token } = parseBtpUri(uri)
  const { tls, ...rest } = options
  const name = username === '' && token !== '' ? hashToken(token) : username
  const dial = dialWebSocket(url, tls === undefined ? {} : { tls })
  return new Holder({ ...(name !== '' && { accountSegment: name }), ...rest, dial, username, token })
}
