/** The options of ilp-plugin-btp 1.4, and ours beside them, as what sessions are made of. */
import { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import type { Clock } from '../clock/index.js'
import { byIlpType } from '../link/index.js'
import type { Log } from '../log/index.js'
import { SessionClient, type SessionOwner, secretMatcher } from '../session/index.js'
import { listen, listenWith } from '../session/ws.js'
import { InvalidFieldsError } from './errors.js'
import { dialOptions, type ListenerOptions, listenOptions } from './listener.js'
import { type Listen, PeerListener } from './peer-listener.js'
import type { AcceptProof } from './v2-settlement.js'

export interface BtpListenerOptions extends ListenerOptions {
  /** The token that the peer must show, under any user name. `''` lets in every program on this machine. */
  secret: string
  /**
   * What ilp-plugin-btp passes on to `ws`: `port`, `host` and `path` are heeded. `server`: an HTTP server to wait at, which
   * is made to listen on `port`, and closed in the end, unless it listens already.
   */
  wsOpts?: { port?: number; host?: string; path?: string; server?: unknown }
}

export interface BtpPluginOptions {
  /** `btp+ws://account:token@host:port/path`; the peer is dialled. */
  server?: string
  /** Instead of those in `server`. */
  btpAccount?: string
  btpToken?: string
  /** The peer is waited for; with `server` too, whichever comes first. */
  listener?: BtpListenerOptions
  /** Of one request, in milliseconds. Default 35 000. */
  responseTimeout?: number
  /** Client: the waits before each new attempt, in milliseconds; the last repeats. Default 0, 100, 500, 1000, 2000, 5000. */
  reconnectIntervals?: number[]
  /** Client: the same wait each time. */
  reconnectInterval?: number
  /** Client: how long a connection must last for the waits to start over, in milliseconds. Default 10 000. */
  reconnectClearTryTimeout?: number
  /** Client: PEM text or file of the authorities to trust for `btp+wss:`, beside the system's. */
  ca?: string
  /**
   * The peer puts ILP packets into the wrong kind of frame, as interledger-rs does: what a packet is decides. It ignores
   * errors, too, so that a Prepare is answered by a Reject instead.
   */
  dispatchByPacket?: boolean
  /** Accepts the peer's settlements without proof. */
  trustSettlements?: boolean
  /** Decides about the peer's settlements. Default: all are refused. */
  acceptSettlement?: AcceptProof
  /** Keeps which settlements of the peer have counted; the service `store` comes first. Without one they are forgotten at the end. */
  _store?: unknown
  /** Default: the machine's. */
  clock?: Clock
}

/** How the peer can be reached. */
export interface Ways {
  readonly dial: ((owner: SessionOwner) => SessionClient) | undefined
  readonly wait: ((owner: SessionOwner) => PeerListener) | undefined
}

/** Nothing is dialled or listened on yet. @throws {InvalidFieldsError} */
export function waysOf(opts: BtpPluginOptions, clock: Clock, log: Log): Ways {
  const { server, listener, responseTimeout, dispatchByPacket } = opts
  const shared = {
    version: 2 as const,
    clock,
    log,
    ...(responseTimeout !== undefined && {
      limits: { requestTimeoutMs: milliseconds('responseTimeout', responseTimeout) },
    }),
    readAs: dispatchByPacket === true ? byIlpType : undefined,
  }
  const dialing = server === undefined ? undefined : { ...dialingOf(opts, server), ...shared }
  const waiting = listener === undefined ? undefined : { ...waitingOf(listener), ...shared }
  return {
    dial: dialing && ((owner) => new SessionClient({ ...dialing, owner })),
    wait: waiting && ((owner) => new PeerListener({ ...waiting, owner })),
  }
}

function dialingOf(opts: BtpPluginOptions, server: string) {
  const { btpAccount, btpToken, ca, reconnectClearTryTimeout } = opts
  for (const [name, value] of Object.entries({ server, btpAccount, btpToken })) {
    if (value !== undefined && typeof value !== 'string') throw new InvalidFieldsError(`${name} must be text`)
  }
  const { username, token, dial } = dialOptions(server, ca)
  if ((username || token) && (btpAccount || btpToken)) {
    throw new InvalidFieldsError('give account and token in server, or as btpAccount and btpToken, not both')
  }
  return {
    dial,
    username: username || btpAccount || '',
    token: token || btpToken || '',
    reconnectDelaysMs: delaysOf(opts),
    // As in that package, 0 is as good as nothing.
    stableMs: reconnectClearTryTimeout ? milliseconds('reconnectClearTryTimeout', reconnectClearTryTimeout) : undefined,
  }
}

function delaysOf({ reconnectIntervals, reconnectInterval }: BtpPluginOptions): readonly number[] | undefined {
  if (!reconnectIntervals) {
    return reconnectInterval ? [milliseconds('reconnectInterval', reconnectInterval)] : undefined
  }
  const fits =
    Array.isArray(reconnectIntervals) &&
    reconnectIntervals.every((interval) => Number.isFinite(interval) && interval >= 0) &&
    (reconnectIntervals.at(-1) ?? 0) > 0
  if (!fits) throw new InvalidFieldsError('reconnectIntervals must be milliseconds; the last, which repeats, above 0')
  return reconnectIntervals
}

function waitingOf(listener: BtpListenerOptions) {
  if (typeof listener !== 'object' || listener === null) throw new InvalidFieldsError('listener must be an object')
  const { secret, wsOpts = {} } = listener
  if (typeof secret !== 'string') {
    throw new InvalidFieldsError("listener needs a secret; '' lets in programs on this machine")
  }
  for (const name of ['noServer', 'verifyClient']) {
    if (name in wsOpts)
      throw new InvalidFieldsError(`listener.wsOpts.${name} is not supported: give a port or a server`)
  }
  const matches = secretMatcher(secret)
  return {
    listen: wsOpts.server === undefined ? ownServer(listener) : givenServer(listener, wsOpts.server),
    authenticate: ({ token }: { readonly token: string }) => (matches(token) ? '' : undefined),
  }
}

function ownServer({
  secret,
  wsOpts = {},
  port = wsOpts.port,
  host = wsOpts.host,
  ...tls
}: BtpListenerOptions): Listen {
  const where = { ...tls, ...(port !== undefined && { port }), ...(host !== undefined && { host }) }
  const options = { ...listenOptions(where, { incomingSecret: secret }), ...pathOf(wsOpts) }
  return async (onTransport) => listen({ ...options, onTransport })
}

function givenServer(listener: BtpListenerOptions, server: unknown): Listen {
  const { secret, wsOpts = {}, port = wsOpts.port, host = wsOpts.host, cert, key } = listener
  if (!isServer(server))
    throw new InvalidFieldsError('listener.wsOpts.server must be a server of node:http or node:https')
  if (cert !== undefined || key !== undefined) {
    throw new InvalidFieldsError('cert and key belong to listener.wsOpts.server: make it with them')
  }
  if (secret === '') throw new InvalidFieldsError('a listener at a given server needs a secret: others may reach it')
  const options = { ...pathOf(wsOpts), ...(port !== undefined && { port }), ...(host !== undefined && { host }) }
  return async (onTransport) => listenWith(server, { ...options, onTransport })
}

function pathOf({ path }: { path?: string }) {
  return path === undefined ? {} : { path }
}

function isServer(value: unknown): value is Server {
  return value instanceof EventEmitter && 'listen' in value && 'listening' in value
}

function milliseconds(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidFieldsError(`${name} must be a number of milliseconds above 0`)
}
