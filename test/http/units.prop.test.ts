/** Units: what is sold does not depend on how the content came, and nothing is lost or made up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bytes,
  chatTokens,
  chunk,
  letter,
  line,
  openAiTokens,
  sourceOf,
  sseEvent,
  stepped,
  tokens,
  unitNamed,
  type Pieces,
  type Unit,
} from 'sluice/http'

type Sold = readonly [text: string, weight: number]

async function sold(unit: Unit, chunks: Iterable<Uint8Array | string>): Promise<Sold[]> {
  const pieces: Pieces = unit.cut(sourceOf(chunks))
  const all: Sold[] = []
  for (;;) {
    const piece = await pieces.next()
    if (piece === undefined) return all
    all.push([Buffer.from(piece).toString('latin1'), pieces.weight ?? 1])
  }
}

async function* slowly(chunks: Iterable<Uint8Array>) {
  yield* chunks
}

const content = fc.array(
  fc.constantFrom('\n', '\r', '\r\n', ':', 'a', 'data: x', 'event: é', '\n\n', 'data: {"choices":[]}', '😀', '€'),
  { maxLength: 40 },
)

const UNITS: Readonly<Record<string, Unit>> = {
  letter,
  byte: bytes(1),
  'bytes of 7': bytes(7),
  line,
  'sse-event': sseEvent,
  'tokens of lines': tokens((text) => text.length % 4, line),
  'three lines': stepped(line, 3),
  'five tokens of events': stepped(
    tokens((text) => text.length % 4, sseEvent),
    5,
  ),
}

for (const [name, unit] of Object.entries(UNITS)) {
  test(`${name}: the same pieces for every division into chunks, and all of the content`, async () => {
    await fc.assert(
      fc.asyncProperty(content, fc.array(fc.nat(300), { maxLength: 12 }), fc.boolean(), async (texts, cuts, slow) => {
        const whole = Buffer.from(texts.join(''))
        const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)), whole.length].toSorted((a, b) => a - b)
        const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end))
        const expected = await sold(unit, [whole])
        assert.equal(expected.map(([text]) => text).join(''), whole.toString('latin1'))
        if (slow) {
          const pieces = unit.cut(sourceOf(slowly(chunks)))
          for (const [text, weight] of expected) {
            assert.equal(Buffer.from((await pieces.next()) ?? []).toString('latin1'), text)
            assert.equal(pieces.weight ?? 1, weight)
          }
          assert.equal(await pieces.next(), undefined)
        } else {
          assert.deepEqual(await sold(unit, chunks), expected)
        }
      }),
      { numRuns: 150 },
    )
  })
}

test('bytes by a step: views of what was read, the last one shorter', async () => {
  const whole = Buffer.alloc(10, 'x')
  const pieces = bytes(4).cut(sourceOf([whole]))
  const first = await pieces.next()
  assert.equal(first?.buffer, whole.buffer)
  assert.deepEqual(
    (await sold(bytes(4), [whole])).map(([text]) => text.length),
    [4, 4, 2],
  )
  assert.throws(() => bytes(0), { code: 'SHOP_OPTIONS' })
})

test('an event costs one unit; comments and blank lines are free', async () => {
  const stream = ': hello\n\ndata: a\r\ndata: b\r\n\r\n\n:x\r\revent: c\r\r'
  assert.deepEqual(await sold(sseEvent, [stream]), [
    [': hello\n\n', 0],
    ['data: a\r\ndata: b\r\n\r\n', 1],
    ['\n', 0],
    [':x\r\r', 0],
    ['event: c\r\r', 1],
  ])
})

test('an event of any size is one piece', async () => {
  const part = 'x'.repeat(100_000)
  const [event] = await sold(sseEvent, ['data: ', ...Array.from({ length: 20 }, () => part), '\n\n'])
  assert.deepEqual([event?.[0].length, event?.[1]], [2_000_008, 1])
})

test('a piece beyond the limit ends the sale', async () => {
  const part = new Uint8Array(1_000_000).fill(0x61)
  await assert.rejects(
    sold(
      line,
      Array.from({ length: 18 }, () => part),
    ),
    { code: 'SHOP_UNIT' },
  )
})

test('tokens weigh what the function counts, at most one for each byte', async () => {
  assert.deepEqual(await sold(tokens(), ['a', 'bc']), [
    ['a', 1],
    ['bc', 1],
  ])
  assert.deepEqual(
    await sold(
      tokens((text) => text.split(' ').length + 1),
      ['one', 'two three', 'x'],
    ),
    [
      ['one', 2],
      ['two three', 3],
      ['x', 1],
    ],
  )
  await assert.rejects(
    sold(
      tokens(() => Number.NaN),
      ['a'],
    ),
    { code: 'SHOP_UNIT' },
  )
})

test('the streaming answers of an LLM cost a token for each delta with content', async () => {
  const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
  const delta = (fields: object): string => event({ choices: [{ delta: fields }] })
  const answer = [
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'Hel' }),
    delta({ content: 'lo' }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '{' } }] }),
    event({ choices: [], usage: { total_tokens: 9 } }),
    event({ choices: [{ text: 'old form' }] }),
    'data: {broken\n\n',
    'data: [DONE]\n\n',
  ]
  const weights = (await sold(openAiTokens, [answer.join('')])).map(([, weight]) => weight)
  assert.deepEqual(weights, [0, 1, 1, 1, 0, 1, 1, 0])
})

test('other forms of streams: deltas of responses and messages count, what is unknown counts, errors do not', async () => {
  const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
  const answer = [
    event({ type: 'response.created', response: {} }),
    event({ type: 'response.output_text.delta', delta: 'Hi' }),
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi' } }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: {} }),
    event({ error: { message: 'no' } }),
    event({ temperature: 21 }),
    ': keeps alive\n\n',
    'neither events\nnor JSON\n\n',
  ]
  const weights = (await sold(openAiTokens, ['\n', answer.join('')])).map(([, weight]) => weight)
  assert.deepEqual(weights, [0, 0, 1, 1, 0, 0, 1, 0, 7])
})

test('events that state their tokens so far cost what is new; a counting function counts the others', async () => {
  const delta = (words: string, soFar?: number): string => {
    const usage = soFar === undefined ? undefined : { completion_tokens: soFar }
    return `data: ${JSON.stringify({ choices: [{ delta: { content: words } }], usage })}\n\n`
  }
  const stated = delta('one two', 2) + delta(' three', 3) + 'data: {"choices":[],"usage":{"completion_tokens":3}}\n\n'
  assert.deepEqual(
    (await sold(openAiTokens, [stated])).map(([, weight]) => weight),
    [2, 1, 0],
  )
  const words = chatTokens((text) => text.split(' ').length)
  assert.deepEqual(
    (await sold(words, [delta('one two') + delta('three')])).map(([, weight]) => weight),
    [2, 1],
  )
})

test('a JSON answer costs what its usage states, spread over its bytes', async () => {
  for (const [answer, units] of [
    [{ choices: [], usage: { completion_tokens: 7, total_tokens: 9 } }, 7],
    [{ output: [], usage: { output_tokens: 3 } }, 3],
    [{ data: [], usage: { prompt_tokens: 5, total_tokens: 5 } }, 5],
    [{ error: { message: 'no' } }, 0],
    [{ data: 'x'.repeat(29) }, 10],
  ] as const) {
    const text = JSON.stringify(answer)
    const pieces = await sold(openAiTokens, [' \n', text.slice(0, 5), text.slice(5)])
    assert.equal(pieces.map(([piece]) => piece).join(''), ` \n${text}`)
    assert.equal(
      pieces.reduce((sum, [, weight]) => sum + weight, 0),
      units + (units === 10 ? 1 : 0),
    )
  }
})

test('units go by the names of Pay-Terms', () => {
  for (const name of ['chunk', 'letter', 'byte', 'line', 'sse-event', 'token', 'request'] as const) {
    assert.equal(unitNamed(name).name, name)
  }
  assert.throws(() => unitNamed('toString' as 'chunk'), { code: 'SHOP_OPTIONS' })
  assert.equal(stepped(bytes(10), 5).step, 50)
  assert.equal(stepped(chunk, 1), chunk)
})
