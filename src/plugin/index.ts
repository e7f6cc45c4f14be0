/** The Ledger Plugin Interface, as faces of links. */
export * from './errors.js'
export {
  HostedLedgerPlugin,
  type HostedLedgerPluginOptions,
  type ListenerOptions as PluginListenerOptions,
} from './hosted-ledger-plugin.js'
export { CUSTOM_BYTES_MAX, ILP_BYTES_MAX } from './v1-convert.js'
export { type Ended, ENDED_MAX } from './v1-ended.js'
export { type FaceOptions, PluginV1 } from './v1-face.js'
export * from './v1-types.js'
