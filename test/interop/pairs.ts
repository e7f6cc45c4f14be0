/** Who meets whom: the pairs of parties that the trustline tests and the soak run over. */
import { oldModules, ourModules, type PartyModules } from './old-peers.js'

export interface Pair {
  readonly name: string
  readonly shop: PartyModules
  readonly client: PartyModules
}

export const pairs: readonly Pair[] = [
  { name: 'old client, old shop', shop: oldModules, client: oldModules },
  { name: 'old client, our shop', shop: ourModules, client: oldModules },
  { name: 'our client, old shop', shop: oldModules, client: ourModules },
  { name: 'our client, our shop', shop: ourModules, client: ourModules },
]
