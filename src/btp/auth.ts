/** The first message on a new socket, client to server: who it is (RFC-23 drafts 2 and 9, authentication). */
import { fromUtf8, toBase64url, utf8 } from '../bytes/index.js'
import { sha256 } from '../crypto/index.js'
import { duplicateName, findEntry, octetEntry, textEntry } from './entries.js'
import { type BtpVersion, type Frame, MESSAGE, type SubProtocol, TEXT_PLAIN } from './types.js'

export interface Credentials {
  readonly username: string
  readonly token: string
}

/** Entries of the authentication message, primary first. BTP 1.0 peers demand the username, be it empty. */
export function authEntries({ username, token }: Credentials): readonly SubProtocol[] {
  return [octetEntry('auth'), textEntry('auth_username', username), textEntry('auth_token', token)]
}

/**
 * The credentials of a first frame, or `undefined` when it is no authentication message: another primary entry, no token,
 * no username (which BTP 2.0 reads as empty), an entry twice, text that is not UTF-8 or not called plain text.
 */
export function readAuth(frame: Frame, version: BtpVersion): Credentials | undefined {
  if (frame.type !== MESSAGE || frame.entries[0]?.name !== 'auth' || duplicateName(frame.entries) !== undefined) {
    return undefined
  }
  const username = findEntry(frame.entries, 'auth_username')
  const token = findEntry(frame.entries, 'auth_token')
  for (const entry of [username, token]) if (entry !== undefined && entry.contentType !== TEXT_PLAIN) return undefined
  if (token === undefined || (username === undefined && version === 1)) return undefined
  try {
    return { username: username === undefined ? '' : fromUtf8(username.data), token: fromUtf8(token.data) }
  } catch {
    return undefined
  }
}

/** The account name of a peer that gave a token but no username: base64url(SHA-256(token)), a valid address segment. */
export function accountOfToken(token: string): string {
  return toBase64url(sha256(utf8(token)))
}
