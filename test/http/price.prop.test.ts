/** Prices as text: exact, or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, readPrice, ShopError, sseEvent, tokens, unitNamed } from 'sluice/http'

const usd = { code: 'USD', scale: 9 }

const asked = (price: string | bigint, unit?: Parameters<typeof readPrice>[1], asset = usd): unknown[] => {
  const quote = readPrice(price, unit, asset)
  return [quote.price, quote.unit.name, quote.unit.step ?? 1]
}

test('prices that people write', () => {
  assert.deepEqual(asked('0.01 USD per 1k tokens'), [10_000n, 'token', 1])
  assert.deepEqual(asked('0.01 USD per 1k tokens', unitNamed('token'), { code: 'USD', scale: 2 }), [1n, 'token', 1000])
  assert.deepEqual(asked('5 USD per GB', bytes(65_536)), [327_680n, 'byte', 65_536])
  assert.deepEqual(asked('5 USD per GB', unitNamed('byte')), [5120n, 'byte', 1024])
  assert.deepEqual(asked('5 USD per GB', undefined, { code: 'USD', scale: 6 }), [5n, 'byte', 1000])
  assert.deepEqual(asked('10'), [10n, 'chunk', 1])
  assert.deepEqual(asked('10', bytes(512)), [10n, 'byte', 512])
  assert.deepEqual(asked(10n, sseEvent), [10n, 'sse-event', 1])
  assert.deepEqual(asked('0.001'), [1_000_000n, 'chunk', 1])
  assert.deepEqual(asked('2 USD per 1M lines'), [2000n, 'line', 1])
  assert.deepEqual(asked('1 usd per request'), [1_000_000_000n, 'request', 1])
  assert.deepEqual(asked('0.0000000001 USD per letter'), [1n, 'letter', 10])
  assert.deepEqual(asked('0 USD per token'), [0n, 'token', 1])
})

test('prices that cannot be asked for are refused', () => {
  for (const price of [
    '',
    'free',
    '-1',
    '1 EUR',
    '1 USD per',
    '1 USD per parsec',
    '1 USD per 0 tokens',
    '1e3',
    '1,5 USD',
  ]) {
    assert.throws(() => asked(price), { code: 'SHOP_PRICE' }, price)
  }
  assert.throws(() => asked('1 USD per token', sseEvent), { code: 'SHOP_PRICE' })
  assert.throws(() => asked(-1n), { code: 'SHOP_PRICE' })
  assert.throws(() => asked(1n << 63n), { code: 'SHOP_PRICE' })
  assert.throws(() => asked('0.001 USD per request', undefined, { code: 'USD', scale: 2 }), { code: 'SHOP_PRICE' })
  assert.throws(() => asked('1 per 999999999937 bytes'), { code: 'SHOP_PRICE' })
})

test('a price per some number of units is that price, exactly', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 10n ** 12n }),
      fc.integer({ min: 0, max: 12 }),
      fc.bigInt({ min: 1n, max: 10n ** 6n }),
      fc.integer({ min: 0, max: 12 }),
      (digits, decimals, per, scale) => {
        const text = digits.toString().padStart(decimals + 1, '0')
        const point = text.length - decimals
        const money = decimals === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`
        try {
          const { price, unit } = readPrice(`${money} USD per ${per} tokens`, tokens(), { code: 'USD', scale })
          // price / step = digits · 10^scale / (10^decimals · per)
          const step = BigInt(unit.step ?? 1)
          assert.equal(price * 10n ** BigInt(decimals) * per, digits * 10n ** BigInt(scale) * step)
        } catch (error) {
          assert.ok(error instanceof ShopError)
          assert.equal(error.code, 'SHOP_PRICE')
        }
      },
    ),
  )
})
