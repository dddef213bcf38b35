import { FormatError } from '../safetensors_format.ts';
import { fieldsOf, float, floats, integer, integers, message, text } from '../wire.ts';

/** The messages of onnx.proto that a model consists of, decoded. Field numbers as https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has them. */

/** A tensor as the file has it: its elements are in one of the lists, in `raw`, or in another file. */
export interface TensorMessage {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: number;
  readonly raw: Uint8Array | null;
  /** float_data and double_data, int32_data, int64_data and uint64_data: whichever there is. */
  readonly numbers: readonly number[];
  /** Where the data are, if in another file: `location`, `offset`, `length`. */
  readonly external: ReadonlyMap<string, string> | null;
}

/** One attribute of a node. */
export interface AttributeMessage {
  readonly name: string;
  readonly f: number | null;
  readonly i: number | null;
  readonly s: string | null;
  readonly t: TensorMessage | null;
  readonly g: GraphMessage | null;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly string[];
}

/** One operator of a graph. */
export interface NodeMessage {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeMessage>;
}

/** What is known about the type of an input or output; extents may be numbers, names, or null. */
export interface ValueMessage {
  readonly name: string;
  readonly type: number;
  /** Null: not even the rank is known. */
  readonly shape: readonly (number | string | null)[] | null;
}

/** A graph, of the model or inside of a control flow operator. */
export interface GraphMessage {
  readonly name: string;
  readonly nodes: readonly NodeMessage[];
  readonly initializers: readonly TensorMessage[];
  readonly inputs: readonly ValueMessage[];
  readonly outputs: readonly ValueMessage[];
  /** Initializers that are stored sparse, by name. */
  readonly sparse: readonly string[];
}

/** A model. */
export interface ModelMessage {
  readonly irVersion: number;
  readonly producer: string;
  /** The version of each set of operators, by its domain; '' is ONNX itself. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: GraphMessage;
}

/** Graphs within graphs of a real model: a few. Of a file made to exhaust the stack: thousands. */
const deepest = 16;

function entry(bytes: Uint8Array, what: string): [key: string, value: string] {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(bytes, what)) {
    if (field.number === 1) key = text(field, what);
    else if (field.number === 2) value = text(field, what);
  }
  return [key, value];
}

function tensorOf(bytes: Uint8Array, what: string): TensorMessage {
  const dims: number[] = [];
  const numbers: number[] = [];
  const external = new Map<string, string>();
  let [name, type, elsewhere] = ['', 0, 0];
  let raw: Uint8Array | null = null;
  for (const field of fieldsOf(bytes, what)) {
    const { number } = field;
    if (number === 1) integers(field, what, dims);
    else if (number === 2) type = integer(field, what);
    else if (number === 4) floats(field, what, 4, numbers);
    else if (number === 5 || number === 7 || number === 11) integers(field, what, numbers);
    else if (number === 8) name = text(field, what);
    else if (number === 9) raw = message(field, what);
    else if (number === 10) floats(field, what, 8, numbers);
    else if (number === 13) external.set(...entry(message(field, what), what));
    else if (number === 14) elsewhere = integer(field, what);
  }
  return { name, dims, type, raw, numbers, external: elsewhere === 1 ? external : null };
}

function attributeOf(bytes: Uint8Array, what: string, depth: number): AttributeMessage {
  let name = '';
  let [f, i]: (number | null)[] = [null, null];
  let s: string | null = null;
  let t: TensorMessage | null = null;
  let g: GraphMessage | null = null;
  const [real, whole, strings]: [number[], number[], string[]] = [[], [], []];
  for (const field of fieldsOf(bytes, what)) {
    const { number } = field;
    if (number === 1) name = text(field, what);
    else if (number === 2) f = float(field, what);
    else if (number === 3) i = integer(field, what);
    else if (number === 4) s = text(field, what);
    else if (number === 5) t = tensorOf(message(field, what), what);
    else if (number === 6) g = graphOf(message(field, what), what, depth + 1);
    else if (number === 7) floats(field, what, 4, real);
    else if (number === 8) integers(field, what, whole);
    else if (number === 9) strings.push(text(field, what));
  }
  return { name, f, i, s, t, g, floats: real, ints: whole, strings };
}

