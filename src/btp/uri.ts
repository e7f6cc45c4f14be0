/** BTP URIs: `btp+ws://user:token@host:port/path` and `btp+wss://…`, read as WHATWG URLs. */
import type { Credentials } from './auth.js'
import { BtpError } from './errors.js'

export interface BtpUri extends Credentials {
  /** What a WebSocket connects to: `ws:` or `wss:`, without user and token. */
  readonly url: string
}

/** User and token are percent-decoded; missing parts are empty. @throws {BtpError} `BTP_URI`, without the text: it holds a secret */
export function parseBtpUri(text: string): BtpUri {
  if (typeof text !== 'string' || !/^btp\+wss?:\/\//i.test(text)) throw badUri()
  // As ws: and wss: are special schemes, hosts and ports are checked and normalised.
  try {
    const url = new URL(text.slice('btp+'.length))
    const username = decodeURIComponent(url.username)
    const token = decodeURIComponent(url.password)
    url.username = ''
    url.password = ''
    url.hash = ''
    return { url: url.href, username, token }
  } catch {
    throw badUri()
  }
}

function badUri(): BtpError {
  return new BtpError('BTP_URI', 'expected a URI such as btp+ws://user:token@host:port')
}
