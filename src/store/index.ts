export { StoreError } from './errors.js'
export { isNotFound, KvStore, type KvStoreOptions, type KeyValueStore } from './kv.js'
export { MemoryStore, type MemoryStoreOptions } from './memory.js'
export * from './types.js'
