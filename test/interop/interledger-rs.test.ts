/**
 * What interledger-rs puts on the wire, byte by byte: `auth` and `auth_token` alone, what follows pipelined behind them,
 * a path, a Prepare in a BTP Response, a Fulfill or Reject in a BTP Message. The frames are those of its tests
 * (crates/interledger-btp/src/packet.rs), and others written by hand after its source, because nothing of ours must have
 * made them.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { decodeFrame, encodeFrame, type Frame } from 'sluice/btp'
import { SluiceError } from 'sluice/errors'
import { BtpPlugin, HostPlugin, type LedgerPluginV2 } from 'sluice/plugin'
import { WebSocket, WebSocketServer } from 'ws'
import { hostOptions, listening, LogLines, SECRET } from '../plugin/v2-pair.js'

const quiet = new LogLines().services
const PATH = '/accounts/sluice/ilp/btp'

/** A Message with the entries `auth`, empty, and `auth_token`, the text `a peer secret`. */
const AUTH = '06 2a1b3c4d 23 0102 04 61757468 00 00 0a 617574685f746f6b656e 01 0d 612070656572 20736563726574'
/** The same, with the entry `auth_username`, the text `alice`. */
const AUTH_ALICE =
  '06 2a1b3c4d 38 0103 04 61757468 00 00 0d 617574685f757365726e616d65 01 05 616c696365' +
  ' 0a 617574685f746f6b656e 01 0d 612070656572 20736563726574'
const AUTH_ANSWER = '01 2a1b3c4d 02 0100'

const FULFILL = `0d 21 ${'00'.repeat(32)} 00`
/** F02, without a word. */
const REJECT = '0e 06 463032 00 00 00'

/** One base unit to example.x; its condition is SHA-256 of 32 zeros. */
function prepare(expiresAt = '20990101000000000'): string {
  const condition = '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925'
  const time = Buffer.from(expiresAt, 'latin1').toString('hex')
  return `0c 44 0000000000000001 ${time} ${condition} 09 6578616d706c652e78 00`
}

/** A frame with the one entry `ilp`. */
function frame(type: '01' | '06', requestId: string, packet: string): string {
  const data = bytes(packet).toString('hex')
  const length = (count: number): string => count.toString(16).padStart(2, '0')
  return `${type} ${requestId} ${length(8 + data.length / 2)} 0101 03 696c70 00 ${length(data.length / 2)} ${data}`
}

function bytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** A connection of theirs, and what it has got, as hex. */
class Theirs {
  readonly got: string[] = []
  readonly #ws: WebSocket
  #wake: () => void = () => undefined

  private constructor(ws: WebSocket) {
    this.#ws = ws
    ws.on('message', (data: Buffer) => {
      this.got.push(data.toString('hex'))
      this.#wake()
    })
  }

  static async dial(t: TestContext, port: number | undefined): Promise<Theirs> {
    const theirs = new Theirs(new WebSocket(`ws://127.0.0.1:${port}${PATH}`))
    t.after(() => theirs.#ws.terminate())
    await once(theirs.#ws, 'open')
    return theirs
  }

  send(text: string): void {
    this.#ws.send(bytes(text))
  }

  async frames(count: number): Promise<string[]> {
    while (this.got.length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.got
  }
}

async function peered(t: TestContext, dispatchByPacket: boolean) {
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET }, dispatchByPacket }, quiet)
  t.after(async () => listener.disconnect())
  const asked: string[] = []
  answering(listener, asked)
  const { connecting, port } = await listening(listener)
  return { listener, connecting, asked, theirs: await Theirs.dial(t, port) }
}

function answering(plugin: LedgerPluginV2, asked: string[]): void {
  plugin.registerDataHandler(async (data) => {
    asked.push(data.toString('hex'))
    return bytes(FULFILL)
  })
}

function hex(text: string): string {
  return bytes(text).toString('hex')
}

