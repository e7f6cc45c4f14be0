/** The secret of a shop, drawn once and kept in its ledger, so that offers and tokens outlive a restart. */
import { randomBytes } from '../crypto/index.js'
import type { Ledger } from '../ledger/index.js'
import { committed } from './committed.js'
import { ShopError } from './errors.js'

const KEY = 'shop-secret'
const SECRET_BYTES = 32
/** The last time that a ledger can keep. */
const FOR_EVER = 2 ** 48 - 1

/** 32 bytes, durable when this resolves. The ledger must be open. @throws {ShopError} `SHOP_SECRET` */
export async function keptSecret(
  ledger: Ledger,
  random: (length: number) => Uint8Array = randomBytes,
): Promise<Uint8Array> {
  const secret = ledger.note(KEY) ?? random(SECRET_BYTES)
  if (!ledger.note(KEY)) {
    const noted = ledger.execute({ type: 'note', key: KEY, value: secret, expiresAt: FOR_EVER })
    if (!noted.ok) throw new ShopError('SHOP_SECRET', `the ledger cannot keep the shop's secret: ${noted.message}`)
  }
  if (!(await committed(ledger))) throw new ShopError('SHOP_SECRET', 'the ledger failed: restart, which recovers')
  return secret
}
