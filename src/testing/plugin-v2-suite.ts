/**
 * What every plugin for version 2 of the Ledger Plugin Interface (RFC-24 draft 1) must do, as cases of node:test, each
 * named after the section that it checks. Run it on your own pair:
 *
 *     testPluginV2({ name: 'my plugin', Plugin, options: () => ({ … }), create: async (api) => ({ plugins: [a, b] }) })
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LedgerPluginV2, PluginServices } from '../plugin/index.js'
import { connectionCases } from './plugin-v2-connection.js'
import { exchangeCases } from './plugin-v2-exchange.js'
import type { PluginV2Subject } from './plugin-v2-subject.js'

/** Defines the suite. */
export function testPluginV2(subject: PluginV2Subject): void {
  void describe(`Ledger Plugin Interface version 2: ${subject.name}`, () => {
    constructionCases(subject)
    connectionCases(subject)
    exchangeCases(subject)
  })
}

function constructionCases({ Plugin, options = noOptions, wrongOptions, needsStore }: PluginV2Subject): void {
  if (Plugin === undefined) return
  const make = (...args: unknown[]): LedgerPluginV2 => Reflect.construct(Plugin, args) as LedgerPluginV2

  void it('LedgerPlugin.version: is 2', () => {
    assert.equal(Plugin.version, 2)
  })

  void it('class LedgerPlugin: has every method, and events', () => {
    const plugin = make(options(), needsStore ? { store: memoryStore() } : undefined)
    for (const name of METHODS) assert.equal(typeof plugin[name], 'function', name)
  })

  void it('new LedgerPlugin: throws TypeError if opts is not an object', () => {
    for (const opts of [undefined, null, 'options', 1, true]) {
      assert.throws(() => make(opts), { name: 'TypeError' }, String(opts))
    }
  })

  void it('new LedgerPlugin: throws TypeError if api is defined and not an object', () => {
    for (const api of ['services', 1, true]) {
      assert.throws(() => make(options(), api), { name: 'TypeError' }, String(api))
    }
  })

  void it('new LedgerPlugin: ignores options that it does not know, and takes services', () => {
    const _store = memoryStore()
    const _log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
    make({ ...options(), _store, _log, anOptionOfAnotherPlugin: 1 }, { store: _store, log: _log })
  })

  if (wrongOptions !== undefined) {
    void it('new LedgerPlugin: throws InvalidFieldsError for incorrect opts', () => {
      assert.throws(() => make(wrongOptions()), { name: 'InvalidFieldsError' })
    })
  }

  if (needsStore === true) {
    void it('new LedgerPlugin: throws InvalidServicesError if a service is missing', () => {
      assert.throws(() => make(options(), {}), { name: 'InvalidServicesError' })
    })
  } else {
    void it('new LedgerPlugin: api is optional', () => {
      assert.equal(make(options()).isConnected(), false)
    })
  }
}

const METHODS = [
  'connect',
  'disconnect',
  'isConnected',
  'sendData',
  'sendMoney',
  'registerDataHandler',
  'deregisterDataHandler',
  'registerMoneyHandler',
  'deregisterMoneyHandler',
  'on',
] as const

function memoryStore(): Required<PluginServices>['store'] {
  const values = new Map<string, string>()
  return {
    get: async (key) => values.get(key),
    put: async (key, value) => {
      values.set(key, value)
    },
    del: async (key) => {
      values.delete(key)
    },
  }
}

function noOptions(): object {
  return {}
}

function nothing(): void {
  // A logger that nobody reads.
}
