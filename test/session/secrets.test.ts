/** Tokens are kept as their SHA-256 and compared with it. */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import test from 'node:test'
import { hashToken, secretMatcher, tokenMatcher } from 'sluice/session'

test('a token is stored as base64url of its SHA-256', () => {
  // FIPS 180-2, appendix B.1.
  assert.equal(Buffer.from(hashToken('abc'), 'base64url').toString('hex').slice(0, 16), 'ba7816bf8f01cfea')
  assert.match(hashToken(''), /^[A-Za-z0-9_-]{43}$/)
})

test('only the secret itself matches, be it empty or not', () => {
  for (const secret of ['', 'x', 'a longer secret', 'sécret']) {
    const matches = secretMatcher(secret)
    assert.equal(matches(secret), true)
    for (const other of [`${secret}x`, `x${secret}`, secret.toUpperCase() + ' ']) assert.equal(matches(other), false)
    assert.equal(tokenMatcher(hashToken(secret))(secret), true)
    assert.equal(tokenMatcher(hashToken(`${secret}.`))(secret), false)
    assert.doesNotMatch(inspect(matches, { showHidden: true, depth: 5 }), /longer/)
  }
})

test('a stored hash that is none is refused', () => {
  assert.throws(() => tokenMatcher('not a hash!'), { code: 'BYTES_BASE64' })
})
