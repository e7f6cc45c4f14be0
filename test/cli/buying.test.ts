/** The parts of `sluice get`: requests, files, pace, questions, exit codes. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { utf8 } from 'sluice/bytes'
import { cliModule } from './cli-module.js'

const { prepareRequest } = await cliModule('request')
const { fileOf } = await cliModule('destination')
const { Pace, unitsPerSecond } = await cliModule('pace')
const { payQuestion, terminalAsker } = await cliModule('confirm')
const { exitCodeOf } = await cliModule('errors')
const { walletDirectory } = await cliModule('payer')

const USD = { code: 'USD', scale: 9 }

test('an address without a scheme is http, and nothing but http and https is asked', async () => {
  assert.equal((await prepareRequest('localhost:8000/a', {})).url, 'http://localhost:8000/a')
  assert.equal((await prepareRequest('HTTPS://shop.example', {})).url, 'HTTPS://shop.example')
  await assert.rejects(prepareRequest('ftp://x', {}), { code: 'CLI_PROTOCOL' })
  for (const bad of ['', 'http://', 'http://[', 'http://a b/']) {
    await assert.rejects(prepareRequest(bad, {}), { code: 'CLI_URL' }, bad)
  }
})

test('data and headers mean what they mean to curl', async () => {
  const read = async (name: string) => utf8(name === '-' ? 'from\nstdin\r\n\0' : 'X-One: 1\r\n\nX-Two: 2\n')
  const request = await prepareRequest(
    'shop.example',
    { data: ['a', '@-'], header: ['@file', 'Accept:', 'X-Empty;', 'X-Two: 3', 'content-type: text/plain'] },
    read,
  )
  assert.equal(request.method, 'POST')
  assert.equal(new TextDecoder().decode(request.body), 'a&fromstdin')
  assert.deepEqual(
    [...request.headers],
    [
      ['content-type', 'text/plain'],
      ['user-agent', 'sluice'],
      ['x-empty', ''],
      ['x-one', '1'],
      ['x-two', '2, 3'],
    ],
  )
  const redirects = [(await prepareRequest('x', {})).redirect, (await prepareRequest('x', { location: true })).redirect]
  assert.deepEqual(redirects, ['manual', 'follow'])
  for (const options of [
    { head: true, data: ['a'] },
    { request: 'GET', data: ['a'] },
    { request: 'no method' },
    { header: ['nothing'] },
    { header: ['bad name: x'] },
    { header: ['X: \u0000'] },
  ]) {
    await assert.rejects(prepareRequest('x', options, read), { code: 'CLI_USAGE' }, JSON.stringify(options))
  }
})

test('-O takes the last part of the path, and nothing that leads elsewhere', () => {
  assert.equal(fileOf({}, 'http://x/a'), undefined)
  assert.equal(fileOf({ output: '-' }, 'http://x/a'), undefined)
  assert.equal(fileOf({ output: 'b' }, 'http://x/a'), 'b')
  assert.equal(fileOf({ remoteName: true }, 'http://x/a/b.txt?c=/d'), 'b.txt')
  assert.equal(fileOf({ remoteName: true }, 'http://x/%2e%2e%2fpasswd'), '%2e%2e%2fpasswd')
  for (const url of ['http://x', 'http://x/a/', 'http://x/a/..']) {
    assert.throws(() => fileOf({ remoteName: true }, url), { code: 'CLI_WRITE' }, url)
  }
})

test('a rate is units or money in a time, and what was not used is not saved up', () => {
  assert.equal(unitsPerSecond('100/s', 7n, USD), 100)
  assert.equal(unitsPerSecond('30/m', 7n, USD), 0.5)
  assert.equal(unitsPerSecond('0.01 USD/s', 1_000_000n, USD), 10)
  assert.equal(unitsPerSecond('3.6 USD / h', 1_000_000n, USD), 1)
  for (const bad of ['', '5', '5/d', '0/s', '0.5/s', '-1/s', '1 EUR/s', 'x/s']) {
    assert.throws(() => unitsPerSecond(bad, 1n, USD), /CLI_USAGE|rate|amount/, bad)
  }
  const pace = new Pace(10, 0)
  assert.deepEqual(
    [pace.waitMs(5, 0), pace.waitMs(10, 500), pace.waitMs(10, 5_000), pace.waitMs(11, 5_000)],
    [500, 500, 0, 100],
  )
})

test('before it pays, a terminal is asked, and only yes is yes', async () => {
  const offer = { flow: 'stream', url: 'https://shop.example:8443/a', price: 2n, unit: 'letter' }
  assert.equal(
    payQuestion(offer, { code: 'USD', scale: 2 }, 500n),
    'Pay shop.example:8443 0.02 USD per letter, at most 5 USD in all?',
  )
  for (const [typed, expected] of [
    ['y\n', true],
    ['Yes\n', true],
    ['n\n', false],
    ['\n', false],
    ['sure\n', false],
    [undefined, false],
  ] as const) {
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const output = Object.assign(new PassThrough(), { isTTY: true })
    const asker = terminalAsker(input, output)
    assert.ok(asker)
    const answer = asker.ask('Pay?')
    if (typed === undefined) input.end()
    else input.write(typed)
    assert.equal(await answer, expected, typed)
    assert.match(String(output.read()), /Pay\? \[y\/N\] /)
  }
  assert.equal(terminalAsker(new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })), undefined)
  assert.equal(terminalAsker(Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()), undefined)
})

test('what the network says becomes the exit code that curl has for it', () => {
  const failed = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error('why'), { code }) })
  for (const [code, exit] of [
    ['ENOTFOUND', 6],
    ['EAI_AGAIN', 6],
    ['ECONNREFUSED', 7],
    ['EHOSTUNREACH', 7],
    ['UND_ERR_CONNECT_TIMEOUT', 28],
    ['UND_ERR_HEADERS_TIMEOUT', 28],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 35],
    ['UND_ERR_SOCKET', 52],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 60],
    ['CERT_HAS_EXPIRED', 60],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 60],
    ['SOMETHING_ELSE', 56],
  ] as const) {
    assert.equal(exitCodeOf(failed(code)), exit, code)
  }
  assert.equal(exitCodeOf(new Error('a bug')), 1)
})

test('the wallet is where the user says, or where the XDG base directories do', () => {
  assert.equal(walletDirectory({ SLUICE_HOME: '/s', XDG_DATA_HOME: '/x' }, '/users/u'), '/s/wallet')
  assert.equal(walletDirectory({ SLUICE_HOME: '', XDG_DATA_HOME: '/x' }, '/users/u'), '/x/sluice/wallet')
  assert.equal(walletDirectory({}, '/users/u'), '/users/u/.local/share/sluice/wallet')
})
