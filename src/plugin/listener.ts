/** The options of a plugin's connections: where it listens, whom it lets in, where it dials. */
import { readFileSync } from 'node:fs'
import { type Credentials, parseBtpUri } from '../btp/index.js'
import { type Claim, type Dial, secretMatcher } from '../session/index.js'
import { dialWebSocket, type ListenOptions } from '../session/ws.js'
import { InvalidFieldsError } from './errors.js'

export interface ListenerOptions {
  /** Default 4195. 0 takes any free one. */
  port?: number
  /** Default: loopback without a secret, all interfaces with one. */
  host?: string
  /** PEM text, or the name of a file that holds it. Together they make it `btp+wss:`. */
  cert?: string
  key?: string
  /** The authorities between `cert` and those that holders trust. Holders are asked for a token, never for a certificate. */
  ca?: string
}

export interface AccessOptions {
  /** The token to authenticate with, under the empty user name. `''` lets in every program on this machine. */
  incomingSecret?: string
  /** Decides instead of `incomingSecret`. */
  authCheck?: (username: string, token: string) => boolean | Promise<boolean>
}

/** BTP has no registered port; the 2017 plugin's. */
const DEFAULT_PORT = 4195
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

/** @throws {InvalidFieldsError} */
export function listenOptions(listener: ListenerOptions, access: AccessOptions): Omit<ListenOptions, 'onTransport'> {
  if (typeof listener !== 'object' || listener === null) throw new InvalidFieldsError('listener must be an object')
  const { port = DEFAULT_PORT, host, cert, key, ca } = listener
  return {
    port,
    host: listeningHost(host, access),
    ...(cert === undefined ? {} : { cert: chain(cert, ca) }),
    ...(key === undefined ? {} : { key: pem('key', key) }),
  }
}

/** Gives `account` to whoever may have it. @throws {InvalidFieldsError} */
export function authenticator(
  { incomingSecret, authCheck }: AccessOptions,
  account: string,
): (claim: Claim) => Promise<string | undefined> {
  if (authCheck !== undefined) {
    if (typeof authCheck !== 'function') throw new InvalidFieldsError('authCheck must be a function')
    return async ({ username, token }) => ((await authCheck(username, token)) === true ? account : undefined)
  }
  if (typeof incomingSecret !== 'string') {
    throw new InvalidFieldsError("a listener needs incomingSecret (or authCheck); '' lets in programs on this machine")
  }
  const matches = secretMatcher(incomingSecret)
  return async ({ username, token }) => (matches(token) && username === '' ? account : undefined)
}

/** Where and as whom to connect. `ca`: PEM text or file. @throws {InvalidFieldsError} */
export function dialOptions(server: string, ca: string | undefined): Credentials & { readonly dial: Dial } {
  const { url, username, token } = invalidFields('server', () => parseBtpUri(server))
  return { dial: dialWebSocket(url, ca === undefined ? {} : { tls: { ca: pem('ca', ca) } }), username, token }
}

/** Without a secret anyone who reaches the port has the account, so nobody else may. */
function listeningHost(host: string | undefined, { incomingSecret, authCheck }: AccessOptions): string {
  if (authCheck !== undefined || incomingSecret !== '') return host ?? '0.0.0.0'
  if (host !== undefined && !LOOPBACK.includes(host)) {
    throw new InvalidFieldsError('without a secret the ledger listens on loopback only: give an incomingSecret')
  }
  return host ?? '127.0.0.1'
}

/** The listener's own certificate first, as TLS sends them. */
function chain(cert: string, ca: string | undefined): string {
  return ca === undefined ? pem('cert', cert) : `${pem('cert', cert)}\n${pem('ca', ca)}`
}

function pem(name: string, text: string): string {
  return text.includes('-----BEGIN') ? text : invalidFields(name, () => readFileSync(text, 'utf8'))
}

function invalidFields<Value>(name: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new InvalidFieldsError(`${name}: ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
}
