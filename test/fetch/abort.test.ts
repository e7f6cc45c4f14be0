/** An abort reaches a request that waits for its answer, whatever the garbage collector did meanwhile. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { payingFetch } from 'sluice/fetch'

test('the signal ends a call that nobody has answered, after a collection, too', { timeout: 20_000 }, async (t) => {
  const server = createServer()
  const asked = new Promise((resolve) => server.once('request', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const leave = new AbortController()
  const link = () => assert.fail('nothing is to be paid')
  const call = payingFetch(`http://127.0.0.1:${address.port}/`, { budget: 0n, link, signal: leave.signal })
  await asked
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  leave.abort()
  await assert.rejects(call, { name: 'AbortError' })
})
