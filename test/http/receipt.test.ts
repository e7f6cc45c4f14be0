/** Receipts, signed and checked: a fixed one, other signers and algorithms, and members that cannot be true. */
import assert from 'node:assert/strict'
import { createHash, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { fromUtf8, toBase64url } from 'sluice/bytes'
import {
  ReceiptError,
  receiptMembers,
  receiptSigner,
  ShopError,
  termsHashOf,
  verifyReceipt,
  type Receipt,
} from 'sluice/http'

const TERMS = 'unit=letter, price="3", asset="USD", scale=9, window="300"'
const SECRET = new Uint8Array(32).fill(1)

const RECEIPT: Receipt = {
  issuer: 'example.shop.server',
  account: 'example.shop.alice',
  stream: 'example.shop.server.AbCdEfGhIjk',
  termsHash: termsHashOf(TERMS),
  unit: 'letter',
  units: 7n,
  price: 3n,
  amount: 21n,
  asset: 'USD',
  scale: 9,
  endOffset: 7,
  time: Date.UTC(2026, 10, 21),
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWS made by hand, so that the reader does not only read what the writer writes. */
function forge(header: object, payload: unknown, signature: (input: Buffer) => Uint8Array): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${toBase64url(signature(Buffer.from(input)))}`
}

async function codeOf(text: string, key: Uint8Array): Promise<string> {
  try {
    await verifyReceipt(text, { key })
    return 'good'
  } catch (error) {
    assert.ok(error instanceof ReceiptError, String(error))
    return error.code
  }
}

const pair = generateKeyPairSync('ed25519')
const OWN_KEY = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
const HEADER = { alg: 'EdDSA', typ: 'sluice-receipt' }
const signed = (payload: unknown, header: object = HEADER): string =>
  forge(header, payload, (input) => sign(null, input, pair.privateKey))

test('what is signed is read back, and one secret gives one key', async () => {
  const signer = await receiptSigner(SECRET)
  assert.deepEqual(await verifyReceipt(await signer.sign(RECEIPT), signer), RECEIPT)
  assert.deepEqual((await receiptSigner(SECRET)).key, signer.key)
  assert.notDeepEqual((await receiptSigner(new Uint8Array(32).fill(2))).key, signer.key)
  await assert.rejects(receiptSigner(new Uint8Array(8)), ShopError)
  await assert.rejects(signer.sign({ ...RECEIPT, unit: 'two words' }), { code: 'RECEIPT_VALUE' })
})

test('it is a JWS that OpenSSL finds good too, with the members that the reference names', async () => {
  const signer = await receiptSigner(SECRET)
  const [header = '', payload = '', signature = ''] = (await signer.sign(RECEIPT)).split('.')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(signer.key) }, format: 'jwk' })
  assert.ok(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')))
  const decoded = (part: string): unknown => JSON.parse(fromUtf8(Buffer.from(part, 'base64url')))
  assert.deepEqual(decoded(header), { alg: 'EdDSA', typ: 'sluice-receipt', kid: toBase64url(signer.key) })
  assert.deepEqual(decoded(payload), {
    issuer: 'example.shop.server',
    account: 'example.shop.alice',
    stream: 'example.shop.server.AbCdEfGhIjk',
    termsHash: createHash('sha256').update(TERMS).digest('base64url'),
    unit: 'letter',
    units: '7',
    price: '3',
    amount: '21',
    asset: 'USD',
    scale: 9,
    endOffset: 7,
    time: '2026-11-21T00:00:00.000Z',
  })
})

test('a receipt of other software is read, and unknown members are ignored', async () => {
  const members = receiptMembers(RECEIPT)
  assert.deepEqual(await verifyReceipt(signed({ ...members, note: 'thanks' }), { key: OWN_KEY }), RECEIPT)
})

test('a changed character at any position is noticed', async () => {
  const signer = await receiptSigner(SECRET)
  const text = await signer.sign(RECEIPT)
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (let at = 0; at < text.length; at++) {
    const value = letters.indexOf(text[at] ?? '')
    // The lowest bit of the last letter is one that base64 does not use.
    for (const other of [letters[value ^ 1], letters[value ^ 32], '.', '=', ' ']) {
      if (other === text[at]) continue
      const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`
      assert.notEqual(await codeOf(changed, signer.key), 'good', `${other} at ${at}`)
    }
    assert.notEqual(await codeOf(text.slice(0, at) + text.slice(at + 1), signer.key), 'good', `without ${at}`)
  }
  assert.equal(await codeOf(`${text}\n`, signer.key), 'RECEIPT_SYNTAX')
})

