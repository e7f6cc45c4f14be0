/** The store that the hosted-ledgers tutorial passes as `_store`. */
import { ObjStore } from '../../../../dist/compat/payment-channel-framework.js'

export { ObjStore as default, ObjStore as 'module.exports' }