test('the frames of its own tests are read, and written, as they are there', () => {
  const text = (name: string, value: string) => ({ name, contentType: 1 as const, data: Buffer.from(value) })
  const octets = (name: string, value: string) => ({ name, contentType: 0 as const, data: Buffer.from(value, 'hex') })
  const frames: readonly [string, Frame][] = [
    [
      '060000000217010204746573740002ffff0474657874010568656c6c6f',
      { type: 6, requestId: 2, entries: [octets('test', 'ffff'), text('text', 'hello')] },
    ],
    [
      '01000000811b010113736f6d65206f746865722070726f746f636f6c0003aaaaaa',
      { type: 1, requestId: 129, entries: [octets('some other protocol', 'aaaaaa')] },
    ],
    [
      '02000001f52f54303010556e726561636861626c654572726f721332303138303833313032353332342e3839395a046f6f70730100',
      {
        type: 2,
        requestId: 501,
        code: 'T00',
        name: 'UnreachableError',
        triggeredAt: Date.parse('2018-08-31T02:53:24.899Z'),
        data: Buffer.from('oops'),
        entries: [],
      },
    ],
  ]
  for (const [wire, told] of frames) {
    const read = decodeFrame(Buffer.from(wire, 'hex'), 2)
    assert.equal(Buffer.from(encodeFrame(read, 2)).toString('hex'), wire)
    assert.equal(Buffer.from(encodeFrame(told, 2)).toString('hex'), wire)
  }
})

test('what it takes for no frame we do not take for one, either', () => {
  for (const wire of [
    [],
    [6, 0, 0, 1, 0, 1, 45],
    [1, 1, 0, 0, 4, 4, 0],
    [1, 1, 65, 0, 0, 9, 1, 0],
    [1, 1, 2, 217, 19, 50, 212],
    [2, 0, 0, 30, 30, 134, 30, 8, 36, 128, 96, 50],
    [1, 1, 0, 6, 1, 132, 132, 0, 91, 255, 50],
    [6, 0, 0, 1, 1, 6, 1, 0],
    [6, 0, 0, 1, 1, 7, 129, 1, 1, 1, 6, 1, 0],
  ]) {
    assert.throws(() => decodeFrame(Uint8Array.from(wire), 2), SluiceError, String(wire))
  }
})

test('a Prepare in a Response, pipelined behind authentication without a user name', async (t) => {
  const { connecting, asked, theirs } = await peered(t, true)
  theirs.send(AUTH)
  theirs.send(frame('01', '00000007', prepare()))
  theirs.send(frame('01', '00000008', prepare()))
  assert.deepEqual(await theirs.frames(3), [
    hex(AUTH_ANSWER),
    hex(frame('01', '00000007', FULFILL)),
    hex(frame('01', '00000008', FULFILL)),
  ])
  await connecting
  assert.deepEqual(asked, [hex(prepare()), hex(prepare())])
})

test('a Fulfill and a Reject in a Message answer what we sent', async (t) => {
  const { listener, connecting, asked, theirs } = await peered(t, true)
  theirs.send(AUTH)
  await connecting
  for (const [n, answer] of [FULFILL, REJECT].entries()) {
    const call = listener.sendData(bytes(prepare()))
    const sent = (await theirs.frames(n + 2))[n + 1] ?? ''
    const requestId = sent.slice(2, 10)
    assert.equal(sent, hex(frame('06', requestId, prepare())))
    theirs.send(frame('06', requestId, answer))
    assert.equal((await call).toString('hex'), hex(answer))
  }
  assert.deepEqual(asked, [])
})

/** A Reject with that code, in a Response. */
function rejects(requestId: string, code: string): RegExp {
  return new RegExp(`^01${requestId}..010103696c7000..0e..${Buffer.from(code).toString('hex')}`)
}

