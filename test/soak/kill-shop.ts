/** Kill -9 of the shop at random moments and at chosen steps, 200 rounds on the same books. See ../kill/kill-shop.ts. */
import { killShop } from '../kill/kill-shop.js'
import { soakKills } from './kill-rounds.js'

await soakKills(killShop)
