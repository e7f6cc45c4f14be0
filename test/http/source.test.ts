/** Sources and units: every kind of content, read only on demand, cut into letters; and the letters of the Letter Shop. */
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { chunk, letter, letters, sourceOf, type Content, type Source, type Unit } from 'sluice/http'

async function all(source: Source): Promise<Buffer[]> {
  const units: Buffer[] = []
  for (;;) {
    const unit = await source.next()
    if (unit === undefined) return units
    units.push(Buffer.from(unit))
  }
}

const texts = async (content: Content, unit: Unit = chunk): Promise<string[]> =>
  (await all(unit.cut(sourceOf(content)))).map(String)

test('every kind of content is read, empty chunks left out', async () => {
  const parts = ['ab', '', Buffer.from('c')]
  async function* generate() {
    yield* parts
  }
  for (const [kind, content] of Object.entries<Content>({
    array: parts,
    generator: generate(),
    node: Readable.from(parts),
    web: new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(part)
        controller.close()
      },
    }),
    source: sourceOf(parts),
  })) {
    assert.deepEqual(await texts(content), ['ab', 'c'], kind)
  }
  assert.deepEqual(await texts('abc'), ['abc'])
})

test('content of another type is refused when it is read', async () => {
  const numbers = [1, 2] as unknown as string[]
  await assert.rejects(all(sourceOf(Readable.from(numbers))), { code: 'SHOP_CONTENT' })
  assert.throws(() => sourceOf(numbers).next(), { code: 'SHOP_CONTENT' })
})

test('nothing is read before the first next, and cancel stops a producer in every state', async () => {
  for (const reads of [0, 1]) {
    const log: string[] = []
    const node = new Readable({
      read() {
        log.push('read')
        this.push('x')
      },
      destroy(error, done) {
        log.push('destroyed')
        done(error)
      },
    })
    const web = new ReadableStream<string>(
      {
        pull(controller) {
          log.push('read')
          controller.enqueue('x')
        },
        cancel() {
          log.push('destroyed')
        },
      },
      { highWaterMark: 0 },
    )
    function* generate() {
      try {
        for (;;) {
          log.push('read')
          yield 'x'
        }
      } finally {
        log.push('destroyed')
      }
    }
    for (const [kind, content] of Object.entries<Content>({ node, web, generator: generate() })) {
      log.length = 0
      const source = sourceOf(content)
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual([...log], [], kind)
      if (reads > 0) await source.next()
      source.cancel()
      await new Promise((resolve) => setImmediate(resolve))
      // A generator that never ran has nothing to undo.
      const undone = reads > 0 || kind !== 'generator'
      assert.equal(log.includes('destroyed'), undone, `${kind} after ${reads}`)
    }
  }
})

test('cancelling ends a read that waits for ever', async () => {
  let destroyed = 0
  const node = new Readable({ read() {}, destroy: (error, done) => done((destroyed++, error)) })
  const web = new ReadableStream<string>({ cancel: () => void destroyed++ })
  for (const content of [node, web]) {
    const source = sourceOf(content)
    const waiting = Promise.resolve(source.next()).catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    source.cancel()
    assert.equal(await waiting, undefined)
  }
  assert.equal(destroyed, 2)
})

test('a stream that fails before it is read harms nobody until it is read', async () => {
  const missing = createReadStream('/does/not/exist')
  const source = sourceOf(missing)
  await new Promise<void>((resolve) => missing.once('close', resolve))
  await assert.rejects(async () => source.next(), /ENOENT/)
})

test('a producer that fails to stop harms nobody', async () => {
  const failing: Content = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false as const, value: 'x' }),
      return: () => Promise.reject(new Error('cannot stop')),
    }),
  }
  const source = sourceOf(failing)
  await source.next()
  source.cancel()
  await new Promise((resolve) => setImmediate(resolve))
})

test('letters are characters, however the chunks fall', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.array(fc.nat(8)),
      fc.boolean(),
      async (text, cuts, async) => {
        const bytes = Buffer.from(text)
        const chunks: Buffer[] = []
        let at = 0
        for (const length of cuts) {
          chunks.push(bytes.subarray(at, at + length))
          at += length
        }
        chunks.push(bytes.subarray(Math.min(at, bytes.length)))
        const content = async ? Readable.from(chunks) : chunks
        assert.deepEqual(await texts(content, letter), Array.from(text))
      },
    ),
  )
})

test('any bytes are cut into letters without loss, none empty', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 6 })), async (chunks) => {
      const units = await all(letter.cut(sourceOf(chunks)))
      assert.deepEqual(Buffer.concat(units), Buffer.concat(chunks))
      assert.ok(units.every((unit) => unit.length > 0))
    }),
  )
})

test('the Letter Shop’s letters: each as likely, from the randomness that is given', () => {
  let draws = 0
  const everyByte = (length: number): Uint8Array => {
    draws++
    return Uint8Array.from({ length }, (_, index) => index)
  }
  const source = letters(everyByte)
  const counts = new Map<string, number>()
  for (let count = 0; count < 234; count++) {
    const unit = source.next()
    assert.ok(unit instanceof Uint8Array)
    const text = Buffer.from(unit).toString()
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  assert.deepEqual([...counts.keys()].toSorted().join(''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
  assert.deepEqual([...new Set(counts.values()), draws], [9, 1])
})
