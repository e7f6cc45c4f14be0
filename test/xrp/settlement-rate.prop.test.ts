/** Exchange between drops and units: no way to and fro ends with more than it began with. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chargeOf, creditOf, depositFor, formatRate, parseRate, payoutOf, type XrpRate } from 'sluice/xrp'

const drops = fc.bigInt({ min: 0n, max: 10n ** 17n })
const units = fc.bigInt({ min: 0n, max: 2n ** 63n })
const part = fc.bigInt({ min: 1n, max: 10n ** 24n })
const rates: fc.Arbitrary<XrpRate> = fc.record({ units: part, drops: part })

describe('a rate', () => {
  it('makes no money, either way', () => {
    fc.assert(
      fc.property(drops, rates, (given, rate) => {
        assert.ok(payoutOf(creditOf(given, rate), rate) <= given)
      }),
    )
    fc.assert(
      fc.property(units, rates, (balance, rate) => {
        const paid = payoutOf(balance, rate)
        const charged = chargeOf(paid, rate)
        assert.ok(charged <= balance, 'no more than asked')
        assert.ok(creditOf(paid, rate) <= charged, 'what is paid out and in again is worth no more')
        assert.equal(payoutOf(charged, rate), paid)
      }),
    )
  })

  it('asks for the least drops that are enough', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 63n }), rates, (wanted, rate) => {
        const asked = depositFor(wanted, rate)
        assert.ok(creditOf(asked, rate) >= wanted)
        assert.ok(creditOf(asked - 1n, rate) < wanted)
      }),
    )
  })

  it('of many movements makes none', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), drops), { maxLength: 50 }), rates, (moves, rate) => {
        let [inside, outside] = [0n, 0n]
        for (const [isIn, amount] of moves) {
          if (isIn) {
            inside += creditOf(amount, rate)
            outside -= amount
          } else {
            const most = amount < inside ? amount : inside
            const paid = payoutOf(most, rate)
            inside -= chargeOf(paid, rate)
            outside += paid
          }
          assert.ok(inside >= 0n)
          // All that is inside could be paid out of what came in.
          assert.ok(outside + payoutOf(inside, rate) <= 0n)
        }
      }),
    )
  })
})

describe('a rate in words', () => {
  const usd = { code: 'USD', scale: 9 }

  it('is the value of one XRP, exactly', () => {
    assert.deepEqual(parseRate('0.52 USD per XRP', usd), { units: 520n, drops: 1n })
    assert.deepEqual(parseRate('2 usd', { code: 'USD', scale: 2 }), { units: 1n, drops: 5000n })
    assert.deepEqual(parseRate('0.1234567890123 USD per XRP', { code: 'USD', scale: 2 }), {
      units: 1_234_567_890_123n,
      drops: 10n ** 17n,
    })
    assert.equal(formatRate(parseRate('0.52 USD per XRP', usd), usd), '0.52 USD per XRP')
  })

  it('is not needed for XRP, at whatever scale', () => {
    assert.deepEqual(parseRate(undefined, { code: 'XRP', scale: 6 }), { units: 1n, drops: 1n })
    assert.deepEqual(parseRate(undefined, { code: 'XRP', scale: 9 }), { units: 1000n, drops: 1n })
    assert.deepEqual(parseRate(undefined, { code: 'XRP', scale: 0 }), { units: 1n, drops: 1_000_000n })
  })

  it('is refused when it is none, is zero, or is in another asset', () => {
    for (const text of [
      undefined,
      '',
      '0 USD',
      '0.00 USD per XRP',
      '5',
      'much',
      '1 EUR per XRP',
      '-1 USD',
      '1e3 USD',
    ]) {
      assert.throws(() => parseRate(text, usd), { code: 'SETTLEMENT_RATE' }, String(text))
    }
  })
})
