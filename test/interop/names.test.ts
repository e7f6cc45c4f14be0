/** The names that programs find on what they require: ours has all that the plugin of 2017 had. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { before, test } from 'node:test'
import { installOldPeers, oldModules, ourModules } from './old-peers.js'

before(installOldPeers)

const require = createRequire(import.meta.url)

test('every error class of 2017, under its name', () => {
  const old = require(oldModules.plugin) as { errors: Record<string, unknown> }
  const ours = require(ourModules.plugin) as { errors: Record<string, new (message: string) => Error> }
  for (const name of Object.keys(old.errors)) {
    const Class = ours.errors[name]
    assert.ok(Class, `${name} is missing`)
    assert.equal(new Class('why').name, name)
  }
})

test('every function of ilp-packet 1', () => {
  const old = require(oldModules.packet) as Record<string, unknown>
  const ours = require(ourModules.packet) as Record<string, unknown>
  assert.deepEqual(
    Object.keys(old).filter((name) => typeof old[name] === 'function' && typeof ours[name] !== 'function'),
    [],
  )
})
