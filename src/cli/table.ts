/** Rows as text in columns, for people. */

/** Characters that would move the cursor, or hide what follows. */
const UNPRINTABLE = /\p{Cc}|\p{Cf}/gu

/** The rows as aligned lines; the first one is the head. Columns that `right` names are numbers. */
export function columns(rows: readonly (readonly string[])[], right: ReadonlySet<string> = new Set()): string[] {
  const [head = []] = rows
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll(UNPRINTABLE, '?')))
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  return cells.map((row) =>
    row
      .map((cell, at) => (right.has(head[at] ?? '') ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/** Names and values below each other. */
export function facts(rows: readonly (readonly [name: string, value: string])[]): string[] {
  return columns(rows)
}
