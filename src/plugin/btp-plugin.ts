/**
 * One peer over BTP 2.0 (RFC-23 draft 9), as a version 2 plugin with the options of ilp-plugin-btp 1.4: with `server` it
 * dials, with `listener` it waits, with both it does both. Whatever data are sent go through unread.
 */
import { systemClock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import { type AcceptSettlement, PacketPeer, type PeerConnection } from '../link/index.js'
import { type BtpPluginOptions, waysOf } from './btp-options.js'
import { EitherWay } from './either-way.js'
import { InvalidFieldsError } from './errors.js'
import type { PeerListener } from './peer-listener.js'
import { PluginV2 } from './v2-face.js'
import { settlementRule } from './v2-settlement.js'
import { storeOf } from './v2-services.js'
import type { PluginServices } from './v2-types.js'

export class BtpPlugin extends PluginV2 {
  readonly #listener: () => PeerListener | undefined

  /** Nothing starts here; `connect()` does. @throws {TypeError} {InvalidFieldsError} {InvalidServicesError} */
  constructor(opts: BtpPluginOptions, api?: PluginServices) {
    let listener: PeerListener | undefined
    super(opts, api, (owner, log) => {
      const { clock = systemClock } = opts
      const ways = waysOf(opts, clock, log)
      return new PacketPeer({
        owner,
        connect: ({ accepted, dialled }) => {
          listener = ways.wait?.(accepted)
          return connectionOf(ways.dial?.(dialled), listener)
        },
        clock,
        log,
        randomBytes,
        acceptSettlement: settlementOf(opts),
        store: storeOf(api, opts._store),
        answersByPacket: opts.dispatchByPacket === true,
      })
    })
    this.#listener = () => listener
  }

  /** The port that it listens on, while it does. */
  get port(): number | undefined {
    return this.#listener()?.port
  }
}

function connectionOf(client: PeerConnection | undefined, listener: PeerListener | undefined): PeerConnection {
  if (client !== undefined && listener !== undefined) return new EitherWay(client, listener)
  return client ?? listener ?? NO_WAY
}

/** ilp-plugin-btp constructs without either, too; there is nothing to connect with then. */
const NO_WAY: PeerConnection = {
  open: async () => {
    throw new InvalidFieldsError('give server, to dial a peer, or listener, to wait for one')
  },
  close: async () => undefined,
}

function settlementOf(opts: BtpPluginOptions): AcceptSettlement | undefined {
  return opts.trustSettlements === true ? () => true : settlementRule(opts.acceptSettlement)
}
