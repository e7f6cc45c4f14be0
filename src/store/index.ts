export { StoreError } from './errors.js'
export { MemoryStore, type MemoryStoreOptions } from './memory.js'
export * from './types.js'
