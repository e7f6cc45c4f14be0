/**
 * ILP packets as values: v1 (RFC-3 draft 4 and RFC-8 draft 3, types 1–11) and v4 (RFC-27 draft 10, types 12–14).
 * protocols.md C. Amounts are base units; times are milliseconds since 1970.
 */

/** One point of a liquidity curve. */
export type LiquidityPoint = readonly [source: bigint, destination: bigint]

export interface PaymentPacket {
  readonly type: 1
  readonly amount: bigint
  readonly account: string
  readonly data: Uint8Array
}
export interface LiquidityRequestPacket {
  readonly type: 2
  readonly destinationAccount: string
  readonly destinationHoldDuration: number
}
export interface LiquidityResponsePacket {
  readonly type: 3
  readonly liquidityCurve: readonly LiquidityPoint[]
  readonly appliesToPrefix: string
  readonly sourceHoldDuration: number
  readonly expiresAt: number
}
export interface BySourceRequestPacket {
  readonly type: 4
  readonly destinationAccount: string
  readonly sourceAmount: bigint
  readonly destinationHoldDuration: number
}
export interface BySourceResponsePacket {
  readonly type: 5
  readonly destinationAmount: bigint
  readonly sourceHoldDuration: number
}
export interface ByDestinationRequestPacket {
  readonly type: 6
  readonly destinationAccount: string
  readonly destinationAmount: bigint
  readonly destinationHoldDuration: number
}
export interface ByDestinationResponsePacket {
  readonly type: 7
  readonly sourceAmount: bigint
  readonly sourceHoldDuration: number
}
export interface ErrorPacket {
  readonly type: 8
  readonly code: string
  readonly name: string
  readonly triggeredBy: string
  readonly forwardedBy: readonly string[]
  readonly triggeredAt: number
  readonly data: Uint8Array
}
export interface FulfillmentDataPacket {
  readonly type: 9
  readonly data: Uint8Array
}
export interface ForwardedPaymentPacket {
  readonly type: 10
  readonly account: string
  readonly data: Uint8Array
}
export interface RejectionPacket {
  readonly type: 11
  readonly code: string
  readonly triggeredBy: string
  readonly message: string
  readonly data: Uint8Array
}
export interface PreparePacket {
  readonly type: 12
  readonly amount: bigint
  readonly expiresAt: number
  readonly executionCondition: Uint8Array
  readonly destination: string
  readonly data: Uint8Array
}
export interface FulfillPacket {
  readonly type: 13
  readonly fulfillment: Uint8Array
  readonly data: Uint8Array
}
export interface RejectPacket {
  readonly type: 14
  readonly code: string
  readonly triggeredBy: string
  readonly message: string
  readonly data: Uint8Array
}

export type Packet =
  | PaymentPacket
  | LiquidityRequestPacket
  | LiquidityResponsePacket
  | BySourceRequestPacket
  | BySourceResponsePacket
  | ByDestinationRequestPacket
  | ByDestinationResponsePacket
  | ErrorPacket
  | FulfillmentDataPacket
  | ForwardedPaymentPacket
  | RejectionPacket
  | PreparePacket
  | FulfillPacket
  | RejectPacket
