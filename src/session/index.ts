/** BTP sessions, without a network: the Node rim is `sluice/session/ws`. */
export { SessionClient, type SessionClientOptions } from './client.js'
export { SessionError } from './errors.js'
export { btpFailure } from './failures.js'
export { FRAME_BYTES_MAX, type SessionLimits } from './limits.js'
export { hashToken, secretMatcher, tokenMatcher } from './secrets.js'
export { SessionServer, type SessionServerOptions } from './server.js'
export type { Authenticate, Claim, StrangerLimits } from './stranger.js'
export * from './types.js'
