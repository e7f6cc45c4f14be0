export * from './types.js'
export { LinkError } from './errors.js'
export { Holder, type HolderLimits, type HolderOptions } from './holder.js'
export { Host, type HostOptions, isAccountName } from './host.js'
export type { HostAccount } from './host-account.js'
export type { Claims, HostLimits } from './host-context.js'
export type { RecordOptions } from './record.js'
export type { Recovered } from './recovery.js'
export { linkPair, type LinkPair, type LinkPairOptions } from './pair.js'
export type { AccountRegisterOptions, ListedAccount, OpenPolicy } from './account-register.js'
export { byIlpType } from './packet-dispatch.js'
export type { HostIdentity } from './packet-host.js'
export {
  PacketPeer,
  type PacketPeerOptions,
  type PeerConnection,
  type PeerOwners,
  SETTLEMENT_MS,
} from './packet-peer.js'
export { SETTLEMENTS_REMEMBERED_MAX } from './settled-ids.js'
export type { AcceptSettlement, PacketLink, PacketOwner, Proof } from './packet-types.js'
export { Lifecycle } from './lifecycle.js'
export { completeReason, decodeReason, encodeReason } from './reason.js'
