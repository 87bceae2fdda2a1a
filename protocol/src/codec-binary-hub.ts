/**
 * Binary codec, the hub's half: reads client frames, writes hub frames (PROTOCOL §18).
 *
 * Reading never throws: frames, and one fatal {@link Invalid} where the bytes end to be frames; fields are
 * checked by the same code as those of JSON. Payloads are copied and not looked into. Writing: an item's bytes
 * are made once and shared by all its receivers; of a shared `deliver`, {@link patchDeliver} makes the next one's.
 */
import {
  CONTENT_TYPES,
  DELIVER_QUEUE_AT,
  DELIVER_TAG_AT,
  FLAG,
  FRAME,
  HEADER_KIND,
  ITEM,
  NOTE_FLAG,
  RUN_FLAG,
} from './binary-layout.ts';
import { type ByteReader, ... } from './binary-reader.ts';
