/**
 * BTP packets ("frames") as values. BTP 1.0: RFC-23 draft 2, types 1–6. BTP 2.0: RFC-23 draft 9, types 1, 2, 6, 7.
 * Both versions share the envelope; the version is configured per connection, never guessed.
 */

export type BtpVersion = 1 | 2

export const RESPONSE = 1
export const ERROR = 2
export const PREPARE = 3
export const FULFILL = 4
export const REJECT = 5
export const MESSAGE = 6
export const TRANSFER = 7

/** `contentType` of a sub-protocol entry; other values 0…255 pass through untouched. */
export const OCTET_STREAM = 0
export const TEXT_PLAIN = 1
export const APPLICATION_JSON = 2

/** One entry of `protocolData`. The first entry of a frame, the primary, says what is asked. */
export interface SubProtocol {
  readonly name: string
  readonly contentType: number
  readonly data: Uint8Array
}

export interface ResponseFrame {
  readonly type: typeof RESPONSE
  readonly requestId: number
  readonly entries: readonly SubProtocol[]
}

export interface ErrorFrame {
  readonly type: typeof ERROR
  readonly requestId: number
  /** Three ASCII characters, such as `F00`. */
  readonly code: string
  /** The error's name, which decides (peers number the codes differently: protocols.md D.5). */
  readonly name: string
  /** Milliseconds since 1970. */
  readonly triggeredAt: number
  /** At most 8192 bytes; by convention JSON `{"message": …}`. */
  readonly data: Uint8Array
  readonly entries: readonly SubProtocol[]
}

export interface PrepareFrame {
  readonly type: typeof PREPARE
  readonly requestId: number
  /** 16 bytes. */
  readonly transferId: Uint8Array
  readonly amount: bigint
  /** 32 bytes. */
  readonly condition: Uint8Array
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly entries: readonly SubProtocol[]
}

export interface FulfillFrame {
  readonly type: typeof FULFILL
  readonly requestId: number
  readonly transferId: Uint8Array
  /** 32 bytes. */
  readonly fulfillment: Uint8Array
  readonly entries: readonly SubProtocol[]
}

export interface RejectFrame {
  readonly type: typeof REJECT
  readonly requestId: number
  readonly transferId: Uint8Array
  readonly entries: readonly SubProtocol[]
}

export interface MessageFrame {
  readonly type: typeof MESSAGE
  readonly requestId: number
  readonly entries: readonly SubProtocol[]
}

/** BTP 2.0 only. */
export interface TransferFrame {
  readonly type: typeof TRANSFER
  readonly requestId: number
  readonly amount: bigint
  readonly entries: readonly SubProtocol[]
}

export type ReplyFrame = ResponseFrame | ErrorFrame
export type RequestFrame = PrepareFrame | FulfillFrame | RejectFrame | MessageFrame | TransferFrame
export type Frame = ReplyFrame | RequestFrame
