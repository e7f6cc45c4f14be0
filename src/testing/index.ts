export { FakeClock } from './fake-clock.js'
export { MemoryTransport, type Schedule, transportPair } from './transport-pair.js'
