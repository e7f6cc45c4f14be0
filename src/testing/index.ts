export { MemoryTransport, type Schedule, transportPair } from './transport-pair.js'
