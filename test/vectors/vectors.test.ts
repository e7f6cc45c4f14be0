/** The committed vectors hold, and the runner turns red for a wrong byte, an unknown op and an unknown kind. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { OPS } from './ops.js'
import { check, readVectors, type Vector } from './run.js'

const VECTORS = readVectors(
  readFileSync(fileURLToPath(new URL('../../../test/vectors/protocols.json', import.meta.url)), 'utf8'),
)
const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

/** Ops of the format that the committed file has no vector of. */
const MORE: readonly Vector[] = [
  {
    id: 'more-1',
    op: 'ilp.amountTooLargeData',
    kind: 'encode',
    input: { receivedAmount: '10000', maximumAmount: '1000' },
    hex: '000000000000271000000000000003e8',
  },
  {
    id: 'more-2',
    op: 'http.payToken',
    kind: 'compute',
    // RFC 4231, test case 2.
    input: { clientSecretHex: '4a656665', hostname: 'what do ya want for nothing?' },
    output: { payToken: 'W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM' },
  },
  {
    id: 'more-3',
    op: 'ildcp.request',
    kind: 'encode',
    input: { expiresAt: '2017-12-24T16:14:32.279Z' },
    hex:
      '0c460000000000000000323031373132323431363134333232373966687aadf862bd776c8fc18b8e9f8e20' +
      '089714856ee233b3902a591d0d5f29250b706565722e636f6e66696700',
  },
]

/** The same vector with one wrong byte or character in what it expects. */
function wronged(vector: Vector): Vector | undefined {
  const { hex, output } = vector
  if (vector.kind === 'encode' && hex !== undefined) {
    return { ...vector, hex: hex.slice(0, -1) + (hex.endsWith('0') ? '1' : '0') }
  }
  const text = JSON.stringify(output)
  const at = text?.search(/[0-9a-zA-Z_-]"\}*$|true\}$|false\}$/) ?? -1
  if (text === undefined || at < 0) return undefined
  const wrong = text.endsWith('true}')
    ? text.replace(/true\}$/, 'false}')
    : text.endsWith('false}')
      ? text.replace(/false\}$/, 'true}')
      : text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
  return { ...vector, output: JSON.parse(wrong) }
}

test('all vectors hold', () => {
  for (const vector of [...VECTORS, ...MORE])
    assert.deepEqual({ id: vector.id, ...check(vector) }, { id: vector.id, status: 'holds' })
})

test('a wrong byte in one vector of any op is noticed', () => {
  for (const op of Object.keys(OPS)) {
    const wrong = [...VECTORS, ...MORE].filter((vector) => vector.op === op).map(wronged)
    const first = wrong.find((vector) => vector !== undefined)
    assert.ok(first !== undefined, `${op} has a vector to spoil`)
    assert.equal(check(first).status, 'fails', `${op} ${first.id}`)
  }
})

test('what should be refused and is not, fails, and so does what is refused and should not be', () => {
  const status = (vector: Omit<Vector, 'id'>): string => check({ id: 'x', ...vector }).status
  assert.equal(status({ op: 'oer.varUint', kind: 'refuse-decode', hex: '0101' }), 'fails')
  assert.equal(status({ op: 'oer.varUint', kind: 'decode', hex: '00' }), 'fails')
  assert.equal(status({ op: 'oer.varUint', kind: 'refuse-encode', input: { value: '1' } }), 'fails')
  assert.equal(status({ op: 'oer.varUint', kind: 'roundtrip', hex: '020001' }), 'fails')
  // Not a refusal: an accident.
  assert.equal(status({ op: 'psk.condition', kind: 'refuse-encode', input: {} }), 'not attempted')
  assert.equal(status({ op: 'ildcp.request', kind: 'refuse-encode', input: {} }), 'fails')
})

test('an op, a kind or a vector that is not understood counts as not attempted', () => {
  const first = { id: 'x', op: 'oer.varUint', kind: 'decode', hex: '0101' }
  for (const vector of [
    { ...first, op: 'oer.real' },
    { ...first, op: 'constructor' },
    { ...first, kind: 'sing' },
  ]) {
    assert.equal(check(vector).status, 'not attempted')
  }
  assert.equal(check({ id: 'x', op: 'oer.varUint', kind: 'decode' }).status, 'not attempted')
  assert.equal(
    check({ id: 'x', op: 'ilp.address', kind: 'compute', input: { address: 'g.a' } }).status,
    'not attempted',
  )
})

test('the command prints how many hold per op, and each fault with expected and got, and exits 1', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    const run = (vectors: readonly unknown[]): { status: number | null; stdout: string } => {
      const path = join(directory, 'vectors.json')
      writeFileSync(path, JSON.stringify({ format: 1, vectors }))
      return spawnSync(process.execPath, [MAIN, path], { encoding: 'utf8' })
    }
    const good = { id: 'good', op: 'oer.uint64', kind: 'encode', input: { value: '1' }, hex: '0000000000000001' }
    assert.deepEqual(run([good]).status, 0)
    const red = run([good, { ...good, id: 'bad', hex: '0000000000000002' }, { ...good, id: 'odd', op: 'oer.real' }])
    assert.equal(red.status, 1)
    assert.match(red.stdout, /oer\.uint64 +1 of 2 hold/)
    assert.match(red.stdout, /bad .*\n +expected 0000000000000002\n +got +0000000000000001/)
    assert.match(red.stdout, /odd: not attempted/)
    assert.equal(run([]).status, 1)
    assert.equal(spawnSync(process.execPath, [MAIN, join(directory, 'none.json')]).status, 1)
    assert.equal(spawnSync(process.execPath, [MAIN]).status, 0)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
