/** Conditions, PSK 1.0 envelopes, receivers without state, and the receiver's checks in their order. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { concat, fromBase64, fromHex, toBase64url, toHex, utf8 } from 'sluice/bytes'
import {
  accountFulfiller,
  conditionOf,
  decodePskEnvelope,
  encodePacket,
  encodePskEnvelope,
  isPskSegmentOf,
  pskAccess,
  pskFulfiller,
  type PskMessage,
  pskSharedSecret,
  type PskTransfer,
  randomFulfillment,
  reviewPskTransfer,
} from 'sluice/ilp'

const secret = fromBase64('Agli74z_HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4')
const nonce = fromHex('030a11181f262d343b424950575e656c')
const plain: PskMessage = { encryption: 'none', publicHeaders: {}, headers: {}, data: utf8('hello') }

test('derivations: the same for the same input, another for another, and their conditions', () => {
  const account = accountFulfiller(secret)
  assert.deepEqual(account('example.a.1'), account('example.a.1'))
  assert.notDeepEqual(account('example.a.1'), account('example.a.2'))
  const packet = pskFulfiller(secret)
  assert.notDeepEqual(packet(fromHex('01')), packet(fromHex('0100')))
  // More than a hash block, to see that nothing is left of it afterwards.
  const before = packet(fromHex('01'))
  packet(new Uint8Array(5000))
  assert.deepEqual(packet(fromHex('01')), before)
  assert.equal(randomFulfillment().length, 32)
  assert.notDeepEqual(randomFulfillment(), randomFulfillment())
  assert.equal(
    toHex(conditionOf(new Uint8Array(32))),
    '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
  )
})

test('an envelope carries headers of both kinds and data, in the open or sealed', () => {
  const data = concat(utf8('a\n\nb'), fromHex('00ff'))
  for (const encryption of ['none', 'aes-256-gcm'] as const) {
    const message = {
      encryption,
      publicHeaders: { 'X-Public': 'p: q' },
      headers: { 'Expires-At': '2017-12-24T16:14:32Z' },
      data,
    }
    const envelope = decodePskEnvelope(secret, encodePskEnvelope(secret, message))
    assert.equal(envelope.encryption, encryption)
    assert.equal(envelope.publicHeaders.get('x-public'), 'p: q')
    assert.deepEqual([...envelope.headers], [['expires-at', '2017-12-24T16:14:32Z']])
    assert.equal(toHex(envelope.data), toHex(data))
  }
})

test('sealed bytes are those of the reference code', () => {
  // Made by ilp 11.4 with this nonce.
  const sealed = encodePskEnvelope(secret, { ...plain, encryption: 'aes-256-gcm', headers: { A: 'b' } }, nonce)
  assert.equal(toHex(sealed), SEALED)
})

test('an envelope that is none, or not of this secret, is refused', () => {
  const open = new TextDecoder().decode(encodePskEnvelope(secret, plain, nonce))
  const nonceLine = `Nonce: ${toBase64url(nonce)}`
  const bad = [
    '',
    '\n\n',
    'PSK/1.0',
    open.replace('PSK/1.0', 'PSK/2.0'),
    open.replace('PSK/1.0', 'PSK/1.x'),
    open.replace('Encryption: none', 'Encryption: rot13'),
    open.replace('Encryption: none', 'Encryption: none AAAAAAAAAAAAAAAAAAAAAA'),
    open.replace('Encryption: none', 'Encryption: aes-256-gcm'),
    open.replace('Encryption: none', 'Encryption: aes-256-gcm AAAAAAAAAAAAAAAAAAAAAA'),
    open.replace('Encryption: none\n', ''),
    open.replace(nonceLine, 'Nonce: AAAA'),
    open.replace(nonceLine, 'Nonce: !'),
    open.replace(nonceLine, `${nonceLine}\n${nonceLine}`),
    open.replace(`${nonceLine}\n`, ''),
    open.replace(nonceLine, `${nonceLine}\nKey: hmac-sha-256 x`),
    open.replace(nonceLine, `${nonceLine}\nno colon`),
    open.replace('\n\nhello', 'hello'),
  ]
  for (const text of bad) assert.throws(() => decodePskEnvelope(secret, utf8(text)), { code: 'ILP_PSK' }, text)
  assert.throws(() => decodePskEnvelope(secret, fromHex('ff0a0a')), { code: 'ILP_PSK' })
  const sealed = encodePskEnvelope(secret, { ...plain, encryption: 'aes-256-gcm' })
  assert.throws(() => decodePskEnvelope(nonce, sealed), { code: 'ILP_PSK' })
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1
  assert.throws(() => decodePskEnvelope(secret, sealed), { code: 'ILP_PSK' })
  assert.equal(decodePskEnvelope(secret, utf8(open.replace('PSK/1.0', 'PSK/1.23'))).data.length, 5)
})

test('headers that would not come back are not written', () => {
  const bad: readonly Partial<PskMessage>[] = [
    { publicHeaders: { nonce: 'x' } },
    { publicHeaders: { ENCRYPTION: 'none' } },
    { publicHeaders: { Key: 'x' } },
    { headers: { 'a:b': 'x' } },
    { headers: { 'a\n': 'x' } },
    { headers: { '': 'x' } },
    { headers: { a: 'x\ny' } },
    { headers: { a: ' x' } },
    { headers: { a: 'x', A: 'y' } },
  ]
  for (const part of bad) assert.throws(() => encodePskEnvelope(secret, { ...plain, ...part }), { code: 'ILP_PSK' })
  assert.throws(() => encodePskEnvelope(secret, plain, nonce.subarray(1)), { code: 'ILP_PSK' })
})

test('a receiver finds the shared secret again from the segment, and only from a segment of its own', () => {
  const access = pskAccess(secret)
  assert.match(access.segment, /^[A-Za-z0-9_-]{33}$/)
  assert.deepEqual(pskSharedSecret(secret, access.segment), access.sharedSecret)
  assert.notDeepEqual(pskAccess(secret).segment, access.segment)
  const { segment } = access
  const other = pskAccess(nonce).segment
  for (const bad of [other, segment.slice(1), `${segment}A`, segment.slice(0, -1), '', `${segment.slice(0, 32)}!`]) {
    assert.equal(pskSharedSecret(secret, bad), undefined, bad)
  }
  // The last character holds four bits that must be zero: one secret has one segment.
  const last = segment.at(-1) === 'B' ? 'C' : 'B'
  assert.equal(pskSharedSecret(secret, segment.slice(0, 32) + last), undefined)
  assert.ok(isPskSegmentOf(secret, segment.slice(0, 11)) && !isPskSegmentOf(secret, other))
  assert.throws(() => pskAccess(secret, nonce.subarray(1)), { code: 'ILP_PSK' })
})

const account = 'example.shop.server'
const NOW = Date.parse('2017-12-24T16:14:32Z')

function transferOf(
  change: Partial<PskMessage> = {},
  to = `${account}.${pskAccess(secret, nonce).segment}.7`,
): PskTransfer {
  const { sharedSecret } = pskAccess(secret, nonce)
  const message: PskMessage = { ...plain, encryption: 'aes-256-gcm', ...change }
  const packet = encodePacket({ type: 1, amount: 10n, account: to, data: encodePskEnvelope(sharedSecret, message) })
  return { amount: 10n, condition: conditionOf(pskFulfiller(sharedSecret)(packet)), packet }
}

test('a good payment is accepted, with a payment id behind the segment or without', () => {
  for (const to of [`${account}.${pskAccess(secret, nonce).segment}`, undefined]) {
    const transfer = transferOf({}, to)
    const review = reviewPskTransfer({ secret, account }, transfer, NOW)
    assert.ok(review.verdict === 'accept')
    assert.deepEqual(conditionOf(review.fulfillment), transfer.condition)
    assert.equal(toHex(review.envelope.data), toHex(utf8('hello')))
    assert.equal(review.payment.amount, 10n)
  }
})

test('the checks, in their order, with their codes', () => {
  const good = transferOf()
  const { segment } = pskAccess(secret, nonce)
  const review = (transfer: Partial<PskTransfer>, allowOverpayment = true): string => {
    const result = reviewPskTransfer({ secret, account, allowOverpayment }, { ...good, ...transfer }, NOW)
    return result.verdict === 'reject' ? result.code : result.verdict
  }
  const packet = (to: string, data: Uint8Array): Uint8Array => encodePacket({ type: 1, amount: 10n, account: to, data })
  const wrong = new Uint8Array(32)
  assert.equal(review({ condition: undefined, packet: undefined }), 'F00')
  assert.equal(review({ packet: undefined }), 'F01')
  assert.equal(review({ packet: fromHex('0100') }), 'F01')
  assert.equal(review({ packet: encodePacket({ type: 10, account: `${account}.${segment}`, data: utf8('') }) }), 'F01')
  assert.equal(review({ packet: packet('example.shop.servers.x', utf8('')), amount: 0n }), 'ignore')
  assert.equal(review({ packet: packet(account, utf8('')) }), 'ignore')
  assert.equal(review({ packet: packet(`${account}.${pskAccess(nonce).segment}`, utf8('')) }), 'ignore')
  assert.equal(review({ packet: packet(`${account}.${segment}A`, utf8('')), amount: 0n }), 'F06')
  assert.equal(review({ packet: packet(`${account}.${segment}`, utf8('')), amount: 0n }), 'F06')
  assert.equal(review({ amount: 9n, condition: wrong }), 'F04')
  assert.equal(review({ amount: 11n, condition: wrong }, false), 'F03')
  assert.equal(review({ amount: 11n }), 'accept')
  assert.equal(
    review({ ...transferOf({ headers: { 'Expires-At': '2017-12-24T16:14:32Z' } }), condition: wrong }),
    'R00',
  )
  assert.equal(review(transferOf({ headers: { 'expires-at': 'soon' } })), 'R00')
  assert.equal(review(transferOf({ headers: { 'expires-at': '2017-12-24T16:14:33Z' } })), 'accept')
  assert.equal(review({ condition: wrong }), 'F05')
  assert.equal(review({ condition: wrong.subarray(1) }), 'F05')
})

const SEALED =
  '50534b2f312e300a4e6f6e63653a2041776f524742386d4c545137516b6c515631356c62410a456e6372797074696f6e3a206165732d3235362d67636d20454f6e6f5f64475068664e4a343750424655767770510a0aed0dcd76a5b44b388407ec'
