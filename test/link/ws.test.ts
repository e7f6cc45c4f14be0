/** A holder made from a BTP URI has the account that the URI names, and its host knows the account by the same name. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { hashToken, holderAt, HostedLedger, MemoryStore } from 'sluice'
import { readText } from '../tree.js'

for (const { credentials, name } of [
  { credentials: '', name: 'client' },
  { credentials: ':a%20token@', name: hashToken('a token') },
  { credentials: 'ann:other@', name: 'ann' },
]) {
  test(`btp+ws://${credentials}host names the account ${name}`, async (t) => {
    const hosted = new HostedLedger({
      store: new MemoryStore({ warn: () => undefined }),
      prefix: 'example.test.',
      assetCode: 'USD',
      assetScale: 9,
      newAccount: { creditLimit: 1n, balanceMax: 1n },
      listen: {
        port: 0,
        authenticate: ({ username, token }) => username || (token === '' ? 'client' : hashToken(token)),
      },
    })
    t.after(() => hosted.close())
    await hosted.open()
    const holder = holderAt(`btp+ws://${credentials}127.0.0.1:${hosted.port}/`)
    t.after(() => holder.close())
    await holder.open()
    assert.equal(holder.info.account, `example.test.${name}`)
    assert.deepEqual(
      [...hosted.ledger.accounts()].map(({ account }) => account),
      [name],
    )
  })
}

test('what is no BTP URI is refused, and the text is not in the message', () => {
  assert.throws(() => holderAt('ws://:secret@127.0.0.1/'), { code: 'BTP_URI', message: /^(?!.*secret)/ })
})

test('a holder trusts the authority that it is given for btp+wss:, and no other', async (t) => {
  const cert = readText('test/session/fixtures/cert.pem')
  const key = readText('test/session/fixtures/key.pem')
  const hosted = new HostedLedger({
    store: new MemoryStore({ warn: () => undefined }),
    prefix: 'example.test.',
    assetCode: 'USD',
    assetScale: 9,
    accounts: { ann: { creditLimit: 0n, balanceMax: 0n } },
    listen: { port: 0, cert, key, authenticate: ({ username }) => username },
  })
  t.after(() => hosted.close())
  await hosted.open()
  const uri = `btp+wss://ann:x@localhost:${hosted.port}/`
  const trusting = holderAt(uri, { tls: { ca: cert } })
  t.after(() => trusting.close())
  await trusting.open()
  assert.equal(trusting.info.account, 'example.test.ann')
  const other = holderAt(uri)
  t.after(() => other.close())
  await assert.rejects(other.open({ timeoutMs: 300 }), { code: 'SESSION_TIMEOUT', message: /certificate/ })
})
