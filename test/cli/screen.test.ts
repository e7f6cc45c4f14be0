/** Where content and the live line go: pipes get content alone, terminals see both. */
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { utf8 } from 'sluice/bytes'
import { cliModule } from './cli-module.js'

const { openScreen } = await cliModule('screen')

/** A pipe, or a terminal of that many columns. */
class Output extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns: number

  constructor(columns = 0) {
    super()
    this.isTTY = columns > 0
    this.columns = columns
  }

  override _write(bytes: Uint8Array, _encoding: string, done: () => void): void {
    this.text += new TextDecoder().decode(bytes)
    done()
  }
}

test('pipes get content byte for byte, and nothing else', async () => {
  const [out, err] = [new Output(), new Output()]
  const screen = await openScreen(out, err)
  assert.equal(screen.live, false)
  screen.status('12 letters/s')
  await screen.write(utf8('one\ntw'))
  await screen.write(utf8('o'))
  screen.end()
  assert.deepEqual([out.text, err.text], ['one\ntwo', ''])
})

test('with content in a pipe the live line is on the terminal, and taken away at the end', async () => {
  const [out, err] = [new Output(), new Output(40)]
  const screen = await openScreen(out, err)
  assert.deepEqual([screen.live, screen.columns], [true, 40])
  screen.status('12 letters/s')
  await screen.write(utf8('ABC'))
  screen.end()
  assert.equal(out.text, 'ABC')
  assert.match(err.text, /12 letters\/s/)
})

test('on one terminal content is shown in rows that fit, above the live line, and none of it is lost', async () => {
  const [out, err] = [new Output(11), new Output(11)]
  const screen = await openScreen(out, err)
  screen.status('live')
  for (const part of ['ABCDEFG', 'HIJKLMNOPQRSTUVWXYZ', '\nab\n\n', 'é']) await screen.write(utf8(part))
  screen.end()
  assert.equal(out.text, 'ABCDEFGHIJ\nKLMNOPQRST\nUVWXYZ\nab\n\né\n')
  assert.match(err.text, /live/)
})
