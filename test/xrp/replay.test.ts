/**
 * The requests that a real server was asked, asked of the test ledger: every answer, every result, every change of a
 * balance and every message of the streams is the recorded one. What is not compared stands in `OWN` and `HASHES`.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { EVENTS, replay, TABLE, TRAFFIC, type Json } from './recorded.js'

/** Facts about the recorded machine, in `server_info` and `server_state`: the simulator has its own, or none. */
const OWN: ReadonlySet<string> = new Set([
  'build_version',
  'converge_time_s',
  'hostid',
  'initial_sync_duration_us',
  'jq_trans_overflow',
  'load',
  'node_size',
  'peer_disconnects',
  'peer_disconnects_resources',
  'ports',
  'pubkey_node',
  'server_state_duration_us',
  'state_accounting',
  'time',
  'uptime',
  'validator_list',
  'validator_list_expires',
])

/**
 * Hashes of ledgers and of what is in them, which the simulator does not compute as servers do. Its own must stand
 * wherever the recorded ones stand, each always for the same. (`hash` of a transaction is computed, and compared.)
 */
const HASHES: ReadonlySet<string> = new Set([
  'account_hash',
  'ledger_hash',
  'parent_hash',
  'transaction_hash',
  'validated_ledger.hash',
])

const replayed = replay()

/** A message with what is not compared taken out, and each hash of the simulator replaced by the recorded one. */
function comparable(message: unknown, names: ReadonlyMap<unknown, unknown>, parent = ''): unknown {
  if (Array.isArray(message)) return message.map((item) => comparable(item, names))
  if (typeof message !== 'object' || message === null) return message
  return Object.fromEntries(
    Object.entries(message)
      .filter(([name]) => !OWN.has(name))
      .map(([name, value]) => {
        const isHash = HASHES.has(name) || HASHES.has(`${parent}.${name}`)
        return [name, isHash ? (names.get(value) ?? value) : comparable(value, names, name)]
      }),
  )
}

/** Finds which recorded hash each of the simulator's stands for, and that it stands for no other. */
function matchHashes(ours: unknown, recorded: unknown, names: Map<unknown, unknown>, parent = ''): void {
  if (typeof ours !== 'object' || ours === null || typeof recorded !== 'object' || recorded === null) return
  for (const [name, value] of Object.entries(ours)) {
    const other: unknown = (recorded as Json)[name]
    if (HASHES.has(name) || HASHES.has(`${parent}.${name}`)) {
      assert.match(String(value), /^[0-9A-F]{64}$/)
      assert.equal(names.get(value) ?? other, other, `${name} changed`)
      names.set(value, other)
    } else {
      matchHashes(value, other, names, name)
    }
  }
}

/** It was recorded of errors only. */
function withoutStatus({ status: _status, ...rest }: Json): Json {
  return rest
}

test('every answer is the recorded one', async () => {
  const { answers } = await replayed
  const names = new Map<unknown, unknown>()
  assert.equal(answers.length, TRAFFIC.length)
  for (const [id, { req, res, err }] of TRAFFIC.entries()) {
    const { status, ...ours } = answers[id] ?? {}
    const recorded = res ?? err ?? {}
    matchHashes(ours, recorded, names)
    assert.equal(status, res === undefined ? 'error' : 'success')
    assert.deepEqual(
      comparable(ours, names),
      comparable(withoutStatus(recorded), names),
      `request ${id}, ${req.command}`,
    )
  }
  assert.equal(new Set(names.values()).size, names.size, 'two hashes of ours stand for one')
})

test('every message of the streams is the recorded one, in the recorded order', async () => {
  const { events } = await replayed
  const names = new Map<unknown, unknown>()
  assert.equal(events.length, EVENTS.length)
  for (const [at, recorded] of EVENTS.entries()) {
    matchHashes(events[at], recorded, names)
    assert.deepEqual(comparable(events[at], names), comparable(recorded, names), `message ${at}`)
  }
})

for (const row of TABLE) {
  test(`${row.name}, ${row.hash.slice(0, 8)}: ${row.prelim}`, async () => {
    const { answers } = await replayed
    const results = answers.map(({ result }) => result as Json | undefined)
    const submitted = results.find((result) => (result?.['tx_json'] as Json | undefined)?.['hash'] === row.hash)
    assert.ok(submitted)
    assert.equal(submitted['engine_result'], row.prelim)
    assert.equal(submitted['engine_result_code'], row.code)
    assert.equal(submitted['applied'], row.applied)
    const found = results.find((result) => result?.['hash'] === row.hash)
    const meta = found?.['meta'] as Json | undefined
    assert.equal(meta?.['TransactionResult'], row.final)
    assert.equal(found?.['validated'], row.final !== undefined)
  })
}
