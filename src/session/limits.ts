/** Limits of one session: what a peer may make us wait for, hold or send. Defaults follow the 2017 program where it had any. */
import type { BtpVersion } from '../btp/index.js'

export interface SessionLimits {
  /** A longer message ends the connection. */
  readonly frameBytesMax: number
  /** A request without an answer is then told `lost`. */
  readonly requestTimeoutMs: number
  /** Our requests in flight; one more is answered with an error, and not sent. */
  readonly pendingRequestsMax: number
  /** The peer's requests that we have not answered; one more ends the connection. */
  readonly incomingRequestsMax: number
  /** The same in bytes of their frames. */
  readonly incomingBytesMax: number
  /** What the peer has not taken from us yet; more ends the connection: a slow reader may not fill memory. */
  readonly sendBufferBytesMax: number
  readonly pingIntervalMs: number
  /** A peer that is silent for this long after a ping is gone. */
  readonly pongTimeoutMs: number
}

export const FRAME_BYTES_MAX = 128 * 1024

const REQUEST_TIMEOUT_MS: Readonly<Record<BtpVersion, number>> = { 1: 5_000, 2: 35_000 }

/** The defaults of a version, with some replaced. */
export function sessionLimits(version: BtpVersion, replaced: Partial<SessionLimits> = {}): SessionLimits {
  return {
    frameBytesMax: FRAME_BYTES_MAX,
    requestTimeoutMs: REQUEST_TIMEOUT_MS[version],
    pendingRequestsMax: 16_384,
    incomingRequestsMax: 16_384,
    incomingBytesMax: 32 * 1024 * 1024,
    sendBufferBytesMax: 4 * 1024 * 1024,
    pingIntervalMs: 20_000,
    pongTimeoutMs: 10_000,
    ...replaced,
  }
}
