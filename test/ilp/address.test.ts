/** ILP addresses and amounts: what they are, in each mode, and prefixes on segment boundaries. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { formatAmount, hasPrefix, isAddress, parseAddress, parseAmount, segmentAfter } from 'sluice/ilp'

test('destination addresses: a scheme of the grammar and at least one segment', () => {
  const good = [
    'g.acme.bob',
    'test.alice',
    'test1.a',
    'test2.a',
    'test3.a',
    'private.a',
    'peer.config',
    'self.x',
    'local.x',
  ]
  for (const text of [...good, 'example.a-b_c~D.0', `g.${'a'.repeat(1021)}`]) assert.ok(isAddress(text), text)
  const bad = [
    '',
    'g',
    'g.',
    '.g',
    'g..a',
    'g.a.',
    'test4.a',
    'test.',
    'G.a',
    'us.fed.bank',
    'g.a b',
    'g.é',
    'g.a\n',
    ' g.a',
    'ga.b',
  ]
  for (const text of [...bad, `g.${'a'.repeat(1022)}`, 5, null, undefined, ['g.a']]) {
    assert.ok(!isAddress(text as string), String(text))
    assert.throws(() => parseAddress(text as string), { code: 'ILP_ADDRESS' })
  }
})

test('prefixes may end in a dot and need no segment; lenient is alphabet and length only', () => {
  for (const text of ['g.', 'g', 'test.crypto.xrp.', 'example.a']) assert.ok(isAddress(text, 'prefix'), text)
  for (const text of ['', '.', 'g..', 'us.', 'g.a b.']) assert.ok(!isAddress(text, 'prefix'), text)
  for (const text of ['us.fed.bank', 'example.', 'x', 'g..a']) assert.ok(isAddress(text, 'lenient'), text)
  for (const text of ['', 'g.a b', 'g.é', 'a/b', 'a'.repeat(1024)]) assert.ok(!isAddress(text, 'lenient'), text)
  assert.equal(parseAddress('us.x', 'lenient'), 'us.x')
})

test('a prefix matches on segment boundaries', () => {
  const table: readonly [string, string, boolean][] = [
    ['example.a.bob', 'example.a.bob', true],
    ['example.a.bob.1', 'example.a.bob', true],
    ['example.a.bobby.1', 'example.a.bob', false],
    ['example.a.bob.1', 'example.a.bob.', true],
    ['example.a.bob', 'example.a.bob.', true],
    ['example.a.bobby', 'example.a.bob.', false],
    ['example.a', 'example.a.bob', false],
    ['example.a', '', true],
    ['Example.a', 'example', false],
  ]
  for (const [address, prefix, is] of table) assert.equal(hasPrefix(address, prefix), is, `${address} ${prefix}`)
})

test('the client id is the next segment after the account, whatever the length of the prefix', () => {
  const table: readonly [string, string, string | undefined][] = [
    ['test.crypto.xrp.rXYZ.UUx.1', 'test.crypto.xrp.rXYZ', 'UUx'],
    ['g.crypto.ripple.escrow.rXYZ.UUx.1', 'g.crypto.ripple.escrow.rXYZ', 'UUx'],
    ['example.shop.server.UUx', 'example.shop.server.', 'UUx'],
    ['example.shop.server', 'example.shop.server', undefined],
    ['example.shop.server.', 'example.shop.server', undefined],
    ['example.shop.server..x', 'example.shop.server', undefined],
    ['example.shop.servers.UUx', 'example.shop.server', undefined],
    ['a.b', '', 'a'],
  ]
  for (const [address, account, segment] of table) assert.equal(segmentAfter(address, account), segment, address)
})

test('amounts are plain decimal text of 64 bits', () => {
  for (const text of ['0', '1', '107', '9007199254740993', '18446744073709551615']) {
    assert.equal(formatAmount(parseAmount(text)), text)
  }
  const bad = [
    '',
    ' 1',
    '1 ',
    '01',
    '00',
    '-0',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x1',
    'abc',
    '1\n',
    '١',
    '18446744073709551616',
  ]
  for (const text of [...bad, '9'.repeat(21), 1, 1n, null, undefined]) {
    assert.throws(() => parseAmount(text as string), { code: 'ILP_AMOUNT' }, String(text))
  }
  for (const amount of [-1n, 2n ** 64n]) assert.throws(() => formatAmount(amount), { code: 'ILP_AMOUNT' })
})
