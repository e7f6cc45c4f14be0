/** The free page of a directory that is for sale: its files, their sizes, and what each costs. */
import { readdir, stat } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { utf8 } from '../bytes/index.js'
import { problem, type Answer, type ShopHandler } from '../http/index.js'
import { formatMoney, type Asset } from '../money/index.js'
import { servedPath } from './served-path.js'
import { columns } from './table.js'

export interface FileIndexOptions {
  /** Without links. */
  readonly root: string
  /** Of one step. */
  readonly price: bigint
  readonly step: number
  readonly asset: Asset
}

interface Entry {
  readonly name: string
  /** Bytes; `undefined` for a directory. */
  readonly size: number | undefined
}

/** Entries of one page; the others can be had, but are not listed. */
const INDEX_ENTRIES_MAX = 10_000

export function fileIndex(options: FileIndexOptions): ShopHandler {
  return async ({ method, url, header }) => {
    if (method !== 'GET' && method !== 'HEAD') return problem(405, 'method-not-allowed', 'files are got by GET')
    const folder = await servedPath(options.root, url.split(/[?#]/)[0] ?? '')
    const entries = folder === undefined ? undefined : await entriesOf(options.root, folder).catch(() => undefined)
    if (entries === undefined) return problem(404, 'not-found', 'there is no such directory')
    return header('accept')?.includes('text/html') === true ? page(entries, options) : text(entries, options)
  }
}

async function entriesOf(root: string, folder: string): Promise<Entry[]> {
  const found = await readdir(folder)
  const entries = await Promise.all(
    found.slice(0, INDEX_ENTRIES_MAX).map(async (name): Promise<Entry | undefined> => {
      const path = [...relative(root, folder).split(sep), name].map(encodeURIComponent).join('/')
      const shown = await servedPath(root, path)
      const about = shown === undefined ? undefined : await stat(shown).catch(() => undefined)
      if (about?.isDirectory() === true) return { name: `${name}/`, size: undefined }
      return about?.isFile() === true ? { name, size: about.size } : undefined
    }),
  )
  return entries.filter((entry) => entry !== undefined).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function costOf(size: number, { price, step, asset }: FileIndexOptions): string {
  return formatMoney(BigInt(Math.ceil(size / step)) * price, asset)
}

function text(entries: readonly Entry[], options: FileIndexOptions): Answer {
  const rows = entries.map(({ name, size }) =>
    size === undefined ? [name, '', ''] : [name, String(size), costOf(size, options)],
  )
  const lines = columns([['file', 'bytes', 'price'], ...rows], new Set(['bytes', 'price']))
  return answer('text/plain; charset=utf-8', `${lines.join('\n')}\n`)
}

function page(entries: readonly Entry[], options: FileIndexOptions): Answer {
  const rows = entries.map(({ name, size }) => {
    const link = `<a href="./${encodeURIComponent(name).replace(/%2F$/, '/')}">${escaped(name)}</a>`
    return `<tr><td>${link}<td>${size ?? ''}<td>${size === undefined ? '' : escaped(costOf(size, options))}`
  })
  const title = 'Files for sale'
  return answer(
    'text/html; charset=utf-8',
    `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>
<table><tr><th>file<th>bytes<th>price
${rows.join('\n')}
</table><p>Buy with <code>sluice get URL --max-spend …</code>
`,
  )
}

function answer(type: string, body: string): Answer {
  return { status: 200, headers: { 'Content-Type': type, 'Cache-Control': 'no-cache' }, body: utf8(body) }
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escaped(value: string): string {
  return value.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
}
