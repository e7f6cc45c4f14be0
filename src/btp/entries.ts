/** Sub-protocol entries of a frame: finding one, and the rule that names are unique. */
import { EMPTY, utf8 } from '../bytes/index.js'
import { APPLICATION_JSON, OCTET_STREAM, type SubProtocol, TEXT_PLAIN } from './types.js'

/** The entry of that name, the first if there are several. */
export function findEntry(entries: readonly SubProtocol[], name: string): SubProtocol | undefined {
  for (const entry of entries) if (entry.name === name) return entry
  return undefined
}

/** A name that occurs twice, which is a protocol violation to answer with an Error; `undefined` when there is none. */
export function duplicateName(entries: readonly SubProtocol[]): string | undefined {
  if (entries.length < 2) return undefined
  const seen = new Set<string>()
  for (const { name } of entries) {
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

export function octetEntry(name: string, data: Uint8Array = EMPTY): SubProtocol {
  return { name, contentType: OCTET_STREAM, data }
}

export function textEntry(name: string, text: string): SubProtocol {
  return { name, contentType: TEXT_PLAIN, data: utf8(text) }
}

export function jsonEntry(name: string, value: unknown): SubProtocol {
  return { name, contentType: APPLICATION_JSON, data: utf8(JSON.stringify(value)) }
}
