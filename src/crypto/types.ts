/** HMAC-SHA-256 under one key whose pads are computed once: 32 bytes of `message`. */
export type Mac = (message: Uint8Array) => Uint8Array