function nodeOf(bytes: Uint8Array, what: string, depth: number): NodeMessage {
  const [inputs, outputs]: string[][] = [[], []];
  const attributes = new Map<string, AttributeMessage>();
  let [name, op, domain] = ['', '', ''];
  for (const field of fieldsOf(bytes, what)) {
    const { number } = field;
    if (number === 1) inputs.push(text(field, what));
    else if (number === 2) outputs.push(text(field, what));
    else if (number === 3) name = text(field, what);
    else if (number === 4) op = text(field, what);
    else if (number === 5) {
      const attribute = attributeOf(message(field, what), what, depth);
      attributes.set(attribute.name, attribute);
    } else if (number === 7) domain = text(field, what);
  }
  return { name, op, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, attributes };
}

function shapeOf(bytes: Uint8Array, what: string): (number | string | null)[] {
  const shape: (number | string | null)[] = [];
  for (const field of fieldsOf(bytes, what)) {
    if (field.number !== 1) continue;
    let extent: number | string | null = null;
    for (const part of fieldsOf(message(field, what), what)) {
      if (part.number === 1) extent = integer(part, what);
      else if (part.number === 2) extent = text(part, what);
    }
    shape.push(extent);
  }
  return shape;
}

function valueMessageOf(bytes: Uint8Array, what: string): ValueMessage {
  let [name, type] = ['', 0];
  let shape: ValueMessage['shape'] = null;
  for (const field of fieldsOf(bytes, what)) {
    if (field.number === 1) name = text(field, what);
    if (field.number !== 2) continue;
    for (const kind of fieldsOf(message(field, what), what)) {
      if (kind.number !== 1) continue;
      for (const part of fieldsOf(message(kind, what), what)) {
        if (part.number === 1) type = integer(part, what);
        else if (part.number === 2) shape = shapeOf(message(part, what), what);
      }
    }
  }
  return { name, type, shape };
}

function graphOf(bytes: Uint8Array, what: string, depth: number): GraphMessage {
  if (depth > deepest) throw new FormatError(`${what}: graphs lie within graphs more than ${deepest} deep`);
  const nodes: NodeMessage[] = [];
  const initializers: TensorMessage[] = [];
  const [inputs, outputs]: ValueMessage[][] = [[], []];
  const sparse: string[] = [];
  let name = '';
  for (const field of fieldsOf(bytes, what)) {
    const { number } = field;
    if (number === 1) nodes.push(nodeOf(message(field, what), what, depth));
    else if (number === 2) name = text(field, what);
    else if (number === 5) initializers.push(tensorOf(message(field, what), what));
    else if (number === 11) inputs.push(valueMessageOf(message(field, what), what));
    else if (number === 12) outputs.push(valueMessageOf(message(field, what), what));
    else if (number === 15)
      for (const part of fieldsOf(message(field, what), what))
        if (part.number === 1) sparse.push(tensorOf(message(part, what), what).name);
  }
  return { name, nodes, initializers, inputs, outputs, sparse };
}

/**
 * Takes an ONNX file apart.
 *
 * @param what what error messages call it
 * @throws FormatError when it is damaged or of another kind
 */
export function decodeModel(bytes: Uint8Array, what: string): ModelMessage {
  const opsets = new Map<string, number>();
  let [irVersion, producer] = [0, ''];
  let graph: GraphMessage | null = null;
  for (const field of fieldsOf(bytes, what)) {
    const { number } = field;
    if (number === 1) irVersion = integer(field, what);
    else if (number === 2) producer = text(field, what);
    else if (number === 7) graph = graphOf(message(field, what), what, 0);
    else if (number === 8) {
      let [domain, version] = ['', 0];
      for (const part of fieldsOf(message(field, what), what)) {
        if (part.number === 1) domain = text(part, what);
        else if (part.number === 2) version = integer(part, what);
      }
      opsets.set(domain === 'ai.onnx' ? '' : domain, version);
    }
  }
  if (graph === null) throw new FormatError(`${what}: not an ONNX model: it has no graph`);
  if (!opsets.has(''))
    throw new FormatError(`${what}: not an ONNX model: it names no version of its operators`);
  return { irVersion, producer, opsets, graph };
}
