/** The Ledger Plugin Interface, as faces of links. */
export { type AdapterOptions, asLink, asVersion1, asVersion2 } from './adapters.js'
export { ADAPTED_HOLDS_MAX } from './adapters-packet-link.js'
export type { BtpListenerOptions, BtpPluginOptions } from './btp-options.js'
export { BtpPlugin } from './btp-plugin.js'
export {
  type ChannelBackend,
  channelBackend,
  type LogOptions,
  type MaxEntry,
  type MaxValueTracker,
  type TransferLog,
  type TransferWithInfo,
} from './channel-backend.js'
export * from './errors.js'
export { type AccountLimits, type HostAccountOptions, HostPlugin, type HostPluginOptions } from './host-plugin.js'
export { HostedLedgerPlugin, type HostedLedgerPluginOptions } from './hosted-ledger-plugin.js'
export type { AccessOptions, ListenerOptions as PluginListenerOptions } from './listener.js'
export {
  type ChannelContext,
  type ChannelModule,
  type ChannelRpc,
  makePaymentChannelPlugin,
  type PaymentChannelPluginOptions,
} from './payment-channel-plugin.js'
export { CUSTOM_BYTES_MAX, ILP_BYTES_MAX } from './v1-convert.js'
export { type Ended, ENDED_MAX } from './v1-ended.js'
export { type FaceOptions, PluginV1 } from './v1-face.js'
export type { Admit } from './v1-incoming.js'
export type { Adopt } from './v1-outgoing.js'
export * from './v1-types.js'
export { PluginV2, WAITING_PAYMENTS_MAX } from './v2-face.js'
export type { AcceptProof } from './v2-settlement.js'
export * from './v2-types.js'
