/**
 * The Ringhub wire protocol, shared by hub and SDK: frames, the JSON codec, errors, positions and patterns.
 * PROTOCOL.md beside this folder is its specification.
 */

export { FRAME, SUBPROTOCOL_BINARY } from './binary-layout.ts';
export { readHeaders, writeHeaders } from './binary-message.ts';
export { ByteReader, DAMAGED } from './binary-reader.ts';
export { ByteWriter } from './binary-writer.ts';
export { type FieldFault, type Fields, readClientFields } from './client-fields.ts';
export * from './codec-binary-client.ts';
export * from './codec-binary-hub.ts';
export * from './codec-json-client.ts';
export * from './codec-json-hub.ts';
export { CLIENT_ERROR_CODES, type ClientErrorName, ERROR_CODES, retryOfCode } from './error-codes.ts';
export * from './errors.ts';
export * from './frames.ts';
export * from './hub-stats.ts';
export { exceedsJsonBounds, MAX_JSON_CONTAINERS, MAX_JSON_DEPTH } from './json-bounds.ts';
export {
  BAD_FRAME,
  type ClientMessage,
  type Invalid,
  MAX_FAULTS,
  NoFrames,
  restOf,
} from './message-frames.ts';
export { FREE_NAMES, MAX_NEW_NAMES, MAX_OBJECT_NAMES } from './name-budget.ts';
export * from './payload-json.ts';
export * from './position.ts';
export * from './queue-frames.ts';
export { ShortTexts } from './short-texts.ts';
export * from './topic-pattern.ts';
