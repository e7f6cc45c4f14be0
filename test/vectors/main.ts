/**
 * `npm run vectors -- FILE…`: checks files of vectors (default: protocols.json beside the sources), prints per op how many
 * hold, and each that fails with expected and got. Exits 1 when one fails or was not attempted, or a file has none.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { check, readVectors } from './run.js'

/** So much of a long value is shown around the first difference. */
const SHOWN_CHARACTERS = 400

const DEFAULT = fileURLToPath(new URL('../../../test/vectors/protocols.json', import.meta.url))
const paths = process.argv.length > 2 ? process.argv.slice(2) : [DEFAULT]
const tally = new Map<string, { held: number; all: number }>()
const faults: string[] = []

for (const path of paths) {
  try {
    const vectors = readVectors(readFileSync(path, 'utf8'))
    if (vectors.length === 0) faults.push(`${path}: no vectors`)
    for (const vector of vectors) {
      const count = tally.get(vector.op) ?? { held: 0, all: 0 }
      tally.set(vector.op, count)
      count.all++
      const verdict = check(vector)
      if (verdict.status === 'holds') count.held++
      else if (verdict.status === 'not attempted') faults.push(`${vector.id}: not attempted: ${verdict.why}`)
      else {
        const from = Math.max(0, firstDifference(verdict.expected, verdict.got) - SHOWN_CHARACTERS / 2)
        faults.push(
          `${vector.id} (${vector.op}, ${vector.kind})\n  expected ${excerpt(verdict.expected, from)}\n  got      ${excerpt(verdict.got, from)}`,
        )
      }
    }
  } catch (error) {
    faults.push(`${path}: ${String(error)}`)
  }
}

let held = 0
let all = 0
for (const [op, count] of tally) {
  print(`${op.padEnd(24)} ${count.held} of ${count.all} hold`)
  held += count.held
  all += count.all
}
print(`${'all'.padEnd(24)} ${held} of ${all} hold`)
for (const fault of faults) print(fault)
process.exitCode = faults.length === 0 ? 0 : 1

function firstDifference(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}

function excerpt(text: string, from: number): string {
  const end = from + SHOWN_CHARACTERS
  return `${from > 0 ? '…' : ''}${text.slice(from, end)}${end < text.length ? '…' : ''}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