test('a Prepare that fails is answered by a Reject, because it takes no notice of BTP errors', async (t) => {
  const { listener, connecting, theirs } = await peered(t, true)
  listener.deregisterDataHandler()
  theirs.send(AUTH)
  theirs.send(frame('01', '00000007', prepare()))
  assert.match((await theirs.frames(2))[1] ?? '', rejects('00000007', 'F00'))
  await connecting
  const failure = new Error('not for others')
  listener.registerDataHandler(async () => Promise.reject(failure))
  theirs.send(frame('01', '00000008', prepare()))
  assert.match((await theirs.frames(3))[2] ?? '', rejects('00000008', 'T00'))
  Object.assign(failure, { ilpErrorCode: 'F02' })
  theirs.send(frame('06', '00000009', prepare()))
  assert.match((await theirs.frames(4))[3] ?? '', rejects('00000009', 'F02'))
  assert.ok(theirs.got.every((sent) => !Buffer.from(sent, 'hex').includes('not for others')))
  // What is no Prepare has no Reject.
  theirs.send(frame('06', '0000000a', '01 00'))
  assert.match((await theirs.frames(5))[4] ?? '', /^020000000a/)
})

test('so does a host', async (t) => {
  const host = new HostPlugin(
    hostOptions({ dispatchByPacket: true, accounts: { alice: { token: SECRET, maxBalance: '1' } } }),
    quiet,
  )
  t.after(async () => host.disconnect())
  await host.connect()
  const theirs = await Theirs.dial(t, host.port)
  theirs.send(AUTH_ALICE)
  theirs.send(frame('01', '00000007', prepare()))
  assert.match((await theirs.frames(2))[1] ?? '', rejects('00000007', 'F00'))
})

test('without the option a Response is a Response, whatever is in it', async (t) => {
  const { connecting, asked, theirs } = await peered(t, false)
  theirs.send(AUTH)
  theirs.send(frame('01', '00000007', prepare()))
  theirs.send(frame('06', '00000008', prepare()))
  assert.deepEqual(await theirs.frames(2), [hex(AUTH_ANSWER), hex(frame('01', '00000008', FULFILL))])
  await connecting
  assert.equal(asked.length, 1)
})

test('a host opens an account for a token without a user name, and has its packets in the book', async (t) => {
  const host = new HostPlugin(
    hostOptions({ dispatchByPacket: true, accounts: {}, openAccounts: { maxBalance: '1' } }),
    quiet,
  )
  t.after(async () => host.disconnect())
  const asked: string[] = []
  answering(host, asked)
  await host.connect()
  const theirs = await Theirs.dial(t, host.port)
  const soon = new Date(Date.now() + 20_000).toISOString().replaceAll(/\D/g, '')
  theirs.send(AUTH)
  theirs.send(frame('01', '00000007', prepare(soon)))
  assert.deepEqual(await theirs.frames(2), [hex(AUTH_ANSWER), hex(frame('01', '00000007', FULFILL))])
  assert.deepEqual(asked, [hex(prepare(soon))])
  // The limit is reached: a Reject, of T04, and nobody is asked.
  const later = new Date(Date.now() + 21_000).toISOString().replaceAll(/\D/g, '')
  theirs.send(frame('01', '00000008', prepare(later)))
  const refused = (await theirs.frames(3))[2] ?? ''
  assert.match(refused, rejects('00000008', 'T04'))
  assert.equal(asked.length, 1)
})

test('our client asks for the path that its URI has', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  const paths: unknown[] = []
  server.on('connection', (socket, request) => {
    paths.push(request.url)
    // Any authentication is accepted: an empty Response under its id.
    socket.once('message', (data: Buffer) => {
      socket.send(Buffer.concat([Buffer.of(1), data.subarray(1, 5), Buffer.of(2, 1, 0)]))
    })
  })
  const { port } = server.address() as AddressInfo
  const client = new BtpPlugin({ server: `btp+ws://:token@127.0.0.1:${port}${PATH}` }, quiet)
  t.after(async () => client.disconnect())
  await client.connect()
  assert.deepEqual(paths, [PATH])
})
