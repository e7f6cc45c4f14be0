/** Bytes with a checksum (CRC-32) behind them, for media that may give back other bytes than they were given. */
import { crc32 } from 'node:zlib'

const CHECK_BYTES = 4

/** Head and body in one, and their checksum. */
export function seal(head: Uint8Array, body: Uint8Array): Uint8Array {
  const length = head.length + body.length
  const sealed = new Uint8Array(length + CHECK_BYTES)
  sealed.set(head)
  sealed.set(body, head.length)
  new DataView(sealed.buffer).setUint32(length, crc32(sealed.subarray(0, length)))
  return sealed
}

/** Head and body as they were sealed; `undefined` when they are not whole. */
export function unseal(sealed: Uint8Array, headBytes: number): { head: DataView; body: Uint8Array } | undefined {
  const length = sealed.length - CHECK_BYTES
  if (length < headBytes) return undefined
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.length)
  const content = sealed.subarray(0, length)
  if (crc32(content) !== view.getUint32(length)) return undefined
  return { head: view, body: content.subarray(headBytes) }
}
