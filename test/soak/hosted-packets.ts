/** Kill -9 of the host of many version 2 holders, 200 rounds on the same books. See ../kill/kill-packet-host.ts. */
import { killPacketHost } from '../kill/kill-packet-host.js'
import { soakKills } from './kill-rounds.js'

await soakKills(killPacketHost)
