/** Money as people write it, and back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatMoney, parseMoney, toBaseUnits } from 'sluice/money'

const USD = { code: 'USD', scale: 9 }

test('whole numbers are base units; a point or an asset makes units of the asset', () => {
  for (const [text, amount] of [
    ['0', 0n],
    ['2000', 2000n],
    ['1 USD', 1_000_000_000n],
    ['1USD', 1_000_000_000n],
    ['0.01 usd', 10_000_000n],
    ['0.000000001', 1n],
    ['0.0000000010', 1n],
    ['18446744073709551615', 18_446_744_073_709_551_615n],
  ] as const) {
    assert.equal(toBaseUnits(parseMoney(text), USD), amount, text)
  }
})

test('anything else is refused: floats, signs, exponents, other assets, places that do not exist', () => {
  for (const text of ['', '-1', '+1', '1e3', '01', '.5', '5.', '1,5', '0x10', '1 US D', 'USD 1', '1.2.3', '1 €']) {
    assert.throws(() => toBaseUnits(parseMoney(text), USD), { code: /^MONEY_(SYNTAX|ASSET)$/ }, text)
  }
  assert.throws(() => toBaseUnits(parseMoney('1 XRP'), USD), { code: 'MONEY_ASSET' })
  assert.throws(() => toBaseUnits(parseMoney('0.0000000001'), USD), { code: 'MONEY_SCALE' })
})

test('is printed exactly', () => {
  assert.equal(formatMoney(2000n, USD), '0.000002 USD')
  assert.equal(formatMoney(-1n, USD), '-0.000000001 USD')
  assert.equal(formatMoney(3_000_000_000n, USD), '3 USD')
  assert.equal(formatMoney(7n, { code: 'LTR', scale: 0 }), '7 LTR')
})

test('what is printed is read back as the same amount, at any scale', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 64n) - 1n), fc.integer({ min: 0, max: 18 }), (amount, scale) => {
      const asset = { code: 'XYZ', scale }
      assert.equal(toBaseUnits(parseMoney(formatMoney(amount, asset)), asset), amount)
    }),
  )
})
