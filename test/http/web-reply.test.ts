/** A paid body as a web stream: what its reader and its buyer do at the same time ends no process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Meter, webBody } from 'sluice/http'
import { FakeClock } from 'sluice/testing'
import { FakeHold, FakeSource, paymentOf, settled } from './stage.js'

for (const then of ['captured', 'failed'] as const) {
  test(`a stream that is cancelled over the ledger, whose reader goes, and whose capture then has ${then}`, async () => {
    const clock = new FakeClock()
    const meters: Meter[] = []
    const body = webBody({
      stream: (sink) => {
        const meter = new Meter(new FakeSource('ABC'), sink, { clock })
        meters.push(meter)
        meter.start()
        return { drained: () => meter.drained(), closed: () => meter.close() }
      },
    })
    const [meter] = meters
    assert.ok(meter)
    const hold = new FakeHold(1n, clock.now() + 30_000)
    meter.pay(paymentOf(hold))
    const stopped = meter.stop('cancelled')
    await body.cancel()
    hold.settle(then === 'captured')
    const totals = await stopped
    await settled()
    assert.equal(totals.captures, then === 'captured' ? 1 : 0)
  })
}
