export { FakeClock } from './fake-clock.js'
export { GatedStore } from './gated-store.js'
export { type StoreFixture, type StoreSubject, testLedgerStore } from './store-suite.js'
export { MemoryTransport, type Schedule, transportPair } from './transport-pair.js'
