import type protobuf from 'protobufjs/minimal.js';
import { reasonOf, WriteError } from '../io/atomic.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { frameRecord } from './tfrecord.ts';

type Writer = protobuf.Writer;

/** The tag of a field in a protocol buffer: its number and how its value is written. */
const tag = (field: number, wire: 'varint' | 'fixed64' | 'bytes' | 'fixed32'): number =>
  (field << 3) | { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 }[wire];

/** Field numbers of TensorFlow's messages Event, Summary, Summary.Value and SessionLog. */
const fields = {
  event: { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 },
  summary: { value: 1 },
  value: { tag: 1, simpleValue: 2 },
  sessionLog: { status: 1, start: 1 },
} as const;

/** Options of {@link EventWriter}. */
export interface EventWriterOptions {
  /**
   * For a resumed run: TensorBoard is to forget what earlier files of the folder say from this step on, since it will
   * be written again.
   */
  readonly purgeStep?: number;
}

let files = 0;

/** Loaded for the first event file, as browsers cannot load CommonJS modules and have no use for it. */
const loadProtobuf = (): typeof protobuf =>
  nodeModule('node:module', 'EventWriter').createRequire(import.meta.url)('protobufjs/minimal.js');

/**
 * Writes an event file that TensorBoard reads: a TFRecord file of protocol buffers `Event`, one scalar each. Events are
 * kept in memory until {@link flush} or {@link close}; each flush appends whole records, so a file of a killed process
 * is readable. TensorBoard joins all files of a folder, so a resumed run just opens another one.
 */
export class EventWriter {
  /** The file that is written: `events.out.tfevents.<seconds>.<host>.<process>.<number>` in the folder. */
  readonly path: string;
  private file: number | null;
  private readonly fs = nodeModule('node:fs', 'EventWriter');
  private readonly protobuf = loadProtobuf();
  private pending: Uint8Array[] = [];

  /**
   * Creates the folder where needed and opens a new file in it.
   *
   * @throws WriteError when that is not possible
   */
  constructor(folder: string, options: EventWriterOptions = {}) {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
    const { join } = nodeModule('node:path', 'EventWriter');
    const host = nodeModule('node:os', 'EventWriter')
      .hostname()
      .replace(/[^\w.-]/g, '_');
    this.path = join(folder, `events.out.tfevents.${seconds}.${host}.${process.pid}.${files++}`);
    this.file = attempt(this.path, () => {
      this.fs.mkdirSync(folder, { recursive: true });
      return this.fs.openSync(this.path, 'wx');
    });
    this.add(Date.now() / 1000, 0, (event) =>
      event.uint32(tag(fields.event.fileVersion, 'bytes')).string('brain.Event:2'),
    );
    if (options.purgeStep !== undefined) {
      this.add(Date.now() / 1000, options.purgeStep, (event) =>
        event
          .uint32(tag(fields.event.sessionLog, 'bytes'))
          .fork()
          .uint32(tag(fields.sessionLog.status, 'varint'))
          .int32(fields.sessionLog.start)
          .ldelim(),
      );
    }
    this.flush();
  }

  /**
   * Notes that the series `name` has `value` (kept as float32) at `step`.
   *
   * @param name the series, such as `loss/train`; TensorBoard groups by what precedes the slash
   * @param step an integer, not negative
   * @param wallTime seconds since 1970, default now
   * @throws RangeError when the step is not such an integer
   * @throws Error when the writer is closed
   */
  scalar(name: string, value: number, step: number, wallTime: number = Date.now() / 1000): void {
    this.add(wallTime, step, (event) =>
      event
        .uint32(tag(fields.event.summary, 'bytes'))
        .fork()
        .uint32(tag(fields.summary.value, 'bytes'))
        .fork()
        .uint32(tag(fields.value.tag, 'bytes'))
        .string(name)
        .uint32(tag(fields.value.simpleValue, 'fixed32'))
        .float(value)
        .ldelim()
        .ldelim(),
    );
  }

  /**
   * Appends what has been noted since the last flush.
   *
   * @throws WriteError when the disk is full or the file is gone; what was not written stays noted
   */
  flush(): void {
    const { file } = this;
    if (file === null || this.pending.length === 0) return;
    attempt(this.path, () => {
      while (this.pending.length > 0) {
        // A call may write less than all of it: what it wrote is not written again.
        const record = this.pending[0];
        const written = this.fs.writeSync(file, record);
        if (written === record.length) this.pending.shift();
        else this.pending[0] = record.subarray(written);
      }
    });
  }

  /**
   * Writes the rest and closes the file. Closing twice does nothing.
   *
   * @throws WriteError as {@link flush}; the file is closed all the same
   */
  close(): void {
    const { file } = this;
    if (file === null) return;
    try {
      this.flush();
      attempt(this.path, () => this.fs.fsyncSync(file));
    } finally {
      this.file = null;
      this.fs.closeSync(file);
    }
  }

  /** `using writer = new EventWriter(...)` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  private add(wallTime: number, step: number, body: (event: Writer) => void): void {
    if (this.file === null) throw new Error(`EventWriter: ${this.path} is closed`);
    if (!Number.isSafeInteger(step) || step < 0) {
      throw new RangeError(`EventWriter: step ${step} is not a non-negative integer`);
    }
    const event = this.protobuf.Writer.create();
    event.uint32(tag(fields.event.wallTime, 'fixed64')).double(wallTime);
    event.uint32(tag(fields.event.step, 'varint')).int64(step);
    body(event);
    this.pending.push(frameRecord(event.finish()));
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new WriteError(path, reasonOf(error), error);
  }
}
