/** Authentication, error names, transfer ids and URIs of BTP. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { toHex } from 'sluice/bytes'
import {
  accountOfToken,
  authEntries,
  BTP_ERROR_CODES,
  encodeFrame,
  findEntry,
  formatTransferId,
  type Frame,
  jsonEntry,
  octetEntry,
  parseBtpUri,
  parseTransferId,
  readAuth,
  readBtpErrorName,
  textEntry,
} from 'sluice/btp'

const message = (entries: Frame['entries']): Frame => ({ type: 6, requestId: 0x12345678, entries })

test('the authentication message is that of the specification, byte by byte', () => {
  const frame = encodeFrame(message(authEntries({ username: '', token: '' })), 1)
  assert.equal(
    toHex(frame),
    '061234567826' + '0103' + '04617574680000' + '0d617574685f757365726e616d650100' + '0a617574685f746f6b656e0100',
  )
})

test('credentials are read from a first message and from nothing else', () => {
  const credentials = { username: 'alice', token: 's3cret ☃' }
  const entries = authEntries(credentials)
  assert.deepEqual(readAuth(message(entries), 1), credentials)
  assert.deepEqual(readAuth(message(entries), 2), credentials)
  const [auth, username, token] = entries as [never, never, never]
  assert.deepEqual(readAuth(message([auth, token]), 2), { username: '', token: 's3cret ☃' })
  assert.equal(readAuth(message([auth, token]), 1), undefined)
  for (const bad of [[], [auth], [auth, username], [token, auth, username], [auth, username, token, token]]) {
    assert.equal(readAuth(message(bad), 2), undefined)
  }
  assert.equal(readAuth(message([auth, username, octetEntry('auth_token', new Uint8Array([0xff]))]), 1), undefined)
  assert.equal(readAuth({ type: 1, requestId: 1, entries }, 1), undefined)
})

test('an account without a username is named by its token', () => {
  assert.equal(accountOfToken('a'), 'ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs')
})

test('entries: text, JSON, bytes, and finding one', () => {
  const entries = [octetEntry('info'), textEntry('t', 'é'), jsonEntry('custom', { a: 1 })]
  assert.deepEqual(
    entries.map(({ contentType, data }) => [contentType, toHex(data)]),
    [
      [0, ''],
      [1, 'c3a9'],
      [2, '7b2261223a317d'],
    ],
  )
  assert.equal(findEntry(entries, 'custom'), entries[2])
  assert.equal(findEntry(entries, 'toString'), undefined)
})

test('errors are read by name; the code decides only when the name is unknown', () => {
  for (const [name, code] of Object.entries(BTP_ERROR_CODES)) {
    assert.equal(readBtpErrorName({ name, code }), name)
    assert.equal(readBtpErrorName({ name: 'TypeError', code }), name)
  }
  // The 2017 plugin's numbering.
  assert.equal(readBtpErrorName({ name: 'TransferNotFoundError', code: 'F02' }), 'TransferNotFoundError')
  assert.equal(readBtpErrorName({ name: 'DuplicateIdError', code: 'F04' }), 'DuplicateIdError')
  assert.equal(readBtpErrorName({ name: 'constructor', code: 'F02' }), 'NotAcceptedError')
  assert.equal(readBtpErrorName({ name: '', code: '' }), 'NotAcceptedError')
})

test('transfer ids: UUID text of either case in, lower case out', () => {
  const text = 'b4c838f6-80b1-47f8-a82e-b1fcfbed89d5'
  assert.equal(toHex(parseTransferId(text.toUpperCase())), text.replaceAll('-', ''))
  assert.equal(formatTransferId(parseTransferId(text)), text)
  for (let first = 0; first < 256; first += 16) {
    const id = Uint8Array.from({ length: 16 }, (_, i) => first + i)
    assert.deepEqual(parseTransferId(formatTransferId(id)), id)
    assert.deepEqual(parseTransferId(formatTransferId(id).toUpperCase()), id)
  }
  const bad = ['nope', '', text.replaceAll('-', ''), `${text}0`, text.slice(1), `{${text}}`, text.replace('b', 'g'), 7]
  for (const id of bad) assert.throws(() => parseTransferId(id as string), { code: 'BTP_TRANSFER_ID' }, String(id))
  assert.throws(() => formatTransferId(new Uint8Array(15)), { code: 'BTP_TRANSFER_ID' })
})

test('URIs: user and token percent-decoded, missing parts empty, the rest a WebSocket URL', () => {
  const table: readonly [string, string, string, string][] = [
    ['btp+ws://:@localhost:9000/', 'ws://localhost:9000/', '', ''],
    ['btp+ws://localhost:9000', 'ws://localhost:9000/', '', ''],
    ['btp+wss://alice:s%20c%3Ar%40t@shop.example/btp?x=1', 'wss://shop.example/btp?x=1', 'alice', 's c:r@t'],
    ['btp+ws://:token@[::1]:9000', 'ws://[::1]:9000/', '', 'token'],
    ['BTP+WS://%E2%98%83@h', 'ws://h/', '☃', ''],
  ]
  for (const [text, url, username, token] of table) assert.deepEqual(parseBtpUri(text), { url, username, token })
  for (const text of [
    '',
    'ws://localhost',
    'btp+http://x',
    'btp+ws://',
    'btp+ws://h:99999',
    'btp+ws://%ff@h',
    'localhost',
    7,
  ]) {
    assert.throws(() => parseBtpUri(text as string), { code: 'BTP_URI' }, String(text))
  }
  assert.throws(
    () => parseBtpUri('btp+ws://u:s3cret@h:99999'),
    (error: Error) => !error.message.includes('s3cret'),
  )
})
