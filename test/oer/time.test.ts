/** The two time formats: the calendar to the day, and everything that is no date. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ascii, latin1 } from 'sluice/bytes'
import { isTime, Reader, Writer } from 'sluice/oer'

function variable(text: string): number {
  const writer = new Writer()
  writer.varOctets(ascii(text))
  return new Reader(writer.take()).varTime()
}

const fixed = (text: string): number => new Reader(ascii(text)).fixedTime()

function written(ms: number): [string, string] {
  const writer = new Writer()
  writer.fixedTime(ms)
  const first = latin1(writer.take())
  writer.varTime(ms)
  return [first, latin1(writer.take().subarray(1))]
}

test('both forms agree with the calendar on the first and last moments of every month of 800 years, and of years 0–3', () => {
  for (const from of [0, 1600, 9600]) {
    for (let year = from; year < from + 400; year++) {
      for (let month = 0; month < 12; month++) {
        const first = new Date(0)
        first.setUTCFullYear(year, month, 1)
        for (const ms of [first.getTime(), first.getTime() - 1]) {
          if (!isTime(ms)) continue
          const digits = new Date(ms).toISOString().replace(/[-T:.Z]/g, '')
          assert.deepEqual(written(ms), [digits, `${digits.slice(0, 14)}.${digits.slice(14)}Z`])
          assert.equal(fixed(digits), ms)
          assert.equal(variable(`${digits.slice(0, 14)}.${digits.slice(14)}Z`), ms)
        }
      }
    }
  }
})

test('the variable form is read with no to three fraction digits', () => {
  const base = Date.UTC(2017, 11, 24, 16, 14, 32)
  assert.equal(variable('20171224161432Z'), base)
  assert.equal(variable('20171224161432.2Z'), base + 200)
  assert.equal(variable('20171224161432.27Z'), base + 270)
  assert.equal(variable('20171224161432.279Z'), base + 279)
  assert.equal(variable('19700101000000.000Z'), 0)
})

test('a leap second is read in the variable form, where one can be, as the second after it', () => {
  assert.equal(variable('20161231235960Z'), Date.UTC(2017, 0, 1))
  assert.equal(variable('20150630235960.5Z'), Date.UTC(2015, 6, 1, 0, 0, 0, 500))
  for (const text of [
    '20161230235960Z',
    '20161231225960Z',
    '20161231235860Z',
    '20171224161460.279Z',
    '20161231235961Z',
  ]) {
    assert.throws(() => variable(text), { code: 'OER_TIME' }, text)
  }
})

test('what is no date is refused', () => {
  const digits = [
    '20171324161432279',
    '20170024161432279',
    '20171232161432279',
    '20171200161432279',
    '20170229161432279',
    '19000229161432279',
    '20171131161432279',
    '20171224241432279',
    '20171224240000000',
    '20171224166032279',
    '20171224161460279',
    '20161231235960000',
    '2017122416143227x',
    '+2017122416143227',
    ' 0171224161432279',
  ]
  for (const text of digits) {
    assert.throws(() => fixed(text), { code: 'OER_TIME' }, text)
    if (text !== '20161231235960000') {
      assert.throws(() => variable(`${text.slice(0, 14)}.${text.slice(14)}Z`), { code: 'OER_TIME' }, text)
    }
  }
  const others = [
    '',
    'Z',
    '201712242153Z',
    '20171224161432',
    '20171224161432.Z',
    '20171224161432.2791Z',
    '20171224161432,279Z',
  ]
  for (const text of [
    ...others,
    '20171224161432.279z',
    '20171224161432.279',
    '20171224161432+0100',
    '20171224161432.-1Z',
  ]) {
    assert.throws(() => variable(text), { code: 'OER_TIME' }, text)
  }
  assert.throws(() => fixed('2017122416143227'), { code: 'OER_TRUNCATED' })
})

test('a time that four digits of year cannot say is not written', () => {
  const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
  assert.deepEqual(written(last), ['99991231235959999', '99991231235959.999Z'])
  for (const ms of [last + 1, -62_167_219_200_001, NaN, Infinity, 0.5, -Infinity]) {
    assert.ok(!isTime(ms))
    assert.throws(() => written(ms), { code: 'OER_TIME' })
  }
})
