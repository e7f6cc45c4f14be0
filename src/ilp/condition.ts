/**
 * Conditions and fulfillments, and the three ways in which the 2017 shops derive them: at random (Letter Shop), from
 * the destination address (seed 002), from the packet (PSK 1.0, RFC-16 draft 3). A deriver is made once per secret, so
 * that a payment costs no key schedule.
 */
import { ascii, utf8 } from '../bytes/index.js'
import { hmacSha256, hmacSha256Key, randomBytes, sha256 } from '../crypto/index.js'

/** 32 bytes: SHA-256 of the fulfillment. */
export function conditionOf(fulfillment: Uint8Array): Uint8Array {
  return sha256(fulfillment)
}

/** 32 random bytes, bound to nothing: for one-shot payments, kept by the receiver. */
export function randomFulfillment(): Uint8Array {
  return randomBytes(32)
}

/**
 * Fulfillments of seed 002: hmac(secret, address). They bind the full destination, the payment id included, but neither
 * amount nor data, which the receiver checks itself.
 */
export function accountFulfiller(secret: Uint8Array): (account: string) => Uint8Array {
  const mac = hmacSha256Key(secret)
  return (account) => mac(ascii(account))
}

/** hmac(secret, "ilp_psk_condition"), the key of PSK 1.0 fulfillments. */
export function pskFulfillmentKey(secret: Uint8Array): Uint8Array {
  return hmacSha256(secret, utf8('ilp_psk_condition'))
}

/**
 * Fulfillments of PSK 1.0: they bind every byte of the packet as sent, its envelope included. Equal packets have equal
 * fulfillments, so no packet may be paid twice.
 */
export function pskFulfiller(secret: Uint8Array): (packet: Uint8Array) => Uint8Array {
  return hmacSha256Key(pskFulfillmentKey(secret))
}
