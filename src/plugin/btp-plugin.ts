/**
 * One peer over BTP 2.0 (RFC-23 draft 9), as a version 2 plugin with the options of ilp-plugin-btp 1.4: with `server` it
 * dials, with `listener` it waits. Whatever data are sent go through unread.
 * Left out: a plugin that listens and dials at once, and a listener on somebody else's HTTP server.
 */
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import { type AcceptSettlement, byIlpType, PacketPeer, type PeerConnection } from '../link/index.js'
import type { Log } from '../log/index.js'
import { SessionClient, type SessionOwner, secretMatcher } from '../session/index.js'
import { InvalidFieldsError } from './errors.js'
import { dialOptions, type ListenerOptions, listenOptions } from './listener.js'
import { PeerListener } from './peer-listener.js'
import { PluginV2 } from './v2-face.js'
import { type AcceptProof, settlementRule } from './v2-settlement.js'
import { storeOf } from './v2-services.js'
import type { PluginServices } from './v2-types.js'

export interface BtpListenerOptions extends ListenerOptions {
  /** The token that the peer must show, under any user name. `''` lets in every program on this machine. */
  secret: string
  /** What ilp-plugin-btp passes on to `ws`: `port`, `host` and `path` are heeded. */
  wsOpts?: { port?: number; host?: string; path?: string; server?: unknown }
}

export interface BtpPluginOptions {
  /** `btp+ws://account:token@host:port/path`; makes this side the client. */
  server?: string
  /** Instead of those in `server`. */
  btpAccount?: string
  btpToken?: string
  /** Makes this side the server. */
  listener?: BtpListenerOptions
  /** Of one request, in milliseconds. Default 35 000. */
  responseTimeout?: number
  /** Client: PEM text or file of the authorities to trust for `btp+wss:`, beside the system's. */
  ca?: string
  /** The peer puts ILP packets into the wrong kind of frame, as interledger-rs does: what a packet is decides. */
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

export class BtpPlugin extends PluginV2 {
  readonly #listener: () => PeerListener | undefined

  /** Nothing starts here; `connect()` does. @throws {TypeError} {InvalidFieldsError} {InvalidServicesError} */
  constructor(opts: BtpPluginOptions, api?: PluginServices) {
    let listener: PeerListener | undefined
    super(opts, api, (owner, log) => {
      const { clock = systemClock } = opts
      const way = connectionOf(opts, clock, log)
      return new PacketPeer({
        owner,
        connect: (sessions) => {
          const connection = way(sessions)
          if (connection instanceof PeerListener) listener = connection
          return connection
        },
        clock,
        log,
        randomBytes,
        acceptSettlement: settlementOf(opts),
        store: storeOf(api, opts._store),
      })
    })
    this.#listener = () => listener
  }

  /** The port that it listens on, while it does. */
  get port(): number | undefined {
    return this.#listener()?.port
  }
}

/** @throws {InvalidFieldsError} */
function connectionOf(opts: BtpPluginOptions, clock: Clock, log: Log): (owner: SessionOwner) => PeerConnection {
  const { server, listener } = opts
  const shared = {
    version: 2 as const,
    clock,
    log,
    ...limitsOf(opts),
    readAs: opts.dispatchByPacket === true ? byIlpType : undefined,
  }
  if (server !== undefined && listener !== undefined) {
    throw new InvalidFieldsError('give server (to dial) or listener (to wait), not both')
  }
  if (server !== undefined) {
    const dialing = { ...credentialsOf(opts, server), ...shared }
    return (owner) => new SessionClient({ ...dialing, owner })
  }
  if (listener === undefined) return () => NO_WAY
  const listening = listeningOf(listener)
  return (owner) => new PeerListener({ ...listening, ...shared, owner })
}

/** ilp-plugin-btp constructs without either, too; there is nothing to connect with then. */
const NO_WAY: PeerConnection = {
  open: async () => {
    throw new InvalidFieldsError('give server, to dial a peer, or listener, to wait for one')
  },
  close: async () => undefined,
}

function credentialsOf(opts: BtpPluginOptions, server: string) {
  const { btpAccount, btpToken, ca } = opts
  for (const [name, value] of Object.entries({ server, btpAccount, btpToken })) {
    if (value !== undefined && typeof value !== 'string') throw new InvalidFieldsError(`${name} must be text`)
  }
  const { username, token, ...dialing } = dialOptions(server, ca)
  if ((username || token) && (btpAccount || btpToken)) {
    throw new InvalidFieldsError('give account and token in server, or as btpAccount and btpToken, not both')
  }
  return { ...dialing, username: username || btpAccount || '', token: token || btpToken || '' }
}

function listeningOf(listener: BtpListenerOptions) {
  if (typeof listener !== 'object' || listener === null) throw new InvalidFieldsError('listener must be an object')
  const { secret, wsOpts = {}, port = wsOpts.port, host = wsOpts.host, ...tls } = listener
  if (typeof secret !== 'string') {
    throw new InvalidFieldsError("listener needs a secret; '' lets in programs on this machine")
  }
  if (wsOpts.server !== undefined) throw new InvalidFieldsError('listener.wsOpts.server cannot be used: give a port')
  const where = { ...tls, ...(port !== undefined && { port }), ...(host !== undefined && { host }) }
  const matches = secretMatcher(secret)
  return {
    listen: {
      ...listenOptions(where, { incomingSecret: secret }),
      ...(wsOpts.path !== undefined && { path: wsOpts.path }),
    },
    authenticate: ({ token }: { readonly token: string }) => (matches(token) ? '' : undefined),
  }
}

function limitsOf({ responseTimeout }: BtpPluginOptions) {
  if (responseTimeout === undefined) return {}
  if (typeof responseTimeout !== 'number' || !(responseTimeout > 0)) {
    throw new InvalidFieldsError('responseTimeout must be a number of milliseconds above 0')
  }
  return { limits: { requestTimeoutMs: responseTimeout } }
}

function settlementOf(opts: BtpPluginOptions): AcceptSettlement | undefined {
  return opts.trustSettlements === true ? () => true : settlementRule(opts.acceptSettlement)
}
