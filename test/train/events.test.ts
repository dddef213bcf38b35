import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WriteError } from '../../src/io/atomic.ts';
import { EventWriter } from '../../src/train/events.ts';
import { crc32c, frameRecord, maskedCrc32c } from '../../src/train/tfrecord.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-events-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

// A reader of its own, written from the format's description, that shares nothing with the writer.

/** CRC-32C, bit by bit. */
function slowCrc32c(bytes: Uint8Array): bigint {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return crc ^ 0xffffffffn;
}

function masked(bytes: Uint8Array): number {
  const crc = slowCrc32c(bytes);
  return Number((((crc >> 15n) | ((crc << 17n) & 0xffffffffn)) + 0xa282ead8n) & 0xffffffffn);
}

function recordsOf(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    expect(view.getUint32(at + 8, true)).toBe(masked(file.subarray(at, at + 8)));
    const record = file.subarray(at + 12, at + 12 + length);
    expect(record).toHaveLength(length);
    expect(view.getUint32(at + 12 + length, true)).toBe(masked(record));
    records.push(record);
    at += 16 + length;
  }
  return records;
}

type Field = bigint | number | Uint8Array;

/** The fields of a protocol buffer by number; the wire format without any schema. */
function fieldsOf(message: Uint8Array): Map<number, Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const fields = new Map<number, Field>();
  while (at < message.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) fields.set(tag >>> 3, varint());
    else if (wire === 1) fields.set(tag >>> 3, view.getFloat64((at += 8) - 8, true));
    else if (wire === 5) fields.set(tag >>> 3, view.getFloat32((at += 4) - 4, true));
    else {
      const length = Number(varint());
      fields.set(tag >>> 3, message.subarray(at, (at += length)));
    }
  }
  return fields;
}

const textOf = (field: Field | undefined): string => new TextDecoder().decode(field as Uint8Array);

interface Decoded {
  wallTime: number;
  step: number;
  version?: string;
  scalar?: [name: string, value: number];
  session?: number;
}

function eventsOf(path: string): Decoded[] {
  return recordsOf(readFileSync(path)).map((record) => {
    const event = fieldsOf(record);
    const decoded: Decoded = { wallTime: event.get(1) as number, step: Number(event.get(2)) };
    if (event.has(3)) decoded.version = textOf(event.get(3));
    if (event.has(5)) {
      const value = fieldsOf(fieldsOf(event.get(5) as Uint8Array).get(1) as Uint8Array);
      decoded.scalar = [textOf(value.get(1)), value.get(2) as number];
    }
    if (event.has(7)) decoded.session = Number(fieldsOf(event.get(7) as Uint8Array).get(1));
    return decoded;
  });
}

describe('TFRecord', () => {
  test('CRC-32C has the check values of RFC 3720, and is not the CRC-32 of zip files', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(new Uint8Array(0))).toBe(0);
    expect(crc32c(Uint8Array.of(1))).not.toBe(crc32(Uint8Array.of(1)));
    expect(maskedCrc32c(new Uint8Array(0))).toBe(0xa282ead8);
  });

  test('a record is length, checksum, bytes, checksum', () => {
    const record = Uint8Array.of(1, 2, 3, 250);
    const framed = frameRecord(record);
    expect(framed).toHaveLength(20);
    expect(recordsOf(framed)).toEqual([record]);
  });
});

describe('EventWriter', () => {
  test('writes a file that a reader of the format understands', () => {
    const writer = new EventWriter(join(folder, 'runs', 'a'));
    writer.scalar('loss/train', 0.125, 0, { wallTime: 1700000000.25 });
    writer.scalar('loss/train', Number.NaN, 1);
    writer.scalar('Genauigkeit ∇', 1e-30, 2 ** 40, { wallTime: 1 });
    writer.close();
    expect(basename(writer.path)).toMatch(/^events\.out\.tfevents\.\d{10}\.[\w.-]+\.\d+\.\d+$/);
    const events = eventsOf(writer.path);
    expect(events[0]).toMatchObject({ step: 0, version: 'brain.Event:2' });
    expect(events[1]).toEqual({ wallTime: 1700000000.25, step: 0, scalar: ['loss/train', 0.125] });
    expect(events[2].scalar).toEqual(['loss/train', Number.NaN]);
    expect(events[2].wallTime).toBeGreaterThan(1.7e9);
    expect(events[3]).toEqual({ wallTime: 1, step: 2 ** 40, scalar: ['Genauigkeit ∇', Math.fround(1e-30)] });
    expect(events).toHaveLength(4);
  });

  test('the file is readable from the start and after each flush; closing writes the rest', () => {
    const writer = new EventWriter(folder);
    expect(eventsOf(writer.path)).toHaveLength(1);
    writer.scalar('a', 1, 1);
    expect(eventsOf(writer.path)).toHaveLength(1);
    writer.flush();
    expect(eventsOf(writer.path)).toHaveLength(2);
    writer.scalar('a', 2, 2);
    writer.close();
    writer.close();
    expect(eventsOf(writer.path).map((event) => event.scalar?.[1])).toEqual([undefined, 1, 2]);
    expect(() => writer.scalar('a', 3, 3)).toThrow('is closed');
  });

  test('a file that is full is followed by another, in the order of their names', () => {
    const writer = new EventWriter(folder, { maxBytes: 100 });
    for (let step = 0; step < 12; step++) {
      writer.scalar('a', step, step);
      writer.flush();
    }
    writer.close();
    expect(writer.paths.length).toBeGreaterThan(2);
    expect(readdirSync(folder).sort()).toEqual(writer.paths.map((path) => basename(path)));
    const all = writer.paths.map(eventsOf);
    for (const events of all) expect(events[0].version).toBe('brain.Event:2');
    expect(all.flat().flatMap(({ scalar }) => scalar?.[1] ?? [])).toEqual(
      Array.from({ length: 12 }, (_, i) => i),
    );
  });

  test('with flushSeconds 0 every event is written at once', () => {
    const writer = new EventWriter(folder, { flushSeconds: 0 });
    writer.scalar('a', 1, 1);
    expect(eventsOf(writer.path)).toHaveLength(2);
    writer.close();
  });

  test('two writers of a folder have two files; a resumed run says what to forget', () => {
    const first = new EventWriter(folder);
    const second = new EventWriter(folder, { purgeStep: 7 });
    first.close();
    second.close();
    expect(readdirSync(folder)).toHaveLength(2);
    expect(eventsOf(second.path)[1]).toMatchObject({ step: 7, session: 1 });
  });

  test('refuses steps that are no counts, and folders that cannot be', () => {
    const writer = new EventWriter(folder);
    expect(() => writer.scalar('a', 1, -1)).toThrow(RangeError);
    expect(() => writer.scalar('a', 1, 0.5)).toThrow('step 0.5 is not a non-negative integer');
    writer.close();
    expect(eventsOf(writer.path)).toHaveLength(1);
    writeFileSync(join(folder, 'plain'), '');
    expect(() => new EventWriter(join(folder, 'plain', 'runs'))).toThrow(WriteError);
    expect(() => new EventWriter(join(folder, 'plain', 'runs'))).toThrow('is a file, not a folder');
  });
});
