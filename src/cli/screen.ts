/**
 * Where bought content and the live line go. Content is standard output, byte for byte; the live line is standard error,
 * and only when that is a terminal. Where both are the same terminal, content is shown row by row above the live line.
 */
import { once } from 'node:events'
import type { WriteStream } from 'node:tty'

/** Standard output or error, or a test's stand-in. */
export type Output = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

export interface Screen {
  /** True when somebody sees the live line, so that it is worth making one. */
  readonly live: boolean
  /** Characters in a row of the terminal. */
  readonly columns: number
  /** Resolves when more content may come: who reads slowly, buys slowly. */
  write(bytes: Uint8Array): Promise<void>
  /** Replaces the live line. */
  status(line: string): void
  /** Takes the live line away and leaves the cursor at the start of a line. */
  end(): void
}

/** @param err where the live line goes; absent: there is none */
export async function openScreen(out: Output, err?: Output): Promise<Screen> {
  if (err?.isTTY !== true) return plainScreen(out)
  const { createLogUpdate } = await import('log-update')
  const update = createLogUpdate(err)
  if (out.isTTY !== true) {
    return {
      ...plainScreen(out),
      live: true,
      get columns() {
        return columnsOf(err)
      },
      status: (line) => update(line),
      end: () => update.clear(),
    }
  }
  return sharedScreen(out, update)
}

function plainScreen(out: Output): Screen {
  return {
    live: false,
    columns: DEFAULT_COLUMNS,
    async write(bytes) {
      if (!out.write(bytes)) await once(out, 'drain')
    },
    status() {},
    end() {},
  }
}

const DEFAULT_COLUMNS = 80

/** A terminal that does not know its width says 0. */
function columnsOf(output: Output): number {
  return output.columns === undefined || output.columns === 0 ? DEFAULT_COLUMNS : output.columns
}

interface LiveLine {
  (text: string): void
  clear(): void
}

function sharedScreen(out: Output, update: LiveLine): Screen {
  const decoder = new TextDecoder()
  let row = ''
  let line = ''
  const draw = (): void => update(row === '' ? line : `${row}\n${line}`)
  return {
    live: true,
    get columns() {
      return columnsOf(out)
    },
    async write(bytes) {
      const width = columnsOf(out) - 1
      const rows: string[] = []
      for (const character of decoder.decode(bytes, { stream: true })) {
        if (character === '\n' || row.length >= width) {
          rows.push(row)
          row = ''
        }
        if (character !== '\n') row += character
      }
      if (rows.length === 0) return
      update.clear()
      out.write(`${rows.join('\n')}\n`)
      draw()
    },
    status(text) {
      line = text
      draw()
    },
    end() {
      update.clear()
      if (row !== '') out.write(`${row}\n`)
      row = ''
    },
  }
}
