/** A big file by the 64 KiB chunk: what selling it costs both processes, beside the same download for nothing. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Payee, Payer } from './party.js'
import { median, rounded } from './report.js'

export interface BulkFigures {
  readonly contender: 'paid' | 'free'
  readonly bytes: number
  readonly ms: number
  readonly sellerCpuMs: number
  readonly buyerCpuMs: number
  /** CPU of both sides against the free download. */
  readonly timesCpu: number
}

interface Download {
  readonly bytes: number
  readonly ms: number
  readonly cpuUs: number
  readonly spent: number
}

interface Round {
  readonly ms: number
  readonly sellerCpuMs: number
  readonly buyerCpuMs: number
}

const CHUNK_BYTES = 65_536

/** The two ways take turns, so that a slow minute meets both. */
export async function measureBulk(options: {
  readonly fileBytes: number
  readonly window: number
  readonly rounds: number
}): Promise<BulkFigures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bulk-'))
  try {
    const file = join(directory, 'file')
    const handle = await open(file, 'w')
    await handle.truncate(options.fileBytes)
    await handle.close()
    const payee = await Payee.start('file-payee', { file, directory: join(directory, 'books') })
    const payer = await Payer.start('file-payer', (await payee.call('address')) as object)
    try {
      return await compare(payee, payer, options)
    } finally {
      await payer.stop()
      await payee.stop()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function compare(
  payee: Payee,
  payer: Payer,
  { fileBytes, window, rounds }: { readonly fileBytes: number; readonly window: number; readonly rounds: number },
): Promise<BulkFigures[]> {
  const cpuUs = async (): Promise<number> => {
    const { user, system } = (await payee.call('cpu')) as NodeJS.CpuUsage
    return user + system
  }
  const download = async (path: '/paid' | '/free'): Promise<Round> => {
    const before = await cpuUs()
    const { bytes, ms, cpuUs: buyerUs, spent } = (await payer.call('download', { path, window })) as Download
    const chunks = path === '/paid' ? Math.ceil(fileBytes / CHUNK_BYTES) : 0
    if (bytes !== fileBytes || spent !== chunks) throw new Error(`${path}: ${bytes} bytes for ${spent}`)
    return { ms, sellerCpuMs: ((await cpuUs()) - before) / 1000, buyerCpuMs: buyerUs / 1000 }
  }
  const paid: Round[] = []
  const free: Round[] = []
  // The first of each warms up.
  for (let round = 0; round <= rounds; round++) {
    const [freely, forMoney] = [await download('/free'), await download('/paid')]
    if (round === 0) continue
    free.push(freely)
    paid.push(forMoney)
  }
  const medianOf = (figures: readonly Round[], of: (round: Round) => number): number => rounded(median(figures.map(of)))
  const cpuOf = ({ sellerCpuMs, buyerCpuMs }: Round): number => sellerCpuMs + buyerCpuMs
  const baseline = median(free.map(cpuOf))
  return (
    [
      ['free', free],
      ['paid', paid],
    ] as const
  ).map(([contender, figures]) => ({
    contender,
    bytes: fileBytes,
    ms: medianOf(figures, ({ ms }) => ms),
    sellerCpuMs: medianOf(figures, ({ sellerCpuMs }) => sellerCpuMs),
    buyerCpuMs: medianOf(figures, ({ buyerCpuMs }) => buyerCpuMs),
    timesCpu: rounded(median(figures.map(cpuOf)) / baseline),
  }))
}
