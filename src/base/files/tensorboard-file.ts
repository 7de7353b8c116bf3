import crc32c from 'crc-32/crc32c.js';

/**
 * The bytes of a file that TensorBoard reads: `tf.Event` messages of protocol buffers in TFRecord frames.
 * Sources: tensorflow/core/util/event.proto and summary.proto (field numbers), tensorflow/core/lib/io/record_writer.h (frames).
 */

/** What such a file begins with. `seconds` are those since 1970. */
export function firstRecord(seconds: number): Buffer {
  return record(Buffer.concat([double(1, seconds), bytes(3, Buffer.from('brain.Event:2'))]));
}

/** Values of one step, by the names of their charts. */
export function scalarsRecord(seconds: number, step: number, values: Readonly<Record<string, number>>): Buffer {
  const summary = Object.entries(values).map(([tag, value]) =>
    bytes(1, Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)])),
  );
  return record(Buffer.concat([double(1, seconds), varint(2, step), bytes(5, Buffer.concat(summary))]));
}

/** Length and data, each followed by its checksum. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

/** CRC-32C, turned and shifted, because checksums of data that holds checksums are weak. */
function checksum(data: Buffer): Buffer {
  const crc = crc32c.buf(data) >>> 0;
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa2_82_ea_d8) >>> 0);
  return masked;
}

const [VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES] = [0, 1, 2, 5];

function varint(field: number, value: number): Buffer {
  return Buffer.concat([number((field << 3) | VARINT), number(value)]);
}

function double(field: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return Buffer.concat([number((field << 3) | EIGHT_BYTES), data]);
}

function float(field: number, value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([number((field << 3) | FOUR_BYTES), data]);
}

function bytes(field: number, data: Buffer): Buffer {
  return Buffer.concat([number((field << 3) | LENGTH), number(data.length), data]);
}

/** Seven bits a byte, the lowest first. */
function number(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  return Buffer.from([...out, rest]);
}
