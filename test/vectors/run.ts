/** Checks vectors, one by one, through the public interface: what holds, what fails and how, what was not attempted. */
import { isDeepStrictEqual } from 'node:util'
import { fromHex, toHex } from 'sluice/bytes'
import { SluiceError } from 'sluice/errors'
import { expand, isObject, type JsonObject, present } from './json.js'
import { type Op, OPS } from './ops.js'

/** A vector as the file has it. */
export interface Vector {
  readonly id: string
  readonly op: string
  readonly kind: string
  readonly input?: unknown
  readonly hex?: string
  readonly output?: unknown
  readonly expectType?: number
}

export type Verdict =
  | { readonly status: 'holds' }
  | { readonly status: 'fails'; readonly expected: string; readonly got: string }
  | { readonly status: 'not attempted'; readonly why: string }

/** The vectors of a file's text. @throws {TypeError} for a file of another format */
export function readVectors(text: string): readonly Vector[] {
  const file: unknown = JSON.parse(text)
  if (!isObject(file) || !Array.isArray(file['vectors'])) throw new TypeError('expected an object with vectors')
  const vectors: readonly Vector[] = file['vectors']
  return vectors
}

export function check(vector: Vector): Verdict {
  const op = Object.hasOwn(OPS, vector.op) ? OPS[vector.op] : undefined
  if (op === undefined) return { status: 'not attempted', why: `unknown op ${vector.op}` }
  const run = runnerOf(op, vector)
  if (run === undefined) return { status: 'not attempted', why: `${vector.op} has no ${vector.kind}` }
  const refusal = vector.kind.startsWith('refuse-')
  let got: unknown
  try {
    got = present(run())
  } catch (error) {
    const documented = error instanceof SluiceError
    if (refusal && documented) return { status: 'holds' }
    const name = documented ? error.code : 'an error that is not documented'
    return fails(refusal ? 'a documented error' : expectation(vector), `${name}: ${String(error)}`)
  }
  if (refusal) return fails('a documented error', show(got))
  return isExpected(vector, got) ? { status: 'holds' } : fails(expectation(vector), show(got))
}

/** What to do for a vector, or `undefined` when its kind is unknown or lacks what it needs. */
function runnerOf(op: Op, vector: Vector): (() => unknown) | undefined {
  const { encode, decode, recode, compute } = op
  const { hex, kind } = vector
  const input = expand(vector.input) as JsonObject
  switch (kind) {
    case 'encode':
      return encode && hex !== undefined ? () => toHex(encode(input)) : undefined
    case 'refuse-encode':
      return encode && (() => toHex(encode(input)))
    case 'decode':
    case 'refuse-decode':
      return decode && hex !== undefined ? () => decode(fromHex(hex), input ?? {}, vector.expectType) : undefined
    case 'roundtrip':
      return recode && hex !== undefined ? () => toHex(recode(fromHex(hex), input ?? {})) : undefined
    case 'compute':
      return compute && isObject(vector.output) ? () => compute(input) : undefined
    default:
      return undefined
  }
}

function isExpected(vector: Vector, got: unknown): boolean {
  switch (vector.kind) {
    case 'encode':
    case 'roundtrip':
      return got === vector.hex?.toLowerCase()
    default: {
      if (vector.output === undefined) return true
      const expected = present(expand(vector.output))
      if (!isObject(expected) || !isObject(got) || '$hex' in expected) return isDeepStrictEqual(got, expected)
      // An answer may say more than the vector asks, such as a type's name.
      const keys = Object.keys(expected)
      return keys.length > 0 && keys.every((key) => isDeepStrictEqual(got[key], expected[key]))
    }
  }
}

function expectation(vector: Vector): string {
  if (vector.kind === 'encode' || vector.kind === 'roundtrip') return vector.hex ?? ''
  return vector.output === undefined ? 'any value' : show(present(expand(vector.output)))
}

function fails(expected: string, got: string): Verdict {
  return { status: 'fails', expected, got }
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
