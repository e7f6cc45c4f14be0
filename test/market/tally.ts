/**
 * Counts and records that survive the kill -9 of the process that keeps them: each is handed to the kernel by one
 * system call before what it counts goes on.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'

const BYTES = 8

/** A sum in a file; goes on from what the file says. */
export class Tally {
  readonly #file: number
  readonly #bytes = Buffer.alloc(BYTES)
  #sum: number

  constructor(path: string) {
    this.#file = openSync(path, 'a+')
    closeSync(this.#file)
    this.#file = openSync(path, 'r+')
    readSync(this.#file, this.#bytes, 0, BYTES, 0)
    this.#sum = Number(this.#bytes.readBigUInt64LE())
  }

  get sum(): number {
    return this.#sum
  }

  add(count: number): void {
    this.#sum += count
    this.#bytes.writeBigUInt64LE(BigInt(this.#sum))
    writeSync(this.#file, this.#bytes, 0, BYTES, 0)
  }
}

/** What another process has tallied; 0 before it has begun. */
export function tallied(path: string): number {
  try {
    const bytes = readFileSync(path)
    return bytes.length < BYTES ? 0 : Number(bytes.readBigUInt64LE())
  } catch {
    return 0
  }
}

/** A file of 16-byte ids, one after the other. */
export class IdFile {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  append(id: Uint8Array): void {
    writeSync(this.#file, id)
  }
}

/** The ids in an {@link IdFile} from the `from`th on, in one piece. */
export function idsIn(path: string, from = 0): Uint8Array {
  const file = openSync(path, 'a+')
  try {
    const bytes = new Uint8Array(Math.max(0, fstatSync(file).size - from * 16))
    readSync(file, bytes, 0, bytes.length, from * 16)
    return bytes
  } finally {
    closeSync(file)
  }
}