test('another key is refused, and told apart from a changed receipt', async () => {
  const signer = await receiptSigner(SECRET)
  const text = await signer.sign(RECEIPT)
  assert.equal(await codeOf(text, OWN_KEY), 'RECEIPT_KEY')
  assert.equal(await codeOf(signed(receiptMembers(RECEIPT)), signer.key), 'RECEIPT_SIGNATURE')
  assert.equal(await codeOf(text, signer.key.subarray(1)), 'RECEIPT_KEY')
  const [header, , signature] = text.split('.')
  const richer = base64url({ ...receiptMembers(RECEIPT), amount: '1' })
  assert.equal(await codeOf(`${header}.${richer}.${signature}`, signer.key), 'RECEIPT_SIGNATURE')
})

test('no other algorithm is taken, whatever the header says', async () => {
  const payload = receiptMembers(RECEIPT)
  const byHmac = forge({ ...HEADER, alg: 'HS256' }, payload, (input) =>
    createHmac('sha256', OWN_KEY).update(input).digest(),
  )
  assert.equal(await codeOf(byHmac, OWN_KEY), 'RECEIPT_SYNTAX')
  assert.equal(
    await codeOf(
      forge({ ...HEADER, alg: 'none' }, payload, () => randomBytes(64)),
      OWN_KEY,
    ),
    'RECEIPT_SYNTAX',
  )
  // A key that comes with the receipt proves nothing.
  const own = { kty: 'OKP', crv: 'Ed25519', x: toBase64url(OWN_KEY) }
  const signer = await receiptSigner(SECRET)
  assert.equal(await codeOf(signed(payload, { ...HEADER, jwk: own }), signer.key), 'RECEIPT_SIGNATURE')
  assert.equal(await codeOf(signed(payload, { ...HEADER, crit: ['must'], must: 1 }), OWN_KEY), 'RECEIPT_SYNTAX')
  assert.equal(await codeOf(signed(payload, { alg: 'EdDSA', typ: 'JWT' }), OWN_KEY), 'RECEIPT_SYNTAX')
})

test('members that are missing or cannot be true are refused, though signed', async () => {
  const members = receiptMembers(RECEIPT)
  for (const name of Object.keys(members)) {
    for (const value of [undefined, null, {}, true, -1, 1.5, '', ' ', '\u00fc', 'x'.repeat(1024)]) {
      assert.equal(
        await codeOf(signed({ ...members, [name]: value }), OWN_KEY),
        'RECEIPT_VALUE',
        `${name} ${String(value)}`,
      )
    }
  }
  for (const [name, value] of [
    ['amount', '1e3'],
    ['amount', '-1'],
    ['units', '01'],
    ['termsHash', 'short'],
    ['time', '2026-11-21'],
    ['time', '2026-02-30T00:00:00.000Z'],
    ['scale', 256],
  ] as const) {
    assert.equal(await codeOf(signed({ ...members, [name]: value }), OWN_KEY), 'RECEIPT_VALUE', `${name} ${value}`)
  }
  assert.equal(await codeOf(signed({ ...members, amount: (1n << 64n).toString() }), OWN_KEY), 'RECEIPT_VALUE')
  for (const payload of [null, 7, 'text', []]) {
    assert.match(await codeOf(signed(payload), OWN_KEY), /^RECEIPT_(SYNTAX|VALUE)$/)
  }
})

test('a text of any length is refused without being read', async () => {
  assert.equal(await codeOf('a'.repeat(8193), OWN_KEY), 'RECEIPT_TOO_LONG')
  assert.equal(await codeOf('', OWN_KEY), 'RECEIPT_SYNTAX')
})
