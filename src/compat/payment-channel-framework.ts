/**
 * What `require('ilp-plugin-payment-channel-framework')` of 2017 gave: the plugin class, with its errors as a property,
 * and the store of its tests.
 */
import {
  AlreadyFulfilledError,
  AlreadyRolledBackError,
  DuplicateIdError,
  HostedLedgerPlugin,
  InvalidFieldsError,
  makePaymentChannelPlugin,
  MissingFulfillmentError,
  NotAcceptedError,
  RequestHandlerAlreadyRegisteredError,
  TransferNotConditionalError,
  TransferNotFoundError,
} from '../plugin/index.js'

/** The class itself, as old programs construct it. */
export class PaymentChannelFrameworkPlugin extends HostedLedgerPlugin {
  static readonly makePaymentChannelPlugin = makePaymentChannelPlugin
  static readonly errors = {
    AlreadyFulfilledError,
    AlreadyRolledBackError,
    DuplicateIdError,
    InvalidFieldsError,
    MissingFulfillmentError,
    NotAcceptedError,
    RequestHandlerAlreadyRegisteredError,
    TransferNotConditionalError,
    TransferNotFoundError,
  }
}

/** `ilp-plugin-payment-channel-framework/src/model/in-memory-store`: nothing in it survives the process. */
export class ObjStore {
  readonly s: Record<string, string>

  constructor(init: Record<string, string> = {}) {
    this.s = init
  }

  async get(key: string): Promise<string | undefined> {
    return this.s[key]
  }

  async put(key: string, value: string): Promise<null> {
    this.s[key] = value
    return null
  }

  async del(key: string): Promise<null> {
    delete this.s[key]
    return null
  }
}
