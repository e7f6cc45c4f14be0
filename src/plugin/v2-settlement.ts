/** The hook that decides about a peer's settlements, as the options of version 2 plugins have it: amounts are text there. */
import type { AcceptSettlement, Proof } from '../link/index.js'
import { InvalidFieldsError } from './errors.js'

/**
 * Whether what came with a BTP Transfer proves that `amount` base units were moved to us. `account` is `''` where there
 * is one peer only. Anything but `true`, and an exception, refuses.
 */
export type AcceptProof = (account: string, amount: string, proof: readonly Proof[]) => boolean | Promise<boolean>

/** @throws {InvalidFieldsError} */
export function settlementRule(accept: AcceptProof | undefined): AcceptSettlement | undefined {
  if (accept === undefined) return undefined
  if (typeof accept !== 'function') throw new InvalidFieldsError('acceptSettlement must be a function')
  return (account, amount, proof) => accept(account, String(amount), proof)
}
