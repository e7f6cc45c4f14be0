/** Kill -9 of the buyer at random moments and at chosen steps, 200 rounds on the same account and record. See ../kill/kill-buyer.ts. */
import { killBuyer } from '../kill/kill-buyer.js'
import { soakKills } from './kill-rounds.js'

await soakKills(killBuyer)
