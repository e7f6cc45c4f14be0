/**
 * How the vector files write values that JSON does not have: bytes, long patterns, repeated text, dates. `expand` reads
 * them, `present` writes them, so that expected and actual values are compared in one form.
 */
import { toBase64url, toHex, fromHex } from 'sluice/bytes'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `length` bytes of the pattern that the files use. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + 3) & 255)
}

/** Replaces the files' notations by bytes and text, at any depth. */
export function expand(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expand)
  if (!isObject(value)) return value
  const { $hex: hex, $base64urlOfPatternLength: textLength, $repeat: repeat, length } = value
  if (typeof hex === 'string') return Buffer.from(fromHex(hex))
  if (typeof textLength === 'number') return toBase64url(pattern(textLength))
  if (typeof length === 'number') {
    if ('$pattern' in value || value['pattern'] === true) return Buffer.from(pattern(length))
    // 'g.aaa…' with a length: the last character repeated up to it.
    if (typeof repeat === 'string') {
      const start = repeat.replace(/…$/, '')
      return start.padEnd(length, start.slice(-1)).slice(0, length)
    }
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item)]))
}

/** A value as the files write it: bytes as `{$hex}`, dates as ISO text, amounts as decimal text. */
export function present(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $hex: toHex(value) }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Map) return present(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(present)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, present(item)]))
}

/** The dates among an object's fields, which the files write as text. */
export function withDates(fields: JsonObject): JsonObject {
  const dated: Record<string, unknown> = { ...fields }
  for (const key of ['expiresAt', 'triggeredAt']) {
    const value = dated[key]
    if (typeof value === 'string') dated[key] = new Date(value)
  }
  return dated
}
