/** Whatever a client asks, it gets one answer, and the next client is served: nothing that it sends is an accident to the server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import fc from 'fast-check'
import { GENESIS_ACCOUNT, standaloneXrpLedger } from 'sluice/testing/xrp'
import { WebSocket } from 'ws'

const COMMANDS = [
  'account_info',
  'account_objects',
  'account_tx',
  'channel_verify',
  'fee',
  'ledger',
  'ledger_accept',
  'ledger_entry',
  'server_info',
  'submit',
  'subscribe',
  'tx',
  'unsubscribe',
]

/** What a field may be: mostly something that fits one of them, half right. */
const value = fc.oneof(
  fc.constantFrom(
    GENESIS_ACCOUNT,
    'current',
    'validated',
    'r',
    'AB'.repeat(32),
    'escrow',
    true,
    -1,
    0,
    1,
    2,
    1.5,
    null,
  ),
  fc.jsonValue({ maxDepth: 2 }),
  fc.array(fc.constantFrom(GENESIS_ACCOUNT, 'ledger', 'r', 1), { maxLength: 2 }),
  fc.dictionary(
    fc.constantFrom('owner', 'seq', 'authorized', 'ledger'),
    fc.constantFrom(GENESIS_ACCOUNT, 'r', 1, null),
  ),
)

const FIELDS = [
  'account',
  'account_root',
  'accounts',
  'amount',
  'channel_id',
  'deposit_preauth',
  'escrow',
  'forward',
  'index',
  'ledger_hash',
  'ledger_index',
  'ledger_index_max',
  'ledger_index_min',
  'limit',
  'marker',
  'public_key',
  'signature',
  'streams',
  'transaction',
  'tx_blob',
  'type',
]

const request = fc.record({
  command: fc.constantFrom(...COMMANDS),
  api_version: fc.constantFrom(1, 2),
  fields: fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 6 }),
})

test('every request gets an answer that is no accident', async (t) => {
  const ledger = await standaloneXrpLedger()
  const socket = new WebSocket(ledger.url)
  t.after(async () => {
    socket.terminate()
    await ledger.close()
  })
  await once(socket, 'open')
  const waiting: ((answer: Record<string, unknown>) => void)[] = []
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Record<string, unknown>
    if (message['type'] === 'response') waiting.shift()?.(message)
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ command, api_version: version, fields }) => {
      const answer = new Promise<Record<string, unknown>>((resolve) => waiting.push(resolve))
      socket.send(JSON.stringify({ ...fields, command, api_version: version }))
      const { status, error } = await answer
      assert.ok(
        status === 'success' || (typeof error === 'string' && error !== 'internal'),
        `${command}: ${String(error)}`,
      )
    }),
    { numRuns: 1500 },
  )
})
